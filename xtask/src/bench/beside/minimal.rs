//! The least that can be called a queue: a table of four columns, of which a row is taken with `skip locked` and set to done. It knows no
//! tenants, no limits, no leases that expire, and nobody who has lost one; what it does is what Postgres can do at most.

use std::path::PathBuf;

use anyhow::Result;
use sqlx::{AssertSqlSafe, Connection as _};

use crate::bench::case::{Case, Measured};
use crate::bench::pgbench;
use crate::bench::script::Variables;
use crate::bench::world;
use crate::database;
use crate::paths::Dirs;
use crate::postgres::{self, Server};

const ONE: &str = "\
update queue set state = 1, token = gen_random_uuid() where id = (
  select id from queue where state = 0 order by id for update skip locked limit 1)
returning id, token \\gset
update queue set state = 2 where id = :id and token = :token::uuid and state = 1;
";

fn many(size: u32) -> String {
    format!(
        "\
with taken as (
  update queue set state = 1, token = gen_random_uuid() where id = any (array(
    select id from queue where state = 0 order by id for update skip locked limit {size}))
  returning id, token)
select array_agg(id)::text as ids, array_agg(token)::text as tokens from taken \\gset
update queue q set state = 2 from unnest(:ids::bigint[], :tokens::uuid[]) t (id, token)
where q.id = t.id and q.token = t.token and q.state = 1;
"
    )
}

/// Makes its database, with `finished` rows that are done and `runs` that wait.
pub async fn seed(server: &Server, name: &str, finished: u32, runs: u32) -> Result<()> {
    let url = world::create(server, name).await?;
    let mut connection = database::connect(&url).await?;
    let rows = format!(
        "create table queue (id bigint generated always as identity primary key, state smallint not null, token uuid, payload jsonb);
         insert into queue (state, payload) select case when i <= {finished} then 2 else 0 end, '{{}}'
           from generate_series(1, {finished} + {runs}) i;
         create index on queue (id) where state = 0"
    );
    sqlx::raw_sql(AssertSqlSafe(rows)).execute(&mut connection).await?;
    sqlx::raw_sql("vacuum (analyze, freeze)").execute(&mut connection).await?;
    Ok(connection.close().await?)
}

/// Works on a copy of it by pgbench, the one of the Postgres that it works on.
pub async fn run(dirs: &Dirs, server: &Server, case: Case, seconds: u32) -> Result<Measured> {
    let folder = dirs.dev()?.join("bench");
    std::fs::create_dir_all(&folder)?;
    let script: PathBuf = folder.join(format!("minimal_{}.sql", case.size));
    std::fs::write(&script, if case.size == 1 { ONE.to_owned() } else { many(case.size) })?;
    let program = postgres::install(dirs).await?.join("pgbench");
    pgbench::execute(&program, server, world::COPY, &script, &Variables::new(), case, seconds).await
}

/// Rows of the copy that are done, but for those that were before.
pub async fn done(database_url: &str, finished: u32) -> Result<u64> {
    let mut connection = database::connect(database_url).await?;
    let counted = sqlx::query_scalar("select count(*) from queue where state = 2");
    let count: i64 = counted.fetch_one(&mut connection).await?;
    connection.close().await?;
    Ok((count - i64::from(finished)).try_into().unwrap_or(0))
}

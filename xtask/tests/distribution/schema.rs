//! The schema, as Postgres tells it after all migrations.

use std::collections::BTreeSet;
use std::path::Path;

use sqlx::Connection;
use xtask::paths::Dirs;
use xtask::{database, postgres};

use super::not_ready::{FUNCTIONS, KEYS};
use super::{OF_ALL, OF_TENANTS};

/// Ordinary tables, but for that of the migrations.
const TABLES: &str = "
    select c.relname::text from pg_class c
    where c.relnamespace = 'public'::regnamespace and c.relkind in ('r', 'p') and c.relname <> '_sqlx_migrations'";
/// Keys, unique indexes and foreign keys of tables of tenants ($1) in which no column is the tenant.
const BARE_KEYS: &str = "
    with key as (
      select i.relname::text as name, x.indrelid as of, x.indkey::int2[] as columns
      from pg_index x join pg_class i on i.oid = x.indexrelid
      where x.indisunique
      union all
      select k.conname, k.conrelid, k.conkey from pg_constraint k where k.contype = 'f')
    select key.name from key join pg_class c on c.oid = key.of
    where c.relnamespace = 'public'::regnamespace and c.relname = any ($1)
      and not exists (
        select from pg_attribute a
        where a.attrelid = c.oid and a.attnum = any (key.columns)
          and a.attname = case when c.relname = 'tenants' then 'id' else 'tenant_id' end)";
/// Functions that name a table of tenants ($1), and are neither triggers nor told a tenant first.
const BARE_FUNCTIONS: &str = r"
    select p.proname::text from pg_proc p
    where p.pronamespace = 'public'::regnamespace
      and p.prorettype <> 'trigger'::regtype
      and coalesce(p.prosrc, '') || coalesce(pg_get_function_sqlbody(p.oid), '') ~ ('\y(' || array_to_string($1, '|') || ')\y')
      and coalesce(p.proargnames[1], '') <> 'tenant'";

struct Schema {
    server: postgres::Server,
    connection: sqlx::PgConnection,
}

impl Schema {
    async fn start(test: &str) -> Self {
        let dirs = Dirs::new(Path::new(env!("CARGO_MANIFEST_DIR")).parent().unwrap());
        let options = postgres::Options {
            name: format!("test-distribution-{test}"),
            port: None,
            throw_away: true,
            folder: None,
            settings: vec![("fsync".to_owned(), "off".to_owned())],
        };
        let server = postgres::Server::start(&dirs, options).await.unwrap();
        database::migrate(&dirs, &server.database_url).await.unwrap();
        let connection = database::connect(&server.database_url).await.unwrap();
        Self { server, connection }
    }

    async fn names(&mut self, sql: &'static str) -> BTreeSet<String> {
        let tables: Vec<String> = OF_TENANTS.iter().map(|&table| table.to_owned()).collect();
        let names: Vec<String> =
            sqlx::query_scalar(sql).bind(tables).fetch_all(&mut self.connection).await.unwrap();
        names.into_iter().collect()
    }

    async fn stop(mut self) {
        self.connection.close().await.unwrap();
        self.server.stop().await.unwrap();
    }
}

#[tokio::test]
async fn keys_and_functions_have_the_tenant_or_are_known_not_to() {
    let mut schema = Schema::start("keys").await;
    let tables: Vec<String> = sqlx::query_scalar(TABLES).fetch_all(&mut schema.connection).await.unwrap();
    let (keys, functions) = (schema.names(BARE_KEYS).await, schema.names(BARE_FUNCTIONS).await);
    schema.stop().await;

    let placed: BTreeSet<&str> = OF_TENANTS.into_iter().chain(OF_ALL).collect();
    assert_eq!(
        tables.iter().map(String::as_str).collect::<BTreeSet<_>>(),
        placed,
        "say where a new table would lie"
    );
    let known: BTreeSet<_> = KEYS.iter().map(|(name, _)| (*name).to_owned()).collect();
    assert_eq!(keys, known, "left: keys without a tenant, right: those that not_ready.rs knows");
    let known: BTreeSet<_> = FUNCTIONS.iter().map(|(name, _)| (*name).to_owned()).collect();
    assert_eq!(functions, known, "left: functions without a tenant, right: those that not_ready.rs knows");
}

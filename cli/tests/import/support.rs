//! An old database beside the one that is imported into, and the program between them.

use serde_json::Value;
use sqlx::postgres::PgConnectOptions;
use sqlx::{AssertSqlSafe, ConnectOptions as _, Connection as _, Executor as _, PgConnection, PgPool};
use uuid::Uuid;

pub const ORIGINAL: &str = include_str!("original.sql");
pub const OLDER: &str = include_str!("older.sql");
pub const WORLD: &str = include_str!("world.sql");

/// The id that ends in these digits, as world.sql writes them.
pub fn id(digits: &str) -> Uuid {
    format!("00000000-0000-4000-8000-{digits:0>12}").parse().unwrap()
}

/// An old database and the new one.
pub struct Ends {
    pub pool: PgPool,
    from: PgConnectOptions,
}

impl Ends {
    /// A new old database with these statements.
    pub async fn new(pool: PgPool, sql: &[&str]) -> Self {
        let options = pool.connect_options().as_ref().clone();
        // Postgres cuts longer names, and the end is what tells them apart.
        let here = options.get_database().unwrap();
        let name = format!("old_{}", &here[here.len().saturating_sub(50)..]);
        let ends = Self { pool, from: options.database(&name) };
        ends.drop_database().await;
        ends.on_server(&format!("create database \"{name}\" template template0")).await;
        // Times without a zone are UTC wherever the old server thinks it is.
        ends.on_server(&format!("alter database \"{name}\" set timezone = 'America/New_York'")).await;
        for sql in sql {
            ends.there(sql).await;
        }
        ends
    }

    /// An installation as world.sql has it.
    pub async fn world(pool: PgPool) -> Self {
        // The data have no zones: they are UTC.
        Self::new(pool, &[ORIGINAL, &format!("set timezone = 'UTC'; {WORLD}")]).await
    }

    /// Changes the old database.
    pub async fn there(&self, sql: &str) {
        let mut conn = self.connect_there().await;
        conn.execute(sqlx::raw_sql(AssertSqlSafe(sql))).await.unwrap();
        conn.close().await.unwrap();
    }

    pub async fn connect_there(&self) -> PgConnection {
        self.from.connect().await.unwrap()
    }

    /// Changes the new one.
    pub async fn here(&self, sql: &str) {
        self.pool.execute(sqlx::raw_sql(AssertSqlSafe(sql))).await.unwrap();
    }

    /// The one value that a query of the new one returns, as JSON.
    pub async fn value(&self, sql: &str) -> Value {
        let sql = format!("select to_jsonb(v.*) -> 'v' from ({sql}) v(v)");
        sqlx::query_scalar::<_, Option<Value>>(AssertSqlSafe(sql))
            .fetch_one(&self.pool)
            .await
            .unwrap()
            .unwrap_or_default()
    }

    /// Every row of every table that an import writes.
    pub async fn rows(&self) -> String {
        let mut conn = self.pool.acquire().await.unwrap();
        let tables =
            ["tenants", "pipelines", "pipeline_versions", "pipeline_version_transitions", "pipeline_runs"];
        content(&mut conn, &tables).await
    }

    /// Every row of the old database.
    pub async fn rows_there(&self) -> String {
        let mut conn = self.connect_there().await;
        let rows = content(&mut conn, &["tenants", "pipelines", "pipeline_versions", "pipeline_runs"]).await;
        conn.close().await.unwrap();
        rows
    }

    /// Where the old one is.
    pub fn url_there(&self) -> String {
        self.from.to_url_lossy().to_string()
    }

    /// Where the new one is.
    pub fn url_here(&self) -> String {
        self.pool.connect_options().to_url_lossy().to_string()
    }

    /// `runplane import --json` with more arguments.
    pub async fn import(&self, args: &[&str]) -> Said {
        self.run(&[&["--json"], args].concat()).await
    }

    /// `runplane import` with more arguments.
    pub async fn run(&self, args: &[&str]) -> Said {
        import(&[&["--from", &self.url_there(), "--to", &self.url_here()], args].concat()).await
    }

    /// Removes the old database. The new one goes by itself.
    pub async fn drop_database(&self) {
        self.on_server(&format!(
            "drop database if exists \"{}\" with (force)",
            self.from.get_database().unwrap()
        ))
        .await;
    }

    async fn on_server(&self, sql: &str) {
        self.pool.execute(sqlx::raw_sql(AssertSqlSafe(sql))).await.unwrap();
    }
}

/// A digest of all rows of these tables.
async fn content(conn: &mut PgConnection, tables: &[&str]) -> String {
    let mut all = String::new();
    for table in tables {
        let sql = format!(
            "select count(*) || ' ' || md5(coalesce(string_agg(t::text, ',' order by t.id), '')) from {table} t"
        );
        let rows: String = sqlx::query_scalar(AssertSqlSafe(sql)).fetch_one(&mut *conn).await.unwrap();
        all.push_str(&format!("{table} {rows}\n"));
    }
    all
}

/// The program on its own.
pub async fn import(args: &[&str]) -> Said {
    let mut command = tokio::process::Command::new(env!("CARGO_BIN_EXE_runplane"));
    command.arg("import").args(args).env_remove("DATABASE_URL").kill_on_drop(true);
    let output = command.output().await.unwrap();
    Said {
        code: output.status.code().unwrap(),
        out: String::from_utf8(output.stdout).unwrap(),
        err: String::from_utf8(output.stderr).unwrap(),
    }
}

/// What the program said.
#[derive(Debug)]
pub struct Said {
    pub code: i32,
    pub out: String,
    pub err: String,
}

impl Said {
    /// Itself, if it ended with this code.
    #[track_caller]
    pub fn ended(self, code: i32) -> Self {
        assert_eq!(self.code, code, "{}\n{}", self.out, self.err);
        self
    }

    fn documents(&self) -> impl Iterator<Item = Value> {
        self.out.lines().map(|line| serde_json::from_str(line).unwrap())
    }

    /// The summary.
    pub fn summary(&self) -> Value {
        self.documents().last().unwrap()["summary"].clone()
    }

    /// A count of the summary.
    pub fn count(&self, kind: &str, which: &str) -> u64 {
        self.summary()["counts"][kind][which].as_u64().unwrap()
    }

    /// The remarks of the summary.
    pub fn remarks(&self) -> Vec<String> {
        serde_json::from_value(self.summary()["remarks"].clone()).unwrap()
    }

    /// The lines about rows: `note id detail`.
    pub fn notes(&self) -> Vec<String> {
        let text = |value: &Value| value.as_str().unwrap().to_owned();
        self.documents()
            .filter(|line| line.get("note").is_some())
            .map(|line| format!("{} {} {}", text(&line["note"]), text(&line["id"]), text(&line["detail"])))
            .collect()
    }

    /// How many rows were read of each kind and are in none of the counts: there must not be any.
    pub fn assert_nothing_is_dropped(&self) {
        for kind in ["tenants", "pipelines", "versions", "runs"] {
            let count = |which| self.count(kind, which);
            let told = count("copied") + count("updated") + count("already_there") + count("left_out");
            assert_eq!(count("read"), told, "{kind}: {}", self.out);
        }
    }
}

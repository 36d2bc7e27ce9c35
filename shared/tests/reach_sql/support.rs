//! What the tests share: a test's own database, as a connection of a tenant leads to it.

use std::time::Duration;

use runplane::catalog::{SqlConfig, SqlTls};
use runplane::reach::sql::Sql;
use runplane::reach::{ReachFailure, SqlDestination};
use serde_json::{Value, json};
use sqlx::postgres::{PgConnectOptions, PgConnection};
use sqlx::{AssertSqlSafe, ConnectOptions, Executor, raw_sql};
use uuid::Uuid;

/// Longer than any statement here may take.
pub const LONG: Duration = Duration::from_secs(30);

/// The database of a test, and what steps reach it with.
#[derive(Debug)]
pub struct Db {
    pub sql: Sql,
    pub destination: SqlDestination,
    pub options: PgConnectOptions,
}

impl Db {
    pub fn new(options: PgConnectOptions) -> Self {
        let url = options.to_url_lossy();
        let secret = url.password().map(|password| {
            percent_encoding::percent_decode_str(password).decode_utf8().unwrap().into_owned().into()
        });
        let config = SqlConfig {
            host: options.get_host().to_owned(),
            port: Some(options.get_port().into()),
            database: options.get_database().unwrap().to_owned(),
            user: options.get_username().to_owned(),
            tls: Some(SqlTls::Disable),
            read_only: None,
        };
        let destination =
            SqlDestination { id: Uuid::now_v7(), config, allow_private_addresses: true, secret };
        Self { sql: Sql::new(), destination, options }
    }

    pub fn read_only(mut self) -> Self {
        self.destination.config.read_only = Some(true);
        self
    }

    pub async fn call(&self, with: Value) -> Result<Value, ReachFailure> {
        self.sql.call(with.as_object().unwrap(), &self.destination, LONG).await
    }

    /// The rows that a statement returns.
    pub async fn rows(&self, statement: &str, args: Value) -> Vec<Value> {
        let called = self.call(json!({"statement": statement, "args": args, "max_rows": 10_000})).await;
        let result = called.unwrap_or_else(|failure| panic!("{statement}: {failure}"));
        result["rows"].as_array().unwrap().clone()
    }

    /// The only value that a statement returns.
    pub async fn value(&self, statement: &str, args: Value) -> Value {
        let rows = self.rows(statement, args).await;
        let [row] = rows.as_slice() else { panic!("{statement}: {rows:?}") };
        let values: Vec<_> = row.as_object().unwrap().values().collect();
        let [value] = values.as_slice() else { panic!("{statement}: {row}") };
        (*value).clone()
    }

    /// Why a statement fails.
    pub async fn failure(&self, statement: &str, args: Value) -> ReachFailure {
        match self.call(json!({"statement": statement, "args": args})).await {
            Ok(result) => panic!("{statement} {args}: {result}"),
            Err(failure) => failure,
        }
    }

    /// Another client of the database.
    pub async fn client(&self) -> PgConnection {
        self.options.connect().await.unwrap()
    }

    /// Prepares the database, past the steps.
    pub async fn setup(&self, statements: &str) {
        self.client().await.execute(raw_sql(AssertSqlSafe(statements))).await.unwrap();
    }
}

/// Waits until this query, a `select` of one boolean, gives true.
pub async fn until(conn: &mut PgConnection, query: &str) {
    for _ in 0..1500 {
        if sqlx::query_scalar(AssertSqlSafe(query.to_owned())).fetch_one(&mut *conn).await.unwrap() {
            return;
        }
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
    panic!("never: {query}");
}

/// Waits until somebody waits for a lock in this database.
pub async fn somebody_waits(conn: &mut PgConnection) {
    let query = "select exists (select from pg_stat_activity
                                where datname = current_database() and wait_event_type = 'Lock')";
    until(conn, query).await;
}

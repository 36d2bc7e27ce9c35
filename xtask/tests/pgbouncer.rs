//! The pgbouncer that tests find behind `RUNPLANE_TEST_POOLER` (`cargo xtask test` sets it), or one of these tests' own.

#![allow(clippy::unwrap_used, reason = "a test fails by panicking, in its helpers too")]

use std::collections::BTreeSet;
use std::path::Path;

use sqlx::postgres::{PgConnectOptions, PgRow, PgSslMode};
use sqlx::{ConnectOptions as _, PgConnection, Row as _};
use xtask::paths::Dirs;
use xtask::{pgbouncer, postgres};

struct Pooler {
    address: String,
    // In the order in which they end.
    _own: Option<(pgbouncer::Server, postgres::Server)>,
}

impl Pooler {
    async fn get(name: &str) -> Self {
        if let Ok(address) = std::env::var("RUNPLANE_TEST_POOLER") {
            return Self { address, _own: None };
        }
        let dirs = Dirs::new(Path::new(env!("CARGO_MANIFEST_DIR")).parent().unwrap());
        let program = pgbouncer::find(&dirs).await.unwrap();
        let options = postgres::Options {
            name: format!("test-{name}-postgres"),
            port: None,
            throw_away: true,
            folder: None,
            settings: Vec::new(),
        };
        let postgres = postgres::Server::start(&dirs, options).await.unwrap();
        let options =
            pgbouncer::Options { name: format!("test-{name}-pgbouncer"), postgres_port: postgres.port };
        let pooler = pgbouncer::Server::start(&dirs, &program, &options).await.unwrap();
        Self { address: pooler.address(), _own: Some((pooler, postgres)) }
    }

    fn options(&self) -> PgConnectOptions {
        let options: PgConnectOptions =
            format!("postgres://postgres@{}/runplane", self.address).parse().unwrap();
        options.ssl_mode(PgSslMode::Disable)
    }
}

/// A statement without parameters, which needs no prepared statement.
async fn ask(connection: &mut PgConnection, statement: &'static str) -> PgRow {
    sqlx::raw_sql(statement).fetch_one(connection).await.unwrap()
}

#[tokio::test]
async fn behind_the_pooler_clients_share_two_connections() {
    let pooler = Pooler::get("shared").await;
    let mut clients = Vec::new();
    for _ in 0..20 {
        clients.push(pooler.options().connect().await.unwrap());
    }
    let mut servers = BTreeSet::new();
    for client in &mut clients {
        servers.insert(ask(client, "select pg_backend_pid()").await.get::<i32, _>(0));
    }
    assert!(servers.len() <= 2, "{servers:?}");

    // Two transactions hold both connections: the third client waits for the end of one.
    let [first, second, third, ..] = clients.as_mut_slice() else { panic!("there are twenty") };
    let mut held = BTreeSet::new();
    for client in [&mut *first, &mut *second] {
        held.insert(ask(client, "begin; select pg_backend_pid()").await.get::<i32, _>(0));
    }
    assert_eq!(held.len(), 2);
    let commit = sqlx::raw_sql("commit").execute(first);
    let (committed, row) = tokio::join!(commit, ask(third, "select pg_backend_pid()"));
    committed.unwrap();
    assert!(held.contains(&row.get(0)));
}

#[tokio::test]
async fn the_pooler_refuses_what_would_set_up_a_session() {
    let pooler = Pooler::get("refused").await;
    let refused = pooler.options().options([("statement_timeout", "1s")]).connect().await;
    let error = refused.unwrap_err().to_string();
    assert!(error.contains("unsupported startup parameter: options"), "{error}");
}

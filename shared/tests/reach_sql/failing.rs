//! The names of errors, and whether they pass.

use std::sync::Arc;
use std::time::{Duration, Instant};

use runplane::catalog::SqlTls;
use serde_json::json;
use sqlx::postgres::{PgConnectOptions, PgPoolOptions};
use sqlx::{Executor, raw_sql};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpListener;

use crate::support::{Db, somebody_waits};

#[sqlx::test(migrations = false)]
async fn errors_have_the_name_that_postgres_gives_them(_pool: PgPoolOptions, options: PgConnectOptions) {
    let db = Db::new(options);
    db.setup(
        "create table t (id int primary key, parent int references t deferrable initially deferred);
         insert into t values (1, null)",
    )
    .await;
    for (statement, error) in [
        ("select 1; select 2", "sql_42601"),
        ("select 1; drop table t", "sql_42601"),
        ("selec 1", "sql_42601"),
        ("select * from nowhere", "sql_42P01"),
        ("insert into t values (1, null)", "sql_23505"),
        // Found out when it is committed.
        ("insert into t values (2, 99) returning id", "sql_23503"),
        ("insert into t values (2, 99)", "sql_23503"),
        ("select 1 / 0", "sql_22012"),
        ("lock t", "sql_25P01"),
        ("copy t from stdin", "copy_not_supported"),
        ("copy t to stdout", "copy_not_supported"),
        (
            "do $$ begin raise exception 'mine' using errcode = 'AB123', detail = repeat('x', 600); end $$",
            "sql_AB123",
        ),
    ] {
        let failure = db.failure(statement, json!([])).await;
        assert_eq!((failure.error.as_str(), failure.passes), (error, false), "{statement}: {failure}");
        assert!(failure.message.chars().count() < 1600, "{failure}");
    }
    assert_eq!(db.value("select count(*) from t", json!([])).await, json!(1));
    let failure = db.failure("insert into t values (1, null)", json!([])).await;
    assert!(failure.message.contains("Key (id)=(1) already exists."), "{failure}");
    for code in ["08001", "40001", "40P01", "53100", "57P03"] {
        let statement = format!("do $$ begin raise exception 'x' using errcode = '{code}'; end $$");
        let failure = db.failure(&statement, json!([])).await;
        assert_eq!((failure.error, failure.passes), (format!("sql_{code}"), true));
    }
}

#[sqlx::test(migrations = false)]
async fn a_transaction_that_meets_another_one_passes(_pool: PgPoolOptions, options: PgConnectOptions) {
    let db = Arc::new(Db::new(options));
    db.setup(
        "create table t as select n as id from generate_series(1, 2) n;
         do $$ begin
             execute format('alter database %I set default_transaction_isolation = ''repeatable read''',
                            current_database());
         end $$",
    )
    .await;
    let (mut client, mut watcher) = (db.client().await, db.client().await);

    client.execute(raw_sql("begin; update t set id = id where id = 1")).await.unwrap();
    let calling = Arc::clone(&db);
    let call = tokio::spawn(async move {
        calling.failure("update t set id = id where id = 1 returning id", json!([])).await
    });
    somebody_waits(&mut watcher).await;
    client.execute(raw_sql("commit")).await.unwrap();
    let failure = call.await.unwrap();
    assert_eq!((failure.error.as_str(), failure.passes), ("sql_40001", true));

    // Whoever looks first finds the deadlock: the step does.
    client
        .execute(raw_sql("set deadlock_timeout = '1h'; begin; update t set id = id where id = 1"))
        .await
        .unwrap();
    let calling = Arc::clone(&db);
    let statement =
        "do $$ begin update t set id = id where id = 2; update t set id = id where id = 1; end $$";
    let call = tokio::spawn(async move { calling.failure(statement, json!([])).await });
    somebody_waits(&mut watcher).await;
    client.execute(raw_sql("update t set id = id where id = 2")).await.unwrap();
    let failure = call.await.unwrap();
    assert_eq!((failure.error.as_str(), failure.passes), ("sql_40P01", true));
}

#[sqlx::test(migrations = false)]
async fn private_addresses_are_refused_unless_they_are_allowed(
    _pool: PgPoolOptions,
    options: PgConnectOptions,
) {
    let mut db = Db::new(options);
    db.value("select 1", json!([])).await;
    db.destination.allow_private_addresses = false;
    for tls in [SqlTls::Disable, SqlTls::Require, SqlTls::VerifyFull] {
        db.destination.config.tls = Some(tls);
        for host in ["127.0.0.1", "localhost", "10.0.0.1", "::1", "0.0.0.0", "169.254.169.254"] {
            db.destination.config.host = host.to_owned();
            // Although a line of the connection as it was lies idle.
            assert_eq!(db.failure("select 1", json!([])).await.error, "address_refused", "{host}");
        }
    }
    db.destination.allow_private_addresses = true;
    db.destination.config.host = "/tmp".to_owned();
    assert_eq!(db.failure("select 1", json!([])).await.error, "invalid_connection");
}

#[sqlx::test(migrations = false)]
async fn what_cannot_be_reached_is_told_at_once_and_without_secrets(
    _pool: PgPoolOptions,
    options: PgConnectOptions,
) {
    let mut db = Db::new(options);
    db.destination.secret = Some("hunter2-hunter2".into());
    let (host, port) = (db.destination.config.host.clone(), db.destination.config.port);
    let nobody = {
        let listener = TcpListener::bind((host.as_str(), 0)).await.unwrap();
        i32::from(listener.local_addr().unwrap().port())
    };
    let started = Instant::now();
    let check = async |db: &Db, error: &str, passes: bool| {
        let failure = db.failure("select 1", json!([])).await;
        assert_eq!((failure.error.as_str(), failure.passes), (error, passes), "{failure}");
        assert!(!failure.message.contains("hunter2"), "{failure}");
    };
    db.destination.config.port = Some(nobody);
    check(&db, "connect", true).await;
    db.destination.config.port = port;
    db.destination.config.database = "there_is_no_such".to_owned();
    check(&db, "sql_3D000", false).await;
    db.destination.config.user = "there_is_no_such_role".to_owned();
    check(&db, "sql_28000", false).await;
    db.destination.config.host = "127.0.0.1".to_owned();
    // What Postgres answers that speaks no TLS.
    db.destination.config.port = Some(server(b"N").await);
    db.destination.config.tls = Some(SqlTls::Require);
    check(&db, "tls", false).await;
    // What it answers that does, and then something else.
    db.destination.config.port = Some(server(b"SHTTP/1.1 400 Bad Request").await);
    db.destination.config.tls = Some(SqlTls::VerifyFull);
    check(&db, "tls", false).await;
    db.destination.config.host = "there-is-no-such-host.invalid".to_owned();
    check(&db, "connect", true).await;
    assert!(started.elapsed() < Duration::from_secs(20));
}

#[sqlx::test(migrations = false)]
async fn what_is_no_postgres_is_told(_pool: PgPoolOptions, options: PgConnectOptions) {
    let mut db = Db::new(options);
    db.destination.config.host = "127.0.0.1".to_owned();
    db.destination.config.port = Some(server(b"HTTP/1.1 400 Bad Request\r\n\r\n").await);
    let failure = db.failure("select 1", json!([])).await;
    assert_eq!((failure.error.as_str(), failure.passes), ("connect", true), "{failure}");
}

/// The port of a server that answers with this, whatever it is asked.
async fn server(answer: &'static [u8]) -> i32 {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let port = listener.local_addr().unwrap().port();
    tokio::spawn(async move {
        loop {
            let (mut stream, _) = listener.accept().await.unwrap();
            // Before it is asked, a closing would take the answer with it.
            stream.read_u8().await.unwrap();
            stream.write_all(answer).await.unwrap();
            // Until the other side has had enough.
            let _ = stream.read_to_end(&mut Vec::new()).await;
        }
    });
    port.into()
}

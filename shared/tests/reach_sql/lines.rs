//! Lines: nothing of a session survives, and none is left behind.

use std::collections::HashSet;
use std::sync::Arc;
use std::time::{Duration, Instant};

use serde_json::json;
use sqlx::postgres::{PgConnectOptions, PgPoolOptions};

use crate::support::{Db, until};

#[sqlx::test(migrations = false)]
async fn nothing_of_a_session_survives(_pool: PgPoolOptions, options: PgConnectOptions) {
    let db = Db::new(options);
    let pid = db.value("select pg_backend_pid()", json!([])).await;
    for statement in [
        "create temporary table left_behind as select 1",
        "select pg_advisory_lock(7)",
        "set role pg_read_all_data",
        "prepare left_behind as select 1",
        "set search_path = nowhere",
        "set datestyle = 'SQL, DMY'",
        "select set_config('my.secret', 'left behind', false)",
        "listen left_behind",
        "declare left_behind cursor with hold for select 1",
    ] {
        db.call(json!({"statement": statement}))
            .await
            .unwrap_or_else(|failure| panic!("{statement}: {failure}"));
    }
    let rows = db
        .rows(
            "select pg_backend_pid() as pid, to_regclass('left_behind') as tables, current_user = session_user as role,
                    (select count(*) from pg_prepared_statements where name = 'left_behind') as prepared,
                    current_setting('search_path') as path, date '2026-11-24' as at,
                    coalesce(current_setting('my.secret', true), '') as secret,
                    (select count(*) from pg_listening_channels()) as channels,
                    (select count(*) from pg_cursors where name = 'left_behind') as cursors,
                    (select count(*) from pg_locks where locktype = 'advisory' and pid = pg_backend_pid()) as locks",
            json!([]),
        )
        .await;
    let expected = json!({
        "pid": pid, "tables": null, "role": true, "prepared": 0, "path": "\"$user\", public", "at": "2026-11-24",
        "secret": "", "channels": 0, "cursors": 0, "locks": 0,
    });
    // The same line all the time, or nothing of this was seen.
    assert_eq!(rows, [expected]);
}

#[sqlx::test(migrations = false)]
async fn a_line_with_an_open_transaction_is_not_kept(_pool: PgPoolOptions, options: PgConnectOptions) {
    let db = Db::new(options);
    db.setup("create table t (id int)").await;
    let pid = db.value("select pg_backend_pid()", json!([])).await;
    db.call(json!({"statement": "begin"})).await.unwrap();
    assert_ne!(db.value("select pg_backend_pid()", json!([])).await, pid);
    let open = "select not exists (select from pg_stat_activity
                                   where datname = current_database() and state like 'idle in transaction%')";
    until(&mut db.client().await, open).await;
}

#[sqlx::test(migrations = false)]
async fn a_line_is_kept_after_a_failure_and_replaced_when_it_breaks(
    _pool: PgPoolOptions,
    options: PgConnectOptions,
) {
    let db = Db::new(options);
    let pid = db.value("select pg_backend_pid()", json!([])).await;
    assert_eq!(db.failure("select 1 / 0", json!([])).await.error, "sql_22012");
    assert_eq!(db.failure("select $1::date", json!(["x"])).await.error, "invalid_args");
    assert_eq!(db.value("select pg_backend_pid()", json!([])).await, pid);
    let killed =
        sqlx::query_scalar::<_, bool>("select pg_terminate_backend($1)").bind(pid.as_i64().unwrap() as i32);
    assert!(killed.fetch_one(&mut db.client().await).await.unwrap());
    assert_ne!(db.value("select pg_backend_pid()", json!([])).await, pid);
    let failure = db.failure("select pg_terminate_backend(pg_backend_pid())", json!([])).await;
    assert_eq!((failure.error.as_str(), failure.passes), ("sql_57P01", true));
    db.value("select 1", json!([])).await;
}

#[sqlx::test(migrations = false)]
async fn a_statement_that_takes_too_long_ends(_pool: PgPoolOptions, options: PgConnectOptions) {
    let db = Db::new(options);
    let pid = db.value("select pg_backend_pid()", json!([])).await;
    let with = json!({"statement": "select pg_sleep(60)"});
    let started = Instant::now();
    let called = db.sql.call(with.as_object().unwrap(), &db.destination, Duration::from_secs(1)).await;
    let failure = called.unwrap_err();
    assert_eq!((failure.error.as_str(), failure.passes), ("timeout", true));
    assert!(started.elapsed() < Duration::from_secs(10));
    // Postgres itself has stopped it, and the line is as good as before.
    assert_eq!(db.value("select pg_backend_pid()", json!([])).await, pid);
}

#[sqlx::test(migrations = false)]
async fn a_statement_that_somebody_cancels_did_not_take_too_long(
    _pool: PgPoolOptions,
    options: PgConnectOptions,
) {
    let db = Arc::new(Db::new(options));
    let mut client = db.client().await;
    let calling = Arc::clone(&db);
    let call = tokio::spawn(async move { calling.failure("select pg_sleep(60)", json!([])).await });
    let canceled = "select coalesce(bool_or(pg_cancel_backend(pid)), false) from pg_stat_activity
                    where datname = current_database() and query like 'select pg_sleep%'
                          and wait_event = 'PgSleep'";
    until(&mut client, canceled).await;
    assert_eq!(call.await.unwrap().error, "sql_57014");
}

#[sqlx::test(migrations = false)]
async fn a_call_that_is_dropped_closes_its_line_and_ends_its_statement(
    _pool: PgPoolOptions,
    options: PgConnectOptions,
) {
    let db = Arc::new(Db::new(options));
    let mut client = db.client().await;
    let calling = Arc::clone(&db);
    let call = tokio::spawn(async move { calling.failure("select pg_sleep(25)", json!([])).await });
    let sleeping = "select exists (select from pg_stat_activity
                                   where datname = current_database() and wait_event = 'PgSleep')";
    until(&mut client, sleeping).await;
    call.abort();
    let nobody = "select not exists (select from pg_stat_activity
                                     where datname = current_database() and wait_event = 'PgSleep')";
    let started = Instant::now();
    until(&mut client, nobody).await;
    assert!(started.elapsed() < Duration::from_secs(10), "it slept to its end: {:?}", started.elapsed());
}

#[sqlx::test(migrations = false)]
async fn so_many_lines_are_open_at_once_and_no_more(_pool: PgPoolOptions, options: PgConnectOptions) {
    let db = Arc::new(Db::new(options));
    let calls: Vec<_> = (0..12)
        .map(|_| {
            let db = Arc::clone(&db);
            tokio::spawn(
                async move { db.rows("select pg_backend_pid() as pid, pg_sleep(0.1)", json!([])).await },
            )
        })
        .collect();
    let mut pids = HashSet::new();
    for call in calls {
        pids.insert(call.await.unwrap()[0]["pid"].as_i64().unwrap());
    }
    assert!((2..=5).contains(&pids.len()), "{pids:?}");
}

#[sqlx::test(migrations = false)]
async fn connections_do_not_share_lines_nor_do_their_versions(
    _pool: PgPoolOptions,
    options: PgConnectOptions,
) {
    let mut db = Db::new(options);
    let mut pids = HashSet::new();
    for change in 0..4 {
        match change {
            0 => {}
            1 => db.destination.id = uuid::Uuid::now_v7(),
            2 => db.destination.secret = Some("another one".into()),
            _ => db.destination.config.read_only = Some(true),
        }
        for _ in 0..2 {
            pids.insert(db.value("select pg_backend_pid()", json!([])).await.as_i64().unwrap());
        }
    }
    assert_eq!(pids.len(), 4);
}

#[sqlx::test(migrations = false)]
async fn the_least_used_of_many_connections_makes_room(_pool: PgPoolOptions, options: PgConnectOptions) {
    let mut db = Db::new(options);
    let mut ids = Vec::new();
    for _ in 0..33 {
        db.destination.id = uuid::Uuid::now_v7();
        ids.push((db.destination.id, db.value("select pg_backend_pid()", json!([])).await));
    }
    let (last, pid) = ids[32].clone();
    db.destination.id = last;
    assert_eq!(db.value("select pg_backend_pid()", json!([])).await, pid);
    let gone = format!("select not exists (select from pg_stat_activity where pid = {})", ids[0].1);
    until(&mut db.client().await, &gone).await;
}

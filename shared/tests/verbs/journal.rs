//! The executor's journal on Postgres.

use std::sync::Arc;

use runplane::app::App;
use runplane::dag::execute::{Journal as _, JournalError};
use runplane::db::{Db, Plans, Pooler};
use runplane::functions;
use runplane::runs::RunStatus;
use runplane::scope::Scope;
use runplane::steps::PgJournal;
use serde_json::{Map, json};
use sqlx::postgres::{PgConnectOptions, PgPoolOptions};
use sqlx::{ConnectOptions as _, PgConnection};
use uuid::Uuid;

use crate::support::{World, change, results, row, running, stored, world};

/// A world, a run of it that is RUNNING, and the journal of whoever has claimed it.
async fn journal(options: PgConnectOptions) -> (PgConnection, World, Uuid, PgJournal) {
    let mut conn = options.connect().await.unwrap();
    let world = world(&mut conn).await;
    let (run, token) = running(&mut conn, world).await;
    // Handing back tells SQS, as the worker does.
    let app = App::new(functions::named("worker"), Db::new(options, Plans::Generic, Pooler::None), None);
    (conn, world, run, PgJournal::new(Arc::new(app), Scope::Tenant(world.tenant), run, token))
}

#[sqlx::test(migrator = "runplane::MIGRATOR")]
async fn what_is_stored_is_loaded_again(_pool: PgPoolOptions, options: PgConnectOptions) {
    let (_, _, _, journal) = journal(options).await;
    assert!(journal.load().await.unwrap().records.is_empty());
    let mut some = results(json!([{ "step_id": "a", "status": "SUCCEEDED", "output": 1 }]));
    some.worked_ms = 70;
    for _ in 0..2 {
        journal.store(&some).await.unwrap();
    }
    let stored = journal.load().await.unwrap();
    assert_eq!((stored.records.len(), stored.worked_ms), (1, 70));
    assert_eq!(stored.records[0].output, Some(json!(1)));
}

#[sqlx::test(migrator = "runplane::MIGRATOR")]
async fn a_run_is_handed_back_for_later_and_lost_then(_pool: PgPoolOptions, options: PgConnectOptions) {
    let (mut conn, _, run, journal) = journal(options).await;
    journal.hand_back(Some("2099-01-01T00:00:00Z".parse().unwrap())).await.unwrap();
    let row = row(&mut conn, run).await;
    assert_eq!(
        (&row["status"], &row["available_at"]),
        (&json!("QUEUED"), &json!("2099-01-01T00:00:00+00:00"))
    );
    let one = results(json!([{ "step_id": "a", "status": "RUNNING" }]));
    let lost = [journal.store(&one).await, journal.hand_back(None).await];
    for answer in lost {
        assert!(matches!(answer, Err(JournalError::Lost(_))), "{answer:?}");
    }
}

#[sqlx::test(migrator = "runplane::MIGRATOR")]
async fn an_artifact_is_stored_once(_pool: PgPoolOptions, options: PgConnectOptions) {
    let (mut conn, _, run, journal) = journal(options).await;
    let (id, payload) = (Uuid::now_v7(), Map::from_iter([("n".to_owned(), json!(1))]));
    for _ in 0..2 {
        journal.artifact(id, "report", &payload, "load").await.unwrap();
    }
    let refused = journal.artifact(id, "", &payload, "load").await;
    assert!(matches!(refused, Err(JournalError::Refused(_))), "{refused:?}");
    let rows: Vec<(Uuid, String)> = sqlx::query_as("select id, source from run_artifacts where run_id = $1")
        .bind(run)
        .fetch_all(&mut conn)
        .await
        .unwrap();
    assert_eq!(rows, [(id, "load".to_owned())]);
}

#[sqlx::test(migrator = "runplane::MIGRATOR")]
async fn what_ends_the_run_and_what_no_database_answers_are_told_apart(
    _pool: PgPoolOptions,
    options: PgConnectOptions,
) {
    let (mut conn, world, run, journal) = journal(options.clone()).await;
    let one = results(json!([{ "step_id": "a", "status": "RUNNING" }]));
    change(&mut conn, run, "status = 'CANCELLED', finished_at = now(), lease_expires_at = null").await;
    let cancelled = journal.store(&one).await;
    assert!(
        matches!(&cancelled, Err(JournalError::Lost(why)) if why == "the run was cancelled: stop working on it"),
        "{cancelled:?}"
    );
    let refused = journal.store(&runplane::steps::StepResults::default()).await;
    assert!(matches!(refused, Err(JournalError::Refused(_))), "{refused:?}");

    let nowhere = Db::new(options.host("127.0.0.1").port(1), Plans::Generic, Pooler::None);
    let app = Arc::new(App::new(functions::named("worker"), nowhere, None));
    let journal = PgJournal::new(app, Scope::Tenant(world.tenant), run, Uuid::new_v4());
    let away = [journal.store(&one).await, journal.load().await.map(drop), journal.hand_back(None).await];
    for answer in away {
        assert!(matches!(answer, Err(JournalError::Unavailable(_))), "{answer:?}");
    }
}

#[sqlx::test(migrator = "runplane::MIGRATOR")]
async fn a_call_that_nobody_waits_for_takes_place_all_the_same(
    _pool: PgPoolOptions,
    options: PgConnectOptions,
) {
    // Within a transaction the sessions look as they did when it began.
    let mut watch = options.connect().await.unwrap();
    let (mut conn, _, run, journal) = journal(options).await;
    // Nobody may store while the run's row is locked.
    sqlx::raw_sql("begin").execute(&mut conn).await.unwrap();
    change(&mut conn, run, "priority = 6").await;
    let one = results(json!([{ "step_id": "a", "status": "RUNNING" }]));
    {
        let mut store = Box::pin(journal.store(&one));
        // The statement is sent, and waits.
        while waiting(&mut watch).await == 0 {
            assert!(futures_util::poll!(&mut store).is_pending());
            tokio::task::yield_now().await;
        }
    }
    sqlx::raw_sql("commit").execute(&mut conn).await.unwrap();
    // On the same connection, so after it.
    assert_eq!(journal.load().await.unwrap().records.len(), 1);
    assert_eq!(stored(&mut conn, run).await, ["a RUNNING 1"]);
    let status = RunStatus::Running.as_str();
    assert_eq!(row(&mut conn, run).await["status"], json!(status));
}

/// How many sessions of this database wait for a lock.
async fn waiting(conn: &mut PgConnection) -> i64 {
    sqlx::query_scalar(
        "select count(*) from pg_stat_activity where datname = current_database() and wait_event_type = 'Lock'",
    )
    .fetch_one(conn)
    .await
    .unwrap()
}

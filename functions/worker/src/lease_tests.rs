//! Leases while work goes on: extended, lost, and told apart from one's own end.

#![allow(
    clippy::unwrap_used,
    reason = "a test may panic; clippy.toml allows it only in functions marked as tests"
)]

use std::sync::Arc;

use runplane::app::App;
use runplane::db::{Db, Plans, Pooler};
use runplane::runs::{self, CancelRequest, CompleteRequest, Outcome, RunStatus};
use runplane::scope::Scope;
use runplane::testing::{app, captured_log, execute};
use sqlx::PgConnection;
use sqlx::postgres::{PgConnectOptions, PgPoolOptions};
use tokio::sync::{Notify, oneshot};
use tokio::time::Instant;
use tokio_util::sync::CancellationToken;

use crate::FUNCTION;
use crate::record::{self, Done};
use crate::tests::{
    QUICK, WAITING_RUN, batch_of, claimed, endless, keep, kill_connection, long_ago, run, stored, until,
};

#[sqlx::test(migrator = "runplane::MIGRATOR")]
async fn the_lease_is_extended_while_work_goes_on(_pool: PgPoolOptions, options: PgConnectOptions) {
    let app = app(options.clone(), FUNCTION).await;
    let claim = claimed(&app).await;
    let work = async {
        until(options, "heartbeat_at is not null and lease_expires_at > claimed_at + interval '30 s'").await;
        CompleteRequest::new(Outcome::Succeeded)
    };
    assert_eq!(run(&app, &claim, QUICK, work).await.unwrap(), Done::Completed(RunStatus::Succeeded));
}

#[sqlx::test(migrator = "runplane::MIGRATOR")]
async fn heartbeats_go_on_while_the_work_blocks_its_thread(_pool: PgPoolOptions, options: PgConnectOptions) {
    // As main has it: two threads, one of which is busy.
    let blocked = std::thread::spawn(move || {
        let runtime =
            tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build().unwrap();
        runtime.block_on(async {
            let app = app(options.clone(), FUNCTION).await;
            let claim = claimed(&app).await;
            let (beaten, seen) = std::sync::mpsc::channel();
            tokio::spawn(async move {
                until(options, "heartbeat_at is not null").await;
                beaten.send(()).unwrap();
            });
            let work = async move {
                seen.recv().unwrap();
                CompleteRequest::new(Outcome::Succeeded)
            };
            run(&app, &claim, QUICK, work).await.unwrap()
        })
    });
    let done = tokio::task::spawn_blocking(move || blocked.join().unwrap()).await.unwrap();
    assert_eq!(done, Done::Completed(RunStatus::Succeeded));
}

#[sqlx::test(migrator = "runplane::MIGRATOR")]
async fn work_stops_when_the_lease_is_lost(_pool: PgPoolOptions, options: PgConnectOptions) {
    let app = app(options, FUNCTION).await;
    let claim = claimed(&app).await;
    let steal = sqlx::query("update pipeline_runs set lease_token = gen_random_uuid() where id = $1");
    execute(&app, steal.bind(WAITING_RUN)).await;
    let (work, dropped) = endless();
    assert_eq!(run(&app, &claim, QUICK, work).await.unwrap(), Done::Lost);
    dropped.await.unwrap();
}

#[sqlx::test(migrator = "runplane::MIGRATOR")]
async fn a_heartbeat_that_comes_after_our_own_completion_takes_nothing_away(
    _pool: PgPoolOptions,
    options: PgConnectOptions,
) {
    let keeps = app(options.clone(), FUNCTION).await;
    let completes = app(options, FUNCTION).await;
    let claim = claimed(&keeps).await;
    let (log, _guard) = captured_log();
    // The completion is done, and its answer not here yet when the heartbeat is refused.
    let answer = Arc::new(Notify::new());
    let (holds, held) = oneshot::channel();
    let holder = tokio::spawn({
        let (completes, answer) = (Arc::clone(&completes), Arc::clone(&answer));
        let hold = async move |_: &mut PgConnection| -> Result<(), sqlx::Error> {
            holds.send(()).unwrap();
            answer.notified().await;
            Ok(())
        };
        async move { completes.call(hold).await }
    });
    let (ends, ended) = oneshot::channel();
    let work = async move {
        held.await.unwrap();
        ends.send(()).unwrap();
        CompleteRequest::new(Outcome::Succeeded)
    };
    let lease_token = Some(claim.run.lease_token);
    let request = CompleteRequest { lease_token, ..CompleteRequest::new(Outcome::Succeeded) };
    let refused = async {
        ended.await.unwrap();
        keeps.call(async |conn| runs::complete(conn, Scope::All, WAITING_RUN, &request).await).await.unwrap();
        while log.lines_about("heartbeat refused").is_empty() {
            tokio::task::yield_now().await;
        }
        answer.notify_one();
    };
    let (keeper, lease) = keep(&keeps, &claim, Instant::now(), QUICK, None);
    let batch = batch_of(&completes, QUICK, &CancellationToken::new());
    let done = record::run(&batch, &claim, lease, work);
    let (done, ()) = tokio::join!(done, refused);
    keeper.end().await;
    holder.await.unwrap().unwrap();
    assert_eq!(done.unwrap(), Done::Completed(RunStatus::Succeeded));
}

#[sqlx::test(migrator = "runplane::MIGRATOR")]
async fn a_cancel_stops_the_work_with_the_next_heartbeat(_pool: PgPoolOptions, options: PgConnectOptions) {
    let app = app(options, FUNCTION).await;
    let claim = claimed(&app).await;
    let request = CancelRequest::default();
    app.call(async |conn| runs::cancel(conn, Scope::All, WAITING_RUN, &request).await).await.unwrap();
    let (work, dropped) = endless();
    assert_eq!(run(&app, &claim, QUICK, work).await.unwrap(), Done::Lost);
    dropped.await.unwrap();
    assert_eq!(stored(&app, WAITING_RUN).await.status, RunStatus::Cancelled);
}

#[sqlx::test(migrator = "runplane::MIGRATOR")]
async fn work_stops_when_no_heartbeat_reaches_postgres_for_a_whole_lease(
    _pool: PgPoolOptions,
    options: PgConnectOptions,
) {
    let app = app(options, FUNCTION).await;
    let claim = claimed(&app).await;
    // Nobody listens on port 1.
    let cut_off = PgConnectOptions::new_without_pgpass().host("127.0.0.1").port(1);
    let cut_off = Arc::new(App::new(FUNCTION, Db::new(cut_off, Plans::Generic, Pooler::None), None));
    let (work, dropped) = endless();
    let (_keeper, lease) = keep(&cut_off, &claim, long_ago(), QUICK, None);
    let done = record::run(&batch_of(&cut_off, QUICK, &CancellationToken::new()), &claim, lease, work).await;
    assert!(matches!(done, Err(record::RecordError::Silent)), "{done:?}");
    dropped.await.unwrap();
}

#[sqlx::test(migrator = "runplane::MIGRATOR")]
async fn a_heartbeat_that_does_not_reach_postgres_is_tried_again(
    _pool: PgPoolOptions,
    options: PgConnectOptions,
) {
    let app = app(options.clone(), FUNCTION).await;
    let claim = claimed(&app).await;
    kill_connection(&app).await;
    let work = async {
        until(options, "heartbeat_at is not null").await;
        CompleteRequest::new(Outcome::Succeeded)
    };
    assert_eq!(run(&app, &claim, QUICK, work).await.unwrap(), Done::Completed(RunStatus::Succeeded));
}

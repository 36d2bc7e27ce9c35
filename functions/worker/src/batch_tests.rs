//! Batches of several messages: how few statements they take, and that nobody suffers for a neighbour.

#![allow(
    clippy::unwrap_used,
    reason = "a test may panic; clippy.toml allows it only in functions marked as tests"
)]

use std::sync::Arc;

use aws_lambda_events::sqs::SqsEvent;
use runplane::app::App;
use runplane::runs::{self, CompleteRequest, Outcome, RunStatus};
use runplane::scope::Scope;
use runplane::testing::{app, execute, measured};
use serde_json::{Value, json};
use sqlx::postgres::{PgConnectOptions, PgPoolOptions};
use tokio::time::Instant;
use tokio_util::sync::CancellationToken;
use uuid::Uuid;

use crate::lease::{self, Pace, ToKeep};
use crate::record::{self, Batch, Done};
use crate::tests::{QUICK, WAITING_RUN, claimed_run, run_of, stored, worker_with};
use crate::{FUNCTION, batch, complete};

/// A pace without heartbeats, so that they are not counted.
const CALM: Pace = Pace { heartbeat_every: std::time::Duration::from_secs(3600), ..QUICK };

/// The ids of the messages that have to come again.
async fn failed(app: &Arc<App>, bodies: &[String]) -> Vec<String> {
    let message = |(number, body): (usize, &String)| json!({"messageId": number.to_string(), "body": body});
    let records: Vec<Value> = bodies.iter().enumerate().map(message).collect();
    let event: SqsEvent = serde_json::from_value(json!({"Records": records})).unwrap();
    let worker = worker_with(Arc::clone(app), CALM);
    let response = batch::handle(&worker, event, CancellationToken::new().into()).await;
    response.batch_item_failures.into_iter().map(|failure| failure.item_identifier).collect()
}

fn body(run: Uuid) -> String {
    json!({"run_id": run}).to_string()
}

async fn several(app: &Arc<App>, count: usize) -> Vec<Uuid> {
    let mut runs = Vec::new();
    for _ in 0..count {
        runs.push(run_of(app, json!({})).await);
    }
    runs
}

/// How many transactions have changed runs, told by the rows that they left: a statement is a transaction of its own.
async fn transactions(app: &App, ids: &[Uuid]) -> i64 {
    let count =
        sqlx::query_scalar("select count(distinct xmin::text) from pipeline_runs where id = any ($1)");
    app.call(async |conn| count.bind(ids).fetch_one(conn).await).await.unwrap()
}

#[sqlx::test(migrator = "runplane::MIGRATOR")]
async fn ten_messages_are_claimed_at_once_and_completed_at_once(
    _pool: PgPoolOptions,
    options: PgConnectOptions,
) {
    let app = app(options, FUNCTION).await;
    let runs = several(&app, 10).await;
    assert_eq!(transactions(&app, &runs).await, 10, "made one by one");
    let bodies: Vec<_> = runs.iter().map(|run| body(*run)).collect();
    measured(&app);
    assert_eq!(failed(&app, &bodies).await, [""; 0]);
    let became = [("QueueWait", 10.0), ("RunDuration", 10.0), ("RunsSucceeded", 10.0)];
    assert_eq!(measured(&app), became.into());
    for run in &runs {
        assert_eq!(stored(&app, *run).await.status, RunStatus::Succeeded);
    }
    assert_eq!(transactions(&app, &runs).await, 1, "completions");
    let claims =
        sqlx::query_scalar("select count(distinct claimed_at) from pipeline_runs where id = any ($1)");
    let claims: i64 = app.call(async |conn| claims.bind(&runs).fetch_one(conn).await).await.unwrap();
    assert_eq!(claims, 1);
}

#[sqlx::test(migrator = "runplane::MIGRATOR")]
async fn each_message_of_a_mixed_batch_gets_what_it_deserves(
    _pool: PgPoolOptions,
    options: PgConnectOptions,
) {
    let app = app(options, FUNCTION).await;
    let runs = several(&app, 3).await;
    let held = claimed_run(&app, runs[1]).await;
    let unknown = Uuid::now_v7();
    let bodies = [
        body(runs[0]),
        "{}".to_owned(),
        body(unknown),
        body(runs[1]),
        body(WAITING_RUN),
        body(runs[0]),
        body(runs[2]),
    ];
    assert_eq!(failed(&app, &bodies).await, ["1", "2"]);
    for run in [runs[0], runs[2], WAITING_RUN] {
        let run = stored(&app, run).await;
        assert_eq!((run.status, run.claim_count), (RunStatus::Succeeded, 1));
    }
    let still = stored(&app, runs[1]).await;
    assert_eq!((still.status, still.claim_count), (RunStatus::Running, 1));
    assert_eq!(still.lease_expires_at, held.run.run.lease_expires_at);
}

#[sqlx::test(migrator = "runplane::MIGRATOR")]
async fn a_message_of_another_tenant_does_not_take_a_run_from_the_right_one(
    _pool: PgPoolOptions,
    options: PgConnectOptions,
) {
    let app = app(options, FUNCTION).await;
    let run = stored(&app, run_of(&app, json!({})).await).await;
    let message = |id: &str, tenant: Uuid| json!({"messageId": id, "body": body(run.id), "attributes": {"MessageGroupId": tenant}});
    let records = [message("foreign", Uuid::now_v7()), message("own", run.tenant_id)];
    let event: SqsEvent = serde_json::from_value(json!({"Records": records})).unwrap();
    let response =
        batch::handle(&worker_with(Arc::clone(&app), CALM), event, CancellationToken::new().into()).await;
    let failed: Vec<_> =
        response.batch_item_failures.into_iter().map(|failure| failure.item_identifier).collect();
    assert_eq!(failed, ["foreign"]);
    assert_eq!(stored(&app, run.id).await.status, RunStatus::Succeeded);
}

#[sqlx::test(migrator = "runplane::MIGRATOR")]
async fn a_panic_fails_its_run_in_the_same_statement_that_completes_the_others(
    _pool: PgPoolOptions,
    options: PgConnectOptions,
) {
    let app = app(options, FUNCTION).await;
    let runs = several(&app, 3).await;
    let (batch, _) = batch_of(&app);
    let mut claims = Vec::new();
    for run in &runs {
        claims.push(claimed_run(&app, *run).await);
    }
    let mut tasks = Vec::new();
    for (number, claim) in claims.into_iter().enumerate() {
        let batch = Arc::clone(&batch);
        let one = ToKeep { claim: &claim, receipt: None, span: tracing::Span::current() };
        let (keeper, mut leases) = lease::keep(&app, vec![one], Instant::now(), CALM);
        let work = async move {
            assert_ne!(number, 1, "a panic");
            CompleteRequest::new(Outcome::Succeeded)
        };
        let lease = leases.pop().unwrap();
        tasks.push((tokio::spawn(async move { record::run(&batch, &claim, lease, work).await }), keeper));
    }
    let mut done = Vec::new();
    for (task, keeper) in tasks {
        done.push(task.await.unwrap().unwrap());
        keeper.end().await;
    }
    let ended = |status| Done::Completed(status);
    assert_eq!(done, [ended(RunStatus::Succeeded), ended(RunStatus::Failed), ended(RunStatus::Succeeded)]);
    assert_eq!(transactions(&app, &runs).await, 1);
    assert_eq!(stored(&app, runs[1]).await.error_code.as_deref(), Some(record::PANIC));
}

fn batch_of(app: &Arc<App>) -> (Arc<Batch>, tokio::task::JoinHandle<()>) {
    let leave = CancellationToken::new();
    let (completer, completing) = complete::start(app, CALM, leave.clone());
    (Arc::new(Batch { app: Arc::clone(app), completer, leave: leave.into() }), completing)
}

#[sqlx::test(migrator = "runplane::MIGRATOR")]
async fn a_completion_that_postgres_refuses_does_not_take_its_neighbours_along(
    _pool: PgPoolOptions,
    options: PgConnectOptions,
) {
    let app = app(options, FUNCTION).await;
    let runs = several(&app, 3).await;
    let (batch, completing) = batch_of(&app);
    let mut claims = Vec::new();
    for run in &runs {
        claims.push(claimed_run(&app, *run).await);
    }
    let mut reports = Vec::new();
    for (number, (run, claim)) in runs.iter().zip(claims).enumerate() {
        let request = CompleteRequest {
            lease_token: Some(claim.run.lease_token),
            // NUL cannot be stored: no request of the API has it, but a worker's own result might.
            output: Some(json!(if number == 1 { "\0" } else { "fine" })),
            ..CompleteRequest::new(Outcome::Succeeded)
        };
        let (completer, run) = (batch.completer.clone(), *run);
        reports.push(tokio::spawn(async move { completer.complete(Scope::All, run, request).await }));
    }
    let mut refused = Vec::new();
    for report in reports {
        refused.push(report.await.unwrap().is_err());
    }
    assert_eq!(refused, [false, true, false]);
    assert_eq!(stored(&app, runs[2]).await.output, Some(json!("fine")));
    drop(batch);
    completing.await.unwrap();
}

#[sqlx::test(migrator = "runplane::MIGRATOR")]
async fn one_heartbeat_extends_all_leases_and_a_lost_one_is_told(
    _pool: PgPoolOptions,
    options: PgConnectOptions,
) {
    let app = app(options, FUNCTION).await;
    let runs = several(&app, 3).await;
    let asked: Vec<_> = runs.iter().map(|run| (Scope::All, *run)).collect();
    let claims = app.call(async |conn| runs::claim_by_ids(conn, &asked, "worker", 30).await).await.unwrap();
    let steal = sqlx::query("update pipeline_runs set lease_token = gen_random_uuid() where id = $1");
    execute(&app, steal.bind(claims[1].run.run.id)).await;
    let to_keep = claims.iter().map(|claim| ToKeep { claim, receipt: None, span: tracing::Span::none() });
    let (keeper, mut leases) = lease::keep(&app, to_keep.collect(), Instant::now(), QUICK);
    assert_eq!(leases[1].lost().await, lease::Lost::Refused);
    let [first, _, third] = <[_; 3]>::try_from(leases).unwrap();
    first.let_go().await;
    third.let_go().await;
    keeper.end().await;
    let both = [claims[0].run.run.id, claims[2].run.run.id];
    assert_eq!(transactions(&app, &both).await, 1);
    for run in both {
        assert!(stored(&app, run).await.heartbeat_at.is_some());
    }
}

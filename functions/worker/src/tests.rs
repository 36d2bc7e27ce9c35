//! The worker on a database with the demo data.

#![allow(
    clippy::unwrap_used,
    reason = "a test may panic; clippy.toml allows it only in functions marked as tests"
)]

use std::sync::Arc;
use std::time::Duration;

use aws_lambda_events::sqs::SqsEvent;
use runplane::app::App;
use runplane::dag::ParamsCache;
use runplane::db::{Db, Plans, Pooler};
use runplane::dispatch::Dispatcher;
use runplane::reach::Reach;
use runplane::reach::secrets::Secrets;
use runplane::runs::{self, Claim, CompleteRequest, Outcome, RunStatus};
use runplane::scope::Scope;
use runplane::testing::{Sqs, app, arming, captured_log, check_settings, execute};
use sqlx::ConnectOptions;
use sqlx::postgres::{PgConnectOptions, PgPoolOptions};
use tokio::sync::oneshot;
use tokio::time::Instant;
use tokio_util::sync::CancellationToken;
use uuid::{Uuid, uuid};

use crate::execute::Executor;
use crate::lease::{self, Keeper, Kept, Pace, ToKeep};
use crate::record::{self, Batch, Done};
use crate::{FUNCTION, Worker, batch, complete, evaluators};

pub const WAITING_RUN: Uuid = uuid!("0199e0c0-0000-7000-8000-0000000000aa");
const DEMO_TENANT: Uuid = uuid!("580115b4-a291-4917-8dbd-247cfa13e2d6");
/// Heartbeats come at once, so that no test waits for them.
pub const QUICK: Pace = Pace {
    lease_seconds: 30,
    heartbeat_every: Duration::from_millis(1),
    retry_after: Duration::from_millis(1),
};

pub fn worker_with(app: Arc<App>, pace: Pace) -> Arc<Worker> {
    let reach = Arc::new(Reach::new(Secrets::of_environment(), runplane::aws::of_function));
    let executor = Executor { app: Arc::clone(&app), evaluators: Arc::new(evaluators()), spill: None, reach };
    Arc::new(Worker { app, name: "worker".to_owned(), pace, executor })
}

pub async fn failures(app: &Arc<App>, event: &str) -> Vec<String> {
    let event: SqsEvent = serde_json::from_str(event).unwrap();
    let worker = worker_with(Arc::clone(app), QUICK);
    let response = batch::handle(&worker, event, CancellationToken::new().into()).await;
    response.batch_item_failures.into_iter().map(|failure| failure.item_identifier).collect()
}

/// A message of the demo tenant's run.
pub fn message(run_id: Uuid) -> String {
    serde_json::json!({"Records": [{
        "messageId": "m", "body": format!(r#"{{"run_id":"{run_id}"}}"#), "attributes": {"MessageGroupId": DEMO_TENANT},
    }]})
    .to_string()
}

pub async fn stored(app: &App, id: Uuid) -> runs::Run {
    app.call(async |conn| runs::get(conn, Scope::All, id).await).await.unwrap().run
}

/// A QUEUED run of the demo tenant with a spec of its own.
pub async fn run_of(app: &App, dag_spec: serde_json::Value) -> Uuid {
    let version = Uuid::now_v7();
    let insert = sqlx::query(
        "insert into pipeline_versions (id, tenant_id, pipeline_id, version, status, dag_spec, approved_at)
         values ($1, $2, '0199e0c0-0000-7000-8000-000000000011', $1::text, 'APPROVED', $3, now())",
    );
    execute(app, insert.bind(version).bind(DEMO_TENANT).bind(dag_spec)).await;
    let request = serde_json::json!({"tenant_id": DEMO_TENANT, "pipeline_version_id": version});
    let request = serde_json::from_value(request).unwrap();
    app.call(async |conn| runs::create(conn, &ParamsCache::default(), &request, None).await)
        .await
        .unwrap()
        .run
        .id
}

pub async fn claimed(app: &App) -> Claim {
    claimed_run(app, WAITING_RUN).await
}

pub async fn claimed_run(app: &App, id: Uuid) -> Claim {
    let claims =
        app.call(async |conn| runs::claim_by_ids(conn, &[(Scope::All, id)], "worker", 30).await).await;
    claims.unwrap().pop().unwrap()
}

/// The lease of one claim, kept.
pub fn keep(
    app: &Arc<App>,
    claim: &Claim,
    claimed_at: Instant,
    pace: Pace,
    receipt: Option<String>,
) -> (Keeper, Kept) {
    let one = ToKeep { claim, receipt, span: tracing::Span::current() };
    let (keeper, mut kept) = lease::keep(app, vec![one], claimed_at, pace);
    (keeper, kept.pop().unwrap())
}

/// A batch of its own for one run.
pub fn batch_of(app: &Arc<App>, pace: Pace, leave: &CancellationToken) -> Batch {
    let (completer, _) = complete::start(app, pace, leave.clone());
    Batch { app: Arc::clone(app), completer, leave: leave.clone().into() }
}

/// The claimed run with this work, as the worker does it.
pub async fn run(
    app: &Arc<App>,
    claim: &Claim,
    pace: Pace,
    work: impl Future<Output = CompleteRequest> + Send + 'static,
) -> Result<Done, record::RecordError> {
    let (keeper, lease) = keep(app, claim, Instant::now(), pace, None);
    let done = record::run(&batch_of(app, pace, &CancellationToken::new()), claim, lease, work).await;
    keeper.end().await;
    done
}

/// Work that never ends, and what resolves when it is dropped.
pub fn endless()
-> (impl Future<Output = CompleteRequest> + Send + 'static, impl Future<Output = Result<(), ()>>) {
    let (alive, dropped) = oneshot::channel::<()>();
    let work = async move {
        let _alive = alive;
        std::future::pending().await
    };
    (work, async { dropped.await.map_or(Ok(()), |()| Err(())) })
}

/// A moment longer ago than any lease of these tests lasts.
pub fn long_ago() -> Instant {
    Instant::now().checked_sub(Duration::from_secs(31)).unwrap()
}

/// Kills the worker's own connection under it.
pub async fn kill_connection(app: &App) {
    let kill = sqlx::query("select pg_terminate_backend(pg_backend_pid())");
    app.call(async |conn| kill.execute(conn).await).await.unwrap_err();
}

/// Waits until a condition on the row holds, over a connection of its own.
pub async fn until(options: PgConnectOptions, condition: &'static str) {
    let mut conn = options.connect().await.unwrap();
    let holds = async {
        loop {
            let sql = sqlx::AssertSqlSafe(format!("select {condition} from pipeline_runs where id = $1"));
            let row = sqlx::query_scalar::<_, bool>(sql).bind(WAITING_RUN).fetch_one(&mut conn);
            if row.await.unwrap() {
                break;
            }
            tokio::task::yield_now().await;
        }
    };
    tokio::time::timeout(Duration::from_secs(20), holds).await.expect(condition);
}

#[sqlx::test(migrator = "runplane::MIGRATOR")]
async fn a_message_runs_its_run_once(_pool: PgPoolOptions, options: PgConnectOptions) {
    let app = app(options, FUNCTION).await;
    let event = include_str!("../../../events/worker.json");
    assert_eq!(failures(&app, event).await, [""; 0]);
    let run = stored(&app, WAITING_RUN).await;
    assert_eq!((run.status, run.claim_count, run.lease_seconds), (RunStatus::Succeeded, 1, Some(30)));
    // A duplicate is somebody else's business: done, and nothing changed.
    assert_eq!(failures(&app, event).await, [""; 0]);
    assert_eq!(stored(&app, WAITING_RUN).await, run);
}

#[sqlx::test(migrator = "runplane::MIGRATOR")]
async fn one_bad_message_does_not_fail_its_neighbours(_pool: PgPoolOptions, options: PgConnectOptions) {
    let app = app(options, FUNCTION).await;
    let (log, _guard) = captured_log();
    let event = include_str!("../../../events/worker.poison.json");
    let failed = failures(&app, event).await;
    // Not JSON, JSON without a run_id, and a run that does not exist go back; the good one is done.
    let ids = [1, 3, 4].map(|number| format!("00000000-0000-0000-0000-{number:012}"));
    assert_eq!(failed, ids);
    let refused = log.lines_about("message refused");
    assert_eq!(refused.iter().map(|line| line["message.id"].as_str().unwrap()).collect::<Vec<_>>(), ids);
    assert_eq!(log.lines_about("run completed, is SUCCEEDED").len(), 1);
    assert_eq!(stored(&app, WAITING_RUN).await.status, RunStatus::Succeeded);
}

#[sqlx::test(migrator = "runplane::MIGRATOR")]
async fn empty_specs_and_string_steps_succeed_and_anything_else_says_why_not(
    _pool: PgPoolOptions,
    options: PgConnectOptions,
) {
    let app = app(options, FUNCTION).await;
    let spec = |text: &str| serde_json::from_str(text).unwrap();
    for good in ["{}", r#"{"steps":[]}"#, r#"{"steps":["extract","transform","load"]}"#] {
        let id = run_of(&app, spec(good)).await;
        assert_eq!(failures(&app, &message(id)).await, [""; 0]);
        assert_eq!(stored(&app, id).await.status, RunStatus::Succeeded, "{good}");
    }
    for (bad, code) in [
        (r#"{"steps":[{"id":"a","type":"http"}]}"#, "invalid_dag_spec"),
        (r#"{"steps":"a"}"#, "invalid_dag_spec"),
    ] {
        let id = run_of(&app, spec(bad)).await;
        assert_eq!(failures(&app, &message(id)).await, [""; 0]);
        let run = stored(&app, id).await;
        assert_eq!((run.status, run.error_code.as_deref()), (RunStatus::Failed, Some(code)), "{bad}");
        assert!(run.error_message.unwrap().contains("/steps"), "{bad}");
    }
}

#[sqlx::test(migrator = "runplane::MIGRATOR")]
async fn a_message_of_another_tenant_finds_no_run(_pool: PgPoolOptions, options: PgConnectOptions) {
    let app = app(options, FUNCTION).await;
    assert_eq!(failures(&app, &message(WAITING_RUN)).await, ["m"]);
    assert_eq!(stored(&app, WAITING_RUN).await.status, RunStatus::Queued);
}

#[sqlx::test(migrator = "runplane::MIGRATOR")]
async fn a_panic_in_a_run_fails_that_run_only(_pool: PgPoolOptions, options: PgConnectOptions) {
    let app = app(options, FUNCTION).await;
    let claim = claimed(&app).await;
    let neighbour = run_of(&app, serde_json::json!({})).await;
    let neighbour_message = message(neighbour);
    let work = async { panic!("a secret of ours") };
    let (done, failed) = tokio::join!(run(&app, &claim, QUICK, work), failures(&app, &neighbour_message));
    assert_eq!((done.unwrap(), failed), (Done::Completed(RunStatus::Failed), vec![]));
    let failed = stored(&app, WAITING_RUN).await;
    assert_eq!(failed.error_code.as_deref(), Some("worker_panic"));
    assert!(!failed.error_message.unwrap().contains("secret"));
    assert_eq!(stored(&app, neighbour).await.status, RunStatus::Succeeded);
}

#[sqlx::test(migrator = "runplane::MIGRATOR")]
async fn a_run_is_handed_back_when_the_worker_has_to_leave(_pool: PgPoolOptions, options: PgConnectOptions) {
    let app = app(options, FUNCTION).await;
    let claim = claimed(&app).await;
    let (work, dropped) = endless();
    let leave = CancellationToken::new();
    leave.cancel();
    let (_keeper, lease) = keep(&app, &claim, Instant::now(), QUICK, None);
    let done = record::run(&batch_of(&app, QUICK, &leave), &claim, lease, work).await.unwrap();
    assert_eq!(done, Done::HandedBack);
    dropped.await.unwrap();
    let run = stored(&app, WAITING_RUN).await;
    assert_eq!((run.status, run.attempt, run.lost, run.claim_count), (RunStatus::Queued, 1, 0, 1));
    // And another worker goes on with it.
    assert_eq!(claimed(&app).await.run.run.claim_count, 2);
}

#[sqlx::test(migrator = "runplane::MIGRATOR")]
async fn a_failed_attempt_waits_for_the_next_one(_pool: PgPoolOptions, options: PgConnectOptions) {
    let app = app(options, FUNCTION).await;
    let more = sqlx::query("update pipeline_runs set max_attempts = 2 where id = $1").bind(WAITING_RUN);
    execute(&app, more).await;
    let claim = claimed(&app).await;
    let work = async { CompleteRequest::new(Outcome::Failed) };
    assert_eq!(run(&app, &claim, QUICK, work).await.unwrap(), Done::Completed(RunStatus::Queued));
    assert_eq!(stored(&app, WAITING_RUN).await.attempt, 2);
}

#[sqlx::test(migrator = "runplane::MIGRATOR")]
async fn a_dead_workers_message_comes_back_five_seconds_after_its_lease(
    _pool: PgPoolOptions,
    options: PgConnectOptions,
) {
    let config = aws_config::load_defaults(aws_config::BehaviorVersion::latest()).await;
    let sqs = aws_sdk_sqs::Client::new(&config);
    // Without the worker's doing it would stay hidden for twelve hours.
    let queue = sqs.create_queue().queue_name(format!("t-{}", Uuid::now_v7()));
    let queue = queue.attributes(aws_sdk_sqs::types::QueueAttributeName::VisibilityTimeout, "43200");
    let url = queue.send().await.unwrap().queue_url.unwrap();
    let receive = async || {
        let ask = sqs.receive_message().queue_url(&url).wait_time_seconds(20).send().await.unwrap();
        ask.messages.unwrap_or_default().pop()
    };
    sqs.send_message().queue_url(&url).message_body("x").send().await.unwrap();
    let receipt = receive().await.unwrap().receipt_handle;

    let claim = claimed(&*app(options.clone(), FUNCTION).await).await;
    let db = Db::new(options, Plans::Generic, Pooler::None);
    let app = App::new(FUNCTION, db, Some(Dispatcher::new(FUNCTION, sqs.clone(), url.clone())));
    // A lease that is over at once, and a keeper that dies before its first heartbeat.
    let pace = Pace { lease_seconds: 0, heartbeat_every: Duration::from_secs(3600), ..QUICK };
    let (keeper, _lease) = keep(&Arc::new(app), &claim, Instant::now(), pace, receipt);
    assert!(receive().await.is_some(), "the message did not come back");
    keeper.end().await;
    sqs.delete_queue().queue_url(&url).send().await.unwrap();
}

#[sqlx::test(migrator = "runplane::MIGRATOR")]
async fn a_completion_that_does_not_reach_postgres_is_tried_again(
    _pool: PgPoolOptions,
    options: PgConnectOptions,
) {
    let app = app(options, FUNCTION).await;
    let claim = claimed(&app).await;
    // What was done would be lost if nobody reported it.
    kill_connection(&app).await;
    // No heartbeat comes first and finds the dead connection.
    let pace = Pace { heartbeat_every: Duration::from_secs(3600), ..QUICK };
    let work = async { CompleteRequest::new(Outcome::Succeeded) };
    assert_eq!(run(&app, &claim, pace, work).await.unwrap(), Done::Completed(RunStatus::Succeeded));
}

#[sqlx::test(migrator = "runplane::MIGRATOR")]
async fn messages_come_again_while_postgres_is_out_of_reach(_pool: PgPoolOptions, options: PgConnectOptions) {
    // Nobody listens on port 1.
    let nowhere = Db::new(options.host("127.0.0.1").port(1), Plans::Generic, Pooler::None);
    let app = Arc::new(App::new(FUNCTION, nowhere, None));
    let id = "00000000-0000-0000-0000-000000000001";
    assert_eq!(failures(&app, include_str!("../../../events/worker.json")).await, [id]);
}

#[tokio::test]
async fn the_worker_reads_the_settings_that_the_table_lists_for_it() {
    check_settings(FUNCTION, async |settings| Worker::from_settings(settings).await).await;
}

#[sqlx::test(migrator = "runplane::MIGRATOR")]
async fn the_sweep_comes_for_runs_that_the_worker_claims(_pool: PgPoolOptions, options: PgConnectOptions) {
    let sqs = Sqs::start().await;
    let app = arming(options, FUNCTION, &sqs).await;
    let event = include_str!("../../../events/worker.json");
    assert_eq!(failures(&app, event).await, Vec::<String>::new());
    let requests = sqs.requests();
    // With the claim, and with the end if another period has begun by then.
    assert!((1..=2).contains(&requests.len()), "{requests:?}");
    assert_eq!(requests[0]["MessageBody"], "{}");
}

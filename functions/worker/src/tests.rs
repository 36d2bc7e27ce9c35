//! The worker on a database with the demo data.

#![allow(
    clippy::unwrap_used,
    reason = "a test may panic; clippy.toml allows it only in functions marked as tests"
)]

use std::time::Duration;

use aws_lambda_events::sqs::SqsEvent;
use runplane::app::App;
use runplane::db::Plans;
use runplane::runs::{self, Claim, RunStatus};
use runplane::scope::Scope;
use runplane::testing::{app, captured_log};
use sqlx::ConnectOptions;
use sqlx::postgres::{PgConnectOptions, PgPoolOptions};
use uuid::{Uuid, uuid};

use crate::batch;
use crate::lease::{self, Held, Pace};

const WAITING_RUN: Uuid = uuid!("0199e0c0-0000-7000-8000-0000000000aa");
const DEMO_TENANT: Uuid = uuid!("580115b4-a291-4917-8dbd-247cfa13e2d6");
/// Heartbeats come at once, so that no test waits for them.
const QUICK: Pace = Pace {
    lease_seconds: 30,
    heartbeat_every: Duration::from_millis(1),
    retry_after: Duration::from_millis(1),
};

async fn failures(app: &App, event: &str) -> Vec<String> {
    let event: SqsEvent = serde_json::from_str(event).unwrap();
    let response = batch::handle(app, "worker", event).await;
    response.batch_item_failures.into_iter().map(|failure| failure.item_identifier).collect()
}

/// A message of the demo tenant's run.
fn message(run_id: Uuid) -> String {
    serde_json::json!({"Records": [{
        "messageId": "m", "body": format!(r#"{{"run_id":"{run_id}"}}"#), "attributes": {"MessageGroupId": DEMO_TENANT},
    }]})
    .to_string()
}

async fn stored(app: &App, id: Uuid) -> runs::Run {
    runs::get(&mut app.conn().await.unwrap(), Scope::All, id).await.unwrap().run
}

/// A QUEUED run of the demo tenant with a spec of its own.
async fn run_of(app: &App, dag_spec: serde_json::Value) -> Uuid {
    let version = Uuid::now_v7();
    sqlx::query(
        "insert into pipeline_versions (id, tenant_id, pipeline_id, version, status, dag_spec)
         values ($1, $2, '0199e0c0-0000-7000-8000-000000000011', $1::text, 'APPROVED', $3)",
    )
    .bind(version)
    .bind(DEMO_TENANT)
    .bind(dag_spec)
    .execute(&mut *app.conn().await.unwrap())
    .await
    .unwrap();
    let request = serde_json::json!({"tenant_id": DEMO_TENANT, "pipeline_version_id": version});
    let request = serde_json::from_value(request).unwrap();
    runs::create(&mut app.conn().await.unwrap(), &request, None).await.unwrap().run.id
}

async fn claimed(app: &App) -> Claim {
    let claim =
        runs::claim_by_id(&mut app.conn().await.unwrap(), Scope::All, WAITING_RUN, "worker", 30).await;
    claim.unwrap().unwrap()
}

/// Waits until a condition on the row holds, over a connection of its own.
async fn until(options: PgConnectOptions, condition: &'static str) {
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
    let app = app(options, Plans::Generic).await;
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
    let app = app(options, Plans::Generic).await;
    let (log, _guard) = captured_log();
    let event = include_str!("../../../events/worker.poison.json");
    let failed = failures(&app, event).await;
    // Not JSON, JSON without a run_id, and a run that does not exist go back; the good one is done.
    let ids = [1, 3, 4].map(|number| format!("00000000-0000-0000-0000-{number:012}"));
    assert_eq!(failed, ids);
    let refused = log.lines_about("message refused");
    assert_eq!(refused.iter().map(|line| line["message.id"].as_str().unwrap()).collect::<Vec<_>>(), ids);
    assert_eq!(log.lines_about("run ended SUCCEEDED").len(), 1);
    assert_eq!(stored(&app, WAITING_RUN).await.status, RunStatus::Succeeded);
}

#[sqlx::test(migrator = "runplane::MIGRATOR")]
async fn empty_specs_and_string_steps_succeed_and_anything_else_says_why_not(
    _pool: PgPoolOptions,
    options: PgConnectOptions,
) {
    let app = app(options, Plans::Generic).await;
    let spec = |text: &str| serde_json::from_str(text).unwrap();
    for good in ["{}", r#"{"steps":[]}"#, r#"{"steps":["extract","transform","load"]}"#] {
        let id = run_of(&app, spec(good)).await;
        assert_eq!(failures(&app, &message(id)).await, [""; 0]);
        assert_eq!(stored(&app, id).await.status, RunStatus::Succeeded, "{good}");
    }
    for bad in [r#"{"steps":[{"id":"a","type":"http"}]}"#, r#"{"steps":"a"}"#] {
        let id = run_of(&app, spec(bad)).await;
        assert_eq!(failures(&app, &message(id)).await, [""; 0]);
        let run = stored(&app, id).await;
        assert_eq!(
            (run.status, run.error_code.as_deref()),
            (RunStatus::Failed, Some("unsupported_step")),
            "{bad}"
        );
        assert!(run.error_message.unwrap().contains("/steps"), "{bad}");
    }
}

#[sqlx::test(migrator = "runplane::MIGRATOR")]
async fn a_message_of_another_tenant_finds_no_run(_pool: PgPoolOptions, options: PgConnectOptions) {
    let app = app(options, Plans::Generic).await;
    assert_eq!(failures(&app, &message(WAITING_RUN)).await, ["m"]);
    assert_eq!(stored(&app, WAITING_RUN).await.status, RunStatus::Queued);
}

#[sqlx::test(migrator = "runplane::MIGRATOR")]
async fn the_lease_is_extended_while_work_goes_on(_pool: PgPoolOptions, options: PgConnectOptions) {
    let app = app(options.clone(), Plans::Generic).await;
    let claim = claimed(&app).await;
    let work = async {
        until(options, "heartbeat_at is not null and lease_expires_at > claimed_at + interval '30 s'").await;
        "done"
    };
    assert_eq!(lease::keep(&app, &claim, QUICK, work).await, Held::Kept("done"));
}

#[sqlx::test(migrator = "runplane::MIGRATOR")]
async fn work_stops_when_the_lease_is_lost(_pool: PgPoolOptions, options: PgConnectOptions) {
    let app = app(options, Plans::Generic).await;
    let claim = claimed(&app).await;
    sqlx::query("update pipeline_runs set lease_token = gen_random_uuid() where id = $1")
        .bind(WAITING_RUN)
        .execute(&mut *app.conn().await.unwrap())
        .await
        .unwrap();
    let endless = std::future::pending::<()>();
    assert_eq!(lease::keep(&app, &claim, QUICK, endless).await, Held::Lost);
}

#[sqlx::test(migrator = "runplane::MIGRATOR")]
async fn a_heartbeat_that_does_not_reach_postgres_is_tried_again(
    _pool: PgPoolOptions,
    options: PgConnectOptions,
) {
    let app = app(options.clone(), Plans::Generic).await;
    let claim = claimed(&app).await;
    // Kills the worker's own connection under it.
    let kill = "select pg_terminate_backend(pg_backend_pid())";
    sqlx::query(kill).execute(&mut *app.conn().await.unwrap()).await.unwrap_err();
    let work = until(options, "heartbeat_at is not null");
    assert_eq!(lease::keep(&app, &claim, QUICK, work).await, Held::Kept(()));
}

#[sqlx::test(migrator = "runplane::MIGRATOR")]
async fn a_completion_that_does_not_reach_postgres_is_tried_again(
    _pool: PgPoolOptions,
    options: PgConnectOptions,
) {
    let app = app(options, Plans::Generic).await;
    let claim = claimed(&app).await;
    // Kills the worker's own connection under it: what was done would be lost if nobody reported it.
    let kill = "select pg_terminate_backend(pg_backend_pid())";
    sqlx::query(kill).execute(&mut *app.conn().await.unwrap()).await.unwrap_err();
    // No heartbeat comes first and finds the dead connection.
    let pace = Pace { heartbeat_every: Duration::from_secs(3600), ..QUICK };
    let done = crate::record::work(&app, claim, pace).await.unwrap();
    assert_eq!(done, crate::record::Done::Ended(RunStatus::Succeeded));
}

#[sqlx::test(migrator = "runplane::MIGRATOR")]
async fn messages_come_again_while_postgres_is_out_of_reach(_pool: PgPoolOptions, options: PgConnectOptions) {
    // Nobody listens on port 1.
    let app = App::new(runplane::db::Db::new(options.host("127.0.0.1").port(1), Plans::Generic), None);
    let id = "00000000-0000-0000-0000-000000000001";
    assert_eq!(failures(&app, include_str!("../../../events/worker.json")).await, [id]);
}

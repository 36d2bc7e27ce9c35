//! What is noted when a run changes its state, by whichever verb, and for whom.

use runplane::dag::ParamsCache;
use runplane::events::{self, BUS};
use runplane::runs::{self, CancelRequest, CompleteRequest, Marks, ReleaseRequest, RetryRequest, RunStatus};
use runplane::scope::Scope;
use runplane::sweep;
use serde_json::json;
use sqlx::PgConnection;
use uuid::Uuid;

use crate::support::{
    Row, World, change, claim, claim_by, claim_by_id, expire, queued, running, world, world_with,
};
use crate::telling::{Conn, last, pending, webhook};

async fn complete(conn: &mut PgConnection, run: Uuid, token: Uuid, outcome: serde_json::Value) {
    let mut body = outcome;
    body["lease_token"] = json!(token);
    let request: CompleteRequest = serde_json::from_value(body).unwrap();
    runs::complete(conn, Scope::All, run, &request).await.unwrap();
}

/// A run that is RUNNING, claimed by the verb, and its token.
async fn claimed(conn: &mut PgConnection, world: World) -> (Uuid, Uuid) {
    queued(conn, world, "max_attempts = 2").await;
    let claim = claim(conn, Scope::All, &Marks::default(), claim_by("w")).await.unwrap().unwrap();
    (claim.run.run.id, claim.run.lease_token)
}

#[sqlx::test(migrator = "runplane::MIGRATOR")]
async fn nothing_is_noted_where_nobody_listens(mut conn: Conn) {
    let mine = world(&mut conn).await;
    let other = world(&mut conn).await;
    let webhook = webhook(&mut conn, other, json!({})).await;
    let (run, token) = claimed(&mut conn, mine).await;
    complete(&mut conn, run, token, json!({"status": "SUCCEEDED"})).await;
    let noted: i64 =
        sqlx::query_scalar("select count(*) from deliveries").fetch_one(&mut *conn).await.unwrap();
    assert_eq!(noted, 0, "another tenant's webhook is told nothing");
    assert_eq!(pending(&mut conn, webhook.id).await, Vec::<String>::new());
}

#[sqlx::test(migrator = "runplane::MIGRATOR")]
async fn a_run_that_goes_well_is_queued_running_and_succeeded(mut conn: Conn) {
    let world = world(&mut conn).await;
    let webhook = webhook(&mut conn, world, json!({})).await;
    let (run, token) = claimed(&mut conn, world).await;
    complete(&mut conn, run, token, json!({"status": "SUCCEEDED", "output": {"secret": 1}})).await;
    assert_eq!(
        pending(&mut conn, webhook.id).await,
        ["run.queued created", "run.running claimed", "run.succeeded"]
    );
}

#[sqlx::test(migrator = "runplane::MIGRATOR")]
async fn an_event_has_ids_and_times_and_nothing_that_may_be_a_secret(mut conn: Conn) {
    let world = world(&mut conn).await;
    webhook(&mut conn, world, json!({})).await;
    let run = queued(
        &mut conn,
        world,
        "parameters = '{\"password\": \"hunter2\"}', labels = '{\"team\": \"blue\"}'",
    )
    .await;
    let held = claim_by_id(&mut conn, Scope::All, run, "w").await.unwrap();
    sqlx::raw_sql("set timezone = 'Asia/Tokyo'").execute(&mut *conn).await.unwrap();
    complete(
        &mut conn,
        run,
        held.run.lease_token,
        json!({"status": "FAILED", "retryable": false, "error_code": "broken", "error_message": "hunter2"}),
    )
    .await;
    let data = last(&mut conn).await;
    let names: Vec<_> = data.as_object().unwrap().keys().map(String::as_str).collect();
    assert_eq!(
        names,
        [
            "attempt",
            "available_at",
            "claim_count",
            "created_at",
            "error_code",
            "finished_at",
            "labels",
            "lost",
            "max_attempts",
            "pipeline",
            "pipeline_id",
            "pipeline_version_id",
            "queue",
            "root_run_id",
            "run_id",
            "started_at",
            "status",
            "tenant_id",
            "trigger_type",
            "version",
        ]
    );
    assert_eq!((&data["error_code"], &data["labels"]), (&json!("broken"), &json!({"team": "blue"})));
    assert_eq!((&data["pipeline"], &data["version"]), (&json!("P"), &json!("1")));
    assert!(data["finished_at"].as_str().unwrap().ends_with("+00:00"), "{data}");
    let all: String = sqlx::query_scalar("select string_agg(d::text, '') from deliveries d")
        .fetch_one(&mut *conn)
        .await
        .unwrap();
    assert!(!all.contains("hunter2"), "{all}");
}

#[sqlx::test(migrator = "runplane::MIGRATOR")]
async fn a_run_that_waits_again_says_why(mut conn: Conn) {
    let world = world(&mut conn).await;
    let webhook = webhook(&mut conn, world, json!({"event_types": ["run.queued", "run.running"]})).await;
    let (run, token) = claimed(&mut conn, world).await;
    let failed = json!({"status": "FAILED", "retryable": true, "error_code": "E", "error_message": "m"});
    complete(&mut conn, run, token, failed).await;
    change(&mut conn, run, "available_at = now()").await;
    let held = claim_by_id(&mut conn, Scope::All, run, "w").await.unwrap();
    let release: ReleaseRequest =
        serde_json::from_value(json!({"lease_token": held.run.lease_token})).unwrap();
    runs::release(&mut conn, Scope::All, run, &release).await.unwrap();
    claim_by_id(&mut conn, Scope::All, run, "w").await.unwrap();
    expire(&mut conn, run).await;
    sweep::leases(&mut conn, Scope::All, 10).await.unwrap();
    claim_by_id(&mut conn, Scope::All, run, "w").await.unwrap();
    expire(&mut conn, run).await;
    claim_by_id(&mut conn, Scope::All, run, "other").await.unwrap();
    assert_eq!(
        pending(&mut conn, webhook.id).await,
        [
            "run.queued created",
            "run.running claimed",
            "run.queued attempt_failed",
            "run.running claimed",
            "run.queued handed_back",
            "run.running claimed",
            "run.queued lease_expired",
            "run.running claimed",
            "run.running taken_over",
        ]
    );
    assert_eq!(last(&mut conn).await["lost"], 2);
}

#[sqlx::test(migrator = "runplane::MIGRATOR")]
async fn every_end_is_told_whoever_brings_it_about(mut conn: Conn) {
    let world = world(&mut conn).await;
    let ends = ["run.succeeded", "run.failed", "run.cancelled"];
    let webhook = webhook(&mut conn, world, json!({"event_types": ends})).await;
    let mut expected = Vec::new();

    let run = queued(&mut conn, world, "").await;
    let cancel: CancelRequest = serde_json::from_value(json!({"reason": "enough"})).unwrap();
    runs::cancel(&mut conn, Scope::All, run, &cancel).await.unwrap();
    expected.push("run.cancelled");

    queued(&mut conn, world, "start_by = now() - interval '1 s'").await;
    sweep::start_by(&mut conn, Scope::All, 10).await.unwrap();
    expected.push("run.cancelled");

    let (run, _) = running(&mut conn, world).await;
    change(&mut conn, run, "lost = max_lost, lease_expires_at = now() - interval '1 s'").await;
    sweep::leases(&mut conn, Scope::All, 10).await.unwrap();
    expected.push("run.failed");

    // By hand, in psql.
    let (run, _) = running(&mut conn, world).await;
    change(&mut conn, run, "status = 'SUCCEEDED', finished_at = now(), lease_expires_at = null").await;
    expected.push("run.succeeded");
    assert_eq!(pending(&mut conn, webhook.id).await, expected);
}

#[sqlx::test(migrator = "runplane::MIGRATOR")]
async fn runs_of_a_batch_are_told_one_by_one(mut conn: Conn) {
    let world = world(&mut conn).await;
    let webhook = webhook(&mut conn, world, json!({})).await;
    for _ in 0..3 {
        queued(&mut conn, world, "").await;
    }
    let options = runs::ClaimOptions { max_runs: 3, ..claim_by("w") };
    let claimed = runs::claim(&mut conn, Scope::All, &Marks::default(), options).await.unwrap();
    assert_eq!(claimed.claims.len(), 3);
    let told = pending(&mut conn, webhook.id).await;
    assert_eq!(told[..3], ["run.queued created"; 3]);
    assert_eq!(told[3..], ["run.running claimed"; 3]);
}

#[sqlx::test(migrator = "runplane::MIGRATOR")]
async fn a_retry_is_a_run_of_its_own(mut conn: Conn) {
    let world = world(&mut conn).await;
    let webhook = webhook(&mut conn, world, json!({})).await;
    let failed = Row::new(RunStatus::Failed).insert(&mut conn, world).await;
    assert!(pending(&mut conn, webhook.id).await.is_empty(), "it came into the table as it is");
    let request: RetryRequest = serde_json::from_value(json!({})).unwrap();
    runs::retry(&mut conn, &ParamsCache::default(), Scope::All, failed, &request, None).await.unwrap();
    assert_eq!(pending(&mut conn, webhook.id).await, ["run.queued retried"]);
    assert_eq!(last(&mut conn).await["retry_of_run_id"], json!(failed));
}

#[sqlx::test(migrator = "runplane::MIGRATOR")]
async fn what_changes_no_state_is_not_told(mut conn: Conn) {
    let world = world(&mut conn).await;
    let webhook = webhook(&mut conn, world, json!({})).await;
    let (run, _) = running(&mut conn, world).await;
    change(&mut conn, run, "lease_expires_at = now() + interval '1 min', heartbeat_at = now()").await;
    // Repeated, and to no other state.
    change(&mut conn, run, "status = 'RUNNING', claim_count = claim_count").await;
    assert!(pending(&mut conn, webhook.id).await.is_empty());
}

#[sqlx::test(migrator = "runplane::MIGRATOR")]
async fn a_change_that_is_taken_back_was_none(mut conn: Conn) {
    let world = world(&mut conn).await;
    let webhook = webhook(&mut conn, world, json!({})).await;
    sqlx::raw_sql("begin").execute(&mut *conn).await.unwrap();
    queued(&mut conn, world, "").await;
    assert_eq!(pending(&mut conn, webhook.id).await, ["run.queued created"]);
    sqlx::raw_sql("rollback").execute(&mut *conn).await.unwrap();
    assert!(pending(&mut conn, webhook.id).await.is_empty());
}

#[sqlx::test(migrator = "runplane::MIGRATOR")]
async fn a_listener_is_told_what_it_wants_to_know(mut conn: Conn) {
    let world = world(&mut conn).await;
    let other: Uuid = Uuid::now_v7();
    sqlx::query("insert into pipelines (id, tenant_id, name) values ($1, $2, 'other')")
        .bind(other)
        .bind(world.tenant)
        .execute(&mut *conn)
        .await
        .unwrap();
    let all = webhook(&mut conn, world, json!({})).await;
    let running = webhook(&mut conn, world, json!({"event_types": ["run.running"]})).await;
    let of_pipeline = webhook(&mut conn, world, json!({"pipeline_id": world.pipeline})).await;
    let of_other = webhook(&mut conn, world, json!({"pipeline_id": other})).await;
    let paused = webhook(&mut conn, world, json!({"paused": true})).await;
    claimed(&mut conn, world).await;
    let both = ["run.queued created", "run.running claimed"];
    assert_eq!(pending(&mut conn, all.id).await, both);
    assert_eq!(pending(&mut conn, running.id).await, ["run.running claimed"]);
    assert_eq!(pending(&mut conn, of_pipeline.id).await, both);
    assert!(pending(&mut conn, of_other.id).await.is_empty());
    assert_eq!(pending(&mut conn, paused.id).await, both, "they wait");
    let ids: i64 = sqlx::query_scalar("select count(distinct event_id) from deliveries")
        .fetch_one(&mut *conn)
        .await
        .unwrap();
    assert_eq!(ids, 2, "an event has one id, however many are told of it");
}

#[sqlx::test(migrator = "runplane::MIGRATOR")]
async fn the_bus_is_told_about_everybody_while_there_is_one(mut conn: Conn) {
    let one = world(&mut conn).await;
    let other = world_with(&mut conn, "APPROVED", json!({})).await;
    for _ in 0..2 {
        events::keep_bus(&mut conn, true).await.unwrap();
    }
    queued(&mut conn, one, "").await;
    queued(&mut conn, other, "").await;
    assert_eq!(pending(&mut conn, BUS).await, ["run.queued created"; 2]);
    events::keep_bus(&mut conn, false).await.unwrap();
    queued(&mut conn, one, "").await;
    assert_eq!(pending(&mut conn, BUS).await.len(), 2);
    assert_eq!(events::expire_deliveries(&mut conn, 10).await.unwrap().deleted, 2, "nobody waits for them");
}

//! Runs that are taken away.

use rustix::process::Signal;
use serde_json::json;
use sqlx::postgres::{PgConnectOptions, PgPoolOptions};

use crate::network::Fate;
use crate::support::{World, events, eventually};

#[sqlx::test(migrator = "runplane::MIGRATOR")]
async fn a_run_that_is_cancelled_is_dropped_and_the_worker_goes_on(
    _pool: PgPoolOptions,
    options: PgConnectOptions,
) {
    let world = World::new(options).await;
    let run = world.run(json!({ "steps": ["a", "b"] })).await;
    let gate = world.network.gate(&format!("PUT /api/runs/{run}"));
    let worker = world.worker("--concurrency 1");
    world.becomes(run, "RUNNING").await;
    let cancel = "update pipeline_runs set status = 'CANCELLED', finished_at = now(), lease_expires_at = null, error_code = 'cancelled' where id = $1";
    world.execute(cancel, run).await;
    let lost = worker.says("lost").await;
    assert_eq!(lost["run_id"], json!(run));
    assert!(lost["message"].as_str().unwrap().starts_with("it is not ours any more"), "{lost}");
    // Its slot is free, though what it has sent was never answered.
    let other = world.run(json!({})).await;
    world.becomes(other, "SUCCEEDED").await;
    gate.open();
    assert_eq!(world.row(run).await["status"], "CANCELLED");
    drop(worker);
}

#[sqlx::test(migrator = "runplane::MIGRATOR")]
async fn a_run_that_somebody_else_has_is_not_completed(_pool: PgPoolOptions, options: PgConnectOptions) {
    let world = World::new(options).await;
    let run = world.run(json!({})).await;
    let gate = world.network.gate(&format!("POST /api/runs/{run}/complete"));
    let worker = world.worker("--once");
    world.becomes(run, "RUNNING").await;
    let taken = "update pipeline_runs set claimed_by = 'w-2', lease_token = gen_random_uuid(), claim_count = 2, lost = 1,
                        lease_expires_at = now() + interval '1 hour' where id = $1";
    world.execute(taken, run).await;
    gate.open();
    let (status, said) = worker.ends().await;
    assert_eq!(status.code(), Some(0), "{said:#?}");
    let row = world.row(run).await;
    assert_eq!((&row["status"], &row["claimed_by"]), (&json!("RUNNING"), &json!("w-2")));
    assert!(said.iter().any(|line| line["event"] == "lost"), "{said:#?}");
}

#[sqlx::test(migrator = "runplane::MIGRATOR")]
async fn an_end_that_is_refused_fails_the_run_with_the_reason(
    _pool: PgPoolOptions,
    options: PgConnectOptions,
) {
    let world = World::new(options).await;
    let run = world.run(json!({})).await;
    let refusal =
        json!({ "status": 413, "code": "payload_too_large", "detail": "/output: may have 262144 bytes" });
    world.network.next(&format!("POST /api/runs/{run}/complete"), 1, Fate::Answered(413, refusal));
    world.work_off("").await;
    let row = world.row(run).await;
    assert_eq!(
        (&row["status"], &row["error_code"]),
        (&json!("FAILED"), &json!("results_not_stored")),
        "{row}"
    );
    assert!(row["error_message"].as_str().unwrap().contains("/output"), "{row}");
}

#[sqlx::test(migrator = "runplane::MIGRATOR")]
async fn what_a_worker_has_done_before_it_was_killed_is_not_done_again(
    _pool: PgPoolOptions,
    options: PgConnectOptions,
) {
    let world = World::new(options).await;
    let mark = |id: &str, before: &[&str]| json!({ "id": id, "type": "artifact", "depends_on": before, "with": { "artifact_type": id, "payload": {} } });
    let run = world.run(json!({ "steps": [mark("a", &[]), mark("b", &["a"])] })).await;
    let gate = world.network.gate(&format!("POST /api/runs/{run}/complete"));
    let worker = world.worker("");
    eventually("its end is being reported", async || {
        (!world.network.asked(&format!("POST /api/runs/{run}/complete")).is_empty()).then_some(())
    })
    .await;
    worker.signal(Signal::KILL);
    let (status, _) = worker.ends().await;
    assert_eq!(status.code(), None);
    // Its lease expires.
    world.execute("update pipeline_runs set lease_expires_at = now() where id = $1", run).await;
    world.network.mend();
    let said = world.work_off("").await;
    let row = world.row(run).await;
    assert_eq!((&row["status"], &row["lost"]), (&json!("SUCCEEDED"), &json!(1)), "{said:#?}");
    assert_eq!(events(&said), ["claimed", "completed"], "{said:#?}");
    assert_eq!(world.network.asked(&format!("POST /api/runs/{run}/artifacts")).len(), 2);
    drop(gate);
}

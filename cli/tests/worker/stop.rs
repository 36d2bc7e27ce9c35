//! Signals.

use rustix::process::Signal;
use serde_json::json;
use sqlx::postgres::{PgConnectOptions, PgPoolOptions};

use crate::support::World;

#[sqlx::test(migrator = "runplane::MIGRATOR")]
async fn told_to_end_it_claims_nothing_more_and_finishes_what_it_has(
    _pool: PgPoolOptions,
    options: PgConnectOptions,
) {
    let world = World::new(options).await;
    let run = world.run(json!({ "steps": ["a"] })).await;
    let gate = world.network.gate("PUT");
    let worker = world.worker("");
    world.becomes(run, "RUNNING").await;
    worker.signal(Signal::TERM);
    worker.says("draining").await;
    let later = world.run(json!({})).await;
    world.network.mend();
    gate.open();
    let (status, said) = worker.ends().await;
    assert_eq!(status.code(), Some(0), "{said:#?}");
    assert_eq!(world.row(run).await["status"], "SUCCEEDED", "{said:#?}");
    assert_eq!(world.row(later).await["status"], "QUEUED");
}

#[sqlx::test(migrator = "runplane::MIGRATOR")]
async fn told_twice_it_hands_back_at_once(_pool: PgPoolOptions, options: PgConnectOptions) {
    let world = World::new(options).await;
    let run = world.run(json!({ "steps": ["a"] })).await;
    let _gate = world.network.gate("PUT");
    let worker = world.worker("--drain-seconds 3600");
    world.becomes(run, "RUNNING").await;
    worker.signal(Signal::INT);
    worker.says("draining").await;
    worker.signal(Signal::TERM);
    assert_handed_back(&world, run, worker.ends().await).await;
}

#[sqlx::test(migrator = "runplane::MIGRATOR")]
async fn what_has_not_ended_in_time_is_handed_back(_pool: PgPoolOptions, options: PgConnectOptions) {
    let world = World::new(options).await;
    let run = world.run(json!({ "steps": ["a"] })).await;
    let _gate = world.network.gate("PUT");
    let worker = world.worker("--drain-seconds 0");
    world.becomes(run, "RUNNING").await;
    worker.signal(Signal::TERM);
    assert_handed_back(&world, run, worker.ends().await).await;
}

#[sqlx::test(migrator = "runplane::MIGRATOR")]
async fn who_has_nothing_to_do_ends_at_once(_pool: PgPoolOptions, options: PgConnectOptions) {
    let world = World::new(options).await;
    let worker = world.worker("--poll-seconds 3600 --drain-seconds 3600");
    worker.says("started").await;
    worker.signal(Signal::TERM);
    let (status, said) = worker.ends().await;
    assert_eq!(status.code(), Some(0), "{said:#?}");
}

#[sqlx::test(migrator = "runplane::MIGRATOR")]
async fn an_api_that_is_away_does_not_keep_a_worker_from_ending(
    _pool: PgPoolOptions,
    options: PgConnectOptions,
) {
    let world = World::new(options).await;
    let run = world.run(json!({ "steps": ["a"] })).await;
    let _gate = world.network.gate("PUT");
    let worker = world.worker("--drain-seconds 0");
    world.becomes(run, "RUNNING").await;
    let away = crate::network::Fate::Answered(503, json!({}));
    world.network.all(&format!("POST /api/runs/{run}/release"), away);
    worker.signal(Signal::TERM);
    let (status, said) = worker.ends().await;
    assert_eq!(status.code(), Some(0), "{said:#?}");
    assert!(said.iter().any(|line| line["event"] == "given up"), "{said:#?}");
    assert_eq!(world.row(run).await["status"], "RUNNING", "its lease will expire");
}

async fn assert_handed_back(
    world: &World,
    run: uuid::Uuid,
    (status, said): (std::process::ExitStatus, Vec<serde_json::Value>),
) {
    assert_eq!(status.code(), Some(0), "{said:#?}");
    let row = world.row(run).await;
    let facts = (&row["status"], &row["attempt"], &row["lost"]);
    assert_eq!(facts, (&json!("QUEUED"), &json!(1), &json!(0)), "{row} {said:#?}");
    assert!(said.iter().any(|line| line["event"] == "handed back"), "{said:#?}");
}

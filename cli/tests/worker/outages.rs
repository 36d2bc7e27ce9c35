//! Answers that are lost, an API that is away, and one that refuses.

use serde_json::json;
use sqlx::postgres::{PgConnectOptions, PgPoolOptions};

use crate::network::Fate;
use crate::support::{World, eventually};

const CLAIM: &str = "POST /api/runs/claim";

#[sqlx::test(migrator = "runplane::MIGRATOR")]
async fn a_claim_whose_answer_is_lost_is_made_once(_pool: PgPoolOptions, options: PgConnectOptions) {
    let world = World::new(options).await;
    let run = world.run(json!({})).await;
    world.network.next(CLAIM, 2, Fate::AnswerLost);
    world.work_off("").await;
    let row = world.row(run).await;
    assert_eq!((&row["status"], &row["claim_count"]), (&json!("SUCCEEDED"), &json!(1)), "{row}");
    let ids: Vec<_> =
        world.network.asked(CLAIM).into_iter().map(|asked| asked.body["claim_id"].clone()).collect();
    assert!(ids[0] == ids[1] && ids[1] == ids[2] && ids[2] != ids[3], "{ids:?}");
}

#[sqlx::test(migrator = "runplane::MIGRATOR")]
async fn an_end_whose_answer_is_lost_is_reported_again(_pool: PgPoolOptions, options: PgConnectOptions) {
    let world = World::new(options).await;
    let run = world.run(json!({ "steps": ["a"] })).await;
    world.network.next(&format!("POST /api/runs/{run}/complete"), 1, Fate::AnswerLost);
    world.network.next(&format!("POST /api/runs/{run}/complete"), 1, Fate::Answered(503, json!({})));
    let said = world.work_off("").await;
    assert_eq!(world.row(run).await["status"], "SUCCEEDED");
    let count = |event: &str| said.iter().filter(|line| line["event"] == event).count();
    assert_eq!((count("unanswered"), count("completed"), count("lost")), (2, 1, 0), "{said:#?}");
}

#[sqlx::test(migrator = "runplane::MIGRATOR")]
async fn an_api_that_is_away_is_waited_for(_pool: PgPoolOptions, options: PgConnectOptions) {
    let world = World::new(options).await;
    let run = world.run(json!({ "steps": ["a"] })).await;
    world.network.all("", Fate::Answered(503, json!({ "message": "Service Unavailable" })));
    let worker = world.worker("");
    eventually("it asks again", async || (worker.times("no claim") >= 3).then_some(())).await;
    world.network.mend();
    world.becomes(run, "SUCCEEDED").await;
    // And while a run is under way.
    let gate = world.network.gate("PUT");
    let run = world.run(json!({ "steps": ["a"] })).await;
    world.becomes(run, "RUNNING").await;
    world.network.mend();
    world.network.next("POST", 3, Fate::Answered(502, json!("<html>")));
    gate.open();
    let row = world.becomes(run, "SUCCEEDED").await;
    assert_eq!(row["claim_count"], 1);
    drop(worker);
}

#[sqlx::test(migrator = "runplane::MIGRATOR")]
async fn a_worker_that_is_refused_backs_off_and_goes_on(_pool: PgPoolOptions, options: PgConnectOptions) {
    let world = World::new(options).await;
    let problem = json!({ "detail": "Send a valid credential", "code": "unauthenticated" });
    world.network.all(CLAIM, Fate::Answered(401, problem));
    let worker = world.worker("");
    let said = worker.says("no claim").await;
    let message = said["message"].as_str().unwrap();
    assert!(message.starts_with("Send a valid credential; Is the API key in RUNPLANE_API_KEY"), "{said}");
    eventually("it asks again", async || (worker.times("no claim") >= 3).then_some(())).await;
    let pauses: Vec<f64> = worker
        .said()
        .iter()
        .filter(|line| line["event"] == "no claim")
        .filter_map(|line| {
            line["message"].as_str()?.rsplit("again in ").next()?.strip_suffix(" s")?.parse().ok()
        })
        .collect();
    assert!(pauses[0] <= 1.0 && pauses[2] >= 2.0, "{pauses:?}");
    world.network.mend();
    let run = world.run(json!({})).await;
    world.becomes(run, "SUCCEEDED").await;
    drop(worker);
}

#[sqlx::test(migrator = "runplane::MIGRATOR")]
async fn the_api_says_how_long_it_wants_to_be_left_alone(_pool: PgPoolOptions, options: PgConnectOptions) {
    let world = World::new(options).await;
    world.network.next(CLAIM, 1, Fate::Later(429, 3600));
    let worker = world.worker("");
    let said = worker.says("no claim").await;
    assert!(said["message"].as_str().unwrap().ends_with("again in 300.0 s"), "{said}");
    drop(worker);
}

#[sqlx::test(migrator = "runplane::MIGRATOR")]
async fn who_works_once_says_why_it_could_not(_pool: PgPoolOptions, options: PgConnectOptions) {
    let world = World::new(options).await;
    let invalid =
        json!({ "status": 400, "code": "invalid_field", "detail": "/queues/0: must be 1 to 100 characters" });
    world.network.next(CLAIM, 1, Fate::Answered(400, invalid));
    let (status, said) = world.worker("--once").ends().await;
    assert_eq!(status.code(), Some(1), "{said:#?}");
    assert!(
        said.iter().any(|line| line["detail"].as_str().is_some_and(|said| said.contains("/queues/0"))),
        "{said:#?}"
    );
}

#[sqlx::test(migrator = "runplane::MIGRATOR")]
async fn work_is_dropped_when_no_heartbeat_was_answered_for_the_length_of_a_lease(
    _pool: PgPoolOptions,
    options: PgConnectOptions,
) {
    let world = World::new(options).await;
    let run = world.run(json!({ "steps": ["a"] })).await;
    let gate = world.network.gate("PUT");
    world.network.all("POST /api/runs/heartbeat", Fate::Answered(503, json!({})));
    let worker = world.worker("--concurrency 1");
    let lost = worker.says("lost").await;
    assert!(lost["message"].as_str().unwrap().contains("silent"), "{lost}");
    assert!(worker.times("heartbeat") >= 2, "{:#?}", worker.said());
    world.network.mend();
    gate.open();
    // What was under way is fenced; whoever takes the run over does it all.
    let row = world.becomes(run, "SUCCEEDED").await;
    assert_eq!((&row["claim_count"], &row["lost"]), (&json!(2), &json!(1)), "{row}");
    drop(worker);
}

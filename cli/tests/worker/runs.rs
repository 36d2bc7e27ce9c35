//! Runs that are claimed, worked on and completed.

use serde_json::{Value, json};
use sqlx::postgres::{PgConnectOptions, PgPoolOptions};

use crate::support::{World, events, eventually};

#[sqlx::test(migrator = "runplane::MIGRATOR")]
async fn a_run_is_claimed_its_steps_are_stored_and_it_succeeds(
    _pool: PgPoolOptions,
    options: PgConnectOptions,
) {
    let world = World::new(options).await;
    let run = world.run(json!({ "steps": ["extract", "load"] })).await;
    let said = world.work_off("").await;
    let row = world.row(run).await;
    assert_eq!(
        (&row["status"], &row["claim_count"], &row["claimed_by"]),
        (&json!("SUCCEEDED"), &json!(1), &json!("w-1"))
    );
    assert_eq!(events(&said), ["claimed", "step", "step", "completed"], "{said:#?}");
    assert!(said.iter().filter(|line| !line["run_id"].is_null()).all(|line| line["run_id"] == json!(run)));
    assert_eq!(said[2]["step_id"], "extract");
    let claim = &world.network.asked("POST /api/runs/claim")[0].body;
    assert_eq!(
        (&claim["max_runs"], &claim["lease_seconds"], &claim["worker_id"]),
        (&json!(4), &json!(5), &json!("w-1"))
    );
    assert_eq!((claim.get("tenant_id"), claim.get("queues")), (None, None));
}

#[sqlx::test(migrator = "runplane::MIGRATOR")]
async fn only_runs_of_its_tenant_and_its_queues_are_claimed(_pool: PgPoolOptions, options: PgConnectOptions) {
    let world = World::new(options).await;
    let (here, there) = (world.run(json!({})).await, world.run(json!({})).await);
    world.execute("update pipeline_runs set queue = 'gpu' where id = $1", here).await;
    world.work_off(&format!("--queues cpu,gpu --tenant {}", world.tenant)).await;
    assert_eq!(world.row(here).await["status"], "SUCCEEDED");
    world.work_off(&format!("--tenant {}", uuid::Uuid::now_v7())).await;
    assert_eq!(world.row(there).await["status"], "QUEUED");
}

#[sqlx::test(migrator = "runplane::MIGRATOR")]
async fn a_run_whose_step_fails_is_completed_so_and_has_its_next_attempt(
    _pool: PgPoolOptions,
    options: PgConnectOptions,
) {
    let world = World::new(options).await;
    let fail =
        json!({ "id": "no", "type": "fail", "with": { "error": "sold_out", "message": "nothing left" } });
    let spec = json!({ "steps": [fail] });
    let (once, twice) = (world.run(spec.clone()).await, world.run(spec).await);
    world.execute("update pipeline_runs set max_attempts = 2, available_at = now() + interval '1 hour' where id = $1", twice).await;
    world.work_off("").await;
    let row = world.row(once).await;
    assert_eq!(row["status"], "FAILED", "{row}");
    assert!(row["error_message"].as_str().unwrap().contains("nothing left"), "{row}");

    world.execute("update pipeline_runs set available_at = now() where id = $1", twice).await;
    let said = world.work_off("").await;
    let row = world.row(twice).await;
    assert_eq!((&row["status"], &row["attempt"]), (&json!("QUEUED"), &json!(2)), "{row}");
    let completed = said.iter().find(|line| line["event"] == "completed").unwrap();
    assert!(completed["message"].as_str().unwrap().contains("its next attempt is due at"), "{completed}");
}

#[sqlx::test(migrator = "runplane::MIGRATOR")]
async fn never_more_runs_are_claimed_than_there_are_free_slots(
    _pool: PgPoolOptions,
    options: PgConnectOptions,
) {
    let world = World::new(options).await;
    let version = world.version(json!({ "steps": ["a"] })).await;
    let mut runs = Vec::new();
    for _ in 0..7 {
        runs.push(world.run_of(version).await);
    }
    let gate = world.network.gate("PUT");
    let worker = world.worker("--concurrency 3");
    eventually("a heartbeat for three runs", async || {
        let beats = world.network.asked("POST /api/runs/heartbeat");
        beats.iter().any(|asked| asked.body["items"].as_array().unwrap().len() == 3).then_some(())
    })
    .await;
    let running: i64 = sqlx::query_scalar("select count(*) from pipeline_runs where status = 'RUNNING'")
        .fetch_one(&world.pool)
        .await
        .unwrap();
    assert_eq!(running, 3);
    world.network.mend();
    gate.open();
    for run in runs {
        world.becomes(run, "SUCCEEDED").await;
    }
    let asked: Vec<Value> = world
        .network
        .asked("POST /api/runs/claim")
        .into_iter()
        .map(|asked| asked.body["max_runs"].clone())
        .collect();
    assert_eq!(asked[0], 3);
    assert!(asked.iter().all(|max_runs| (1..=3).contains(&max_runs.as_u64().unwrap())), "{asked:?}");
    drop(worker);
}

#[sqlx::test(migrator = "runplane::MIGRATOR")]
async fn what_waits_behind_a_full_claim_is_claimed_as_soon_as_there_is_a_slot(
    _pool: PgPoolOptions,
    options: PgConnectOptions,
) {
    let world = World::new(options).await;
    let version = world.version(json!({})).await;
    for _ in 0..5 {
        world.run_of(version).await;
    }
    // Were each of them waited for, this would take longer than the test may.
    world.work_off("--concurrency 1 --poll-seconds 3600").await;
    let left: i64 = sqlx::query_scalar("select count(*) from pipeline_runs where status <> 'SUCCEEDED'")
        .fetch_one(&world.pool)
        .await
        .unwrap();
    assert_eq!(left, 0);
}

#[sqlx::test(migrator = "runplane::MIGRATOR")]
async fn one_heartbeat_extends_the_leases_of_all_runs(_pool: PgPoolOptions, options: PgConnectOptions) {
    let world = World::new(options).await;
    let version = world.version(json!({ "steps": ["a"] })).await;
    let runs = [world.run_of(version).await, world.run_of(version).await];
    let gate = world.network.gate("PUT");
    let worker = world.worker("");
    let beat = eventually("a heartbeat", async || {
        let beats = world.network.asked("POST /api/runs/heartbeat");
        beats.into_iter().find(|asked| asked.body["items"].as_array().unwrap().len() == 2)
    })
    .await;
    let mut beaten: Vec<&Value> =
        beat.body["items"].as_array().unwrap().iter().map(|item| &item["run_id"]).collect();
    beaten.sort_by_key(|id| id.to_string());
    assert_eq!(beaten, [&json!(runs[0]), &json!(runs[1])]);
    for run in runs {
        eventually("the lease is extended", async || {
            (world.row(run).await["heartbeat_at"] != world.row(run).await["claimed_at"]).then_some(())
        })
        .await;
    }
    world.network.mend();
    gate.open();
    for run in runs {
        let row = world.becomes(run, "SUCCEEDED").await;
        assert_eq!((&row["claim_count"], &row["lost"]), (&json!(1), &json!(0)));
    }
    drop(worker);
}

#[sqlx::test(migrator = "runplane::MIGRATOR")]
async fn specs_for_other_workers_are_handed_back_for_a_minute_and_named_once(
    _pool: PgPoolOptions,
    options: PgConnectOptions,
) {
    let world = World::new(options).await;
    let version = world.version(json!({ "kind": "ours", "anything": 1 })).await;
    let runs = [world.run_of(version).await, world.run_of(version).await];
    let said = world.work_off("").await;
    for run in runs {
        let row = world.row(run).await;
        assert_eq!((&row["status"], &row["attempt"], &row["lost"]), (&json!("QUEUED"), &json!(1), &json!(0)));
        let due_in = row["due_in"].as_f64().unwrap();
        assert!((50.0..=60.0).contains(&due_in), "{due_in}");
    }
    let named: Vec<&Value> = said.iter().filter(|line| line["event"] == "not for us").collect();
    assert_eq!(named.len(), 1, "{said:#?}");
    assert!(named[0]["message"].as_str().unwrap().contains("\"ours\""), "{}", named[0]);
}

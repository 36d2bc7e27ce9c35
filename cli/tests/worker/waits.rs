//! Runs that wait.

use serde_json::json;
use sqlx::postgres::{PgConnectOptions, PgPoolOptions};

use crate::support::{World, events};

#[sqlx::test(migrator = "runplane::MIGRATOR")]
async fn a_run_that_waits_for_an_hour_is_handed_back_for_an_hour(
    _pool: PgPoolOptions,
    options: PgConnectOptions,
) {
    let world = World::new(options).await;
    let wait = json!({ "id": "pause", "type": "wait", "with": { "seconds": 3600 } });
    let run = world.run(json!({ "steps": [wait] })).await;
    let said = world.work_off("").await;
    let row = world.row(run).await;
    assert_eq!((&row["status"], &row["attempt"], &row["lost"]), (&json!("QUEUED"), &json!(1), &json!(0)));
    let due_in = row["due_in"].as_f64().unwrap();
    assert!((3500.0..=3600.0).contains(&due_in), "{due_in}");
    assert_eq!(events(&said), ["claimed", "handed back"], "{said:#?}");

    // The hour passes, for this run.
    world.execute("update run_steps set resume_at = now() where run_id = $1", run).await;
    world.execute("update pipeline_runs set available_at = now() where id = $1", run).await;
    let said = world.work_off("").await;
    let row = world.row(run).await;
    assert_eq!((&row["status"], &row["claim_count"]), (&json!("SUCCEEDED"), &json!(2)), "{said:#?}");
    assert_eq!(events(&said), ["claimed", "step", "completed"], "{said:#?}");
}

#[sqlx::test(migrator = "runplane::MIGRATOR")]
async fn what_is_done_is_not_done_again_after_a_hand_back(_pool: PgPoolOptions, options: PgConnectOptions) {
    let world = World::new(options).await;
    let artifact = json!({ "id": "report", "type": "artifact", "with": { "artifact_type": "report", "payload": { "n": "${ .params.n }" } } });
    let wait =
        json!({ "id": "pause", "type": "wait", "depends_on": ["report"], "with": { "seconds": 3600 } });
    let after = json!({ "id": "after", "type": "transform", "depends_on": ["pause"], "with": { "value": "${ .steps.report.status }" } });
    let run =
        world.run(json!({ "steps": [artifact, wait, after], "output": "${ .steps.after.output }" })).await;
    world.execute("update pipeline_runs set parameters = '{\"n\": 7}' where id = $1", run).await;
    world.work_off("").await;
    let sql = "update run_steps set resume_at = now() where run_id = $1 and resume_at is not null";
    world.execute(sql, run).await;
    world.execute("update pipeline_runs set available_at = now() where id = $1", run).await;
    world.work_off("").await;
    let row = world.row(run).await;
    assert_eq!((&row["status"], &row["output"]), (&json!("SUCCEEDED"), &json!("SUCCEEDED")), "{row}");
    let artifacts: Vec<serde_json::Value> =
        sqlx::query_scalar("select payload from run_artifacts where run_id = $1")
            .bind(run)
            .fetch_all(&world.pool)
            .await
            .unwrap();
    assert_eq!(artifacts, [json!({ "n": 7 })]);
}

#[sqlx::test(migrator = "runplane::MIGRATOR")]
async fn a_worker_with_little_time_goes_on_with_its_next_claim(
    _pool: PgPoolOptions,
    options: PgConnectOptions,
) {
    let world = World::new(options).await;
    let step = |id: &str, before: &[&str]| json!({ "id": id, "type": "transform", "depends_on": before, "with": { "value": 1 } });
    let run = world.run(json!({ "steps": [step("a", &[]), step("b", &["a"])] })).await;
    // Expressions may take longer than this, so that one step is all there is time for.
    let said = world.work_off("--time-limit 5").await;
    let row = world.row(run).await;
    assert_eq!((&row["status"], &row["claim_count"]), (&json!("SUCCEEDED"), &json!(2)), "{said:#?}");
    assert_eq!((&row["attempt"], &row["lost"]), (&json!(1), &json!(0)));
    assert_eq!(
        events(&said),
        ["claimed", "step", "handed back", "claimed", "step", "completed"],
        "{said:#?}"
    );
}

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
}

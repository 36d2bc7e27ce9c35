//! The steps of a run as get shows them.

use runplane::runs;
use runplane::scope::Scope;
use runplane::steps::{self, ItemCounts, StepStatus};
use serde_json::json;
use sqlx::PgConnection;
use uuid::Uuid;

use crate::support::{change, details, results, running, world, world_with};

type Conn = sqlx::pool::PoolConnection<sqlx::Postgres>;

async fn shown(conn: &mut PgConnection, run: Uuid) -> Vec<(String, StepStatus, Option<i32>)> {
    let steps = details(conn, run).await.steps;
    steps.into_iter().map(|step| (step.step_id, step.status, step.run_attempt)).collect()
}

fn expected(steps: &[(&str, StepStatus, Option<i32>)]) -> Vec<(String, StepStatus, Option<i32>)> {
    steps.iter().map(|(id, status, attempt)| ((*id).to_owned(), *status, *attempt)).collect()
}

#[sqlx::test(migrator = "runplane::MIGRATOR")]
async fn steps_are_shown_as_they_stand_through_two_attempts_and_an_end(mut conn: Conn) {
    use StepStatus::{Cancelled, Failed, Pending, Running, Succeeded};
    let world = world_with(&mut conn, "APPROVED", json!({ "steps": ["z", "y", "x"] })).await;
    let (run, token) = running(&mut conn, world).await;
    assert_eq!(
        shown(&mut conn, run).await,
        expected(&[("z", Pending, None), ("y", Pending, None), ("x", Pending, None)])
    );
    let first =
        results(json!([{ "step_id": "z", "status": "SUCCEEDED" }, { "step_id": "y", "status": "FAILED" }]));
    steps::store(&mut conn, Scope::All, run, token, &first).await.unwrap();
    assert_eq!(
        shown(&mut conn, run).await,
        expected(&[("z", Succeeded, Some(1)), ("y", Failed, Some(1)), ("x", Pending, None)])
    );
    change(&mut conn, run, "attempt = 2").await;
    assert_eq!(
        shown(&mut conn, run).await,
        expected(&[("z", Succeeded, Some(1)), ("y", Pending, None), ("x", Pending, None)])
    );
    let second = results(json!([{ "step_id": "y", "status": "RUNNING" }]));
    steps::store(&mut conn, Scope::All, run, token, &second).await.unwrap();
    assert_eq!(shown(&mut conn, run).await[1], expected(&[("y", Running, Some(2))])[0]);
    runs::cancel(&mut conn, Scope::All, run, &runs::CancelRequest::default()).await.unwrap();
    assert_eq!(
        shown(&mut conn, run).await,
        expected(&[("z", Succeeded, Some(1)), ("y", Cancelled, Some(2)), ("x", Cancelled, None)])
    );
}

#[sqlx::test(migrator = "runplane::MIGRATOR")]
async fn a_step_is_shown_with_its_type_items_and_error_but_without_its_output(mut conn: Conn) {
    let spec = json!({ "steps": [{ "id": "load", "type": "http", "for_each": { "items": [1, 2, 3] } }] });
    let world = world_with(&mut conn, "APPROVED", spec).await;
    let (run, token) = running(&mut conn, world).await;
    let long = json!({ "error": "http_status", "message": "ä".repeat(600) });
    let of = results(json!([
        { "step_id": "load", "status": "PENDING", "resume_at": "2099-01-01T00:00:00Z", "error": long },
        { "step_id": "load", "item": 0, "status": "SUCCEEDED", "output": "secret" },
        { "step_id": "load", "item": 1, "status": "FAILED" }, { "step_id": "load", "item": 2, "status": "RUNNING" },
        { "step_id": "besides", "status": "SUCCEEDED", "output": "secret" },
    ]));
    steps::store(&mut conn, Scope::All, run, token, &of).await.unwrap();
    let details = details(&mut conn, run).await;
    let load = &details.steps[0];
    assert_eq!(load.r#type.as_deref(), Some("http"));
    assert_eq!(load.items, Some(ItemCounts { total_known: 3, succeeded: 1, failed: 1, running: 1 }));
    assert_eq!(load.error.as_ref().unwrap().message, "ä".repeat(499) + "…");
    assert!(load.resume_at.is_some());
    let besides = &details.steps[1];
    assert_eq!((besides.step_id.as_str(), besides.output_bytes, besides.items), ("besides", Some(8), None));
    assert!(!serde_json::to_string(&details).unwrap().contains("secret"));
}

#[sqlx::test(migrator = "runplane::MIGRATOR")]
async fn a_run_with_more_steps_than_any_spec_is_still_answered(mut conn: Conn) {
    let world = world(&mut conn).await;
    let (run, token) = running(&mut conn, world).await;
    let error = json!({ "error": "x".repeat(100), "message": "\"".repeat(8000) });
    for hundred in 0..12 {
        let many: Vec<_> = (0..100)
            .map(|step| json!({ "step_id": format!("s{hundred:02}{step:02}{}", "x".repeat(50)), "status": "FAILED", "error": error }))
            .collect();
        steps::store(&mut conn, Scope::All, run, token, &results(json!(many))).await.unwrap();
    }
    let details = details(&mut conn, run).await;
    assert_eq!(details.steps.len(), 1000);
    let answer = serde_json::to_string(&serde_json::to_string(&details).unwrap()).unwrap();
    assert!(answer.len() < 5_000_000, "{} bytes", answer.len());
}

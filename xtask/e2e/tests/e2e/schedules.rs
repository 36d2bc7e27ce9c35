//! Schedules: made and changed over the API, and their runs from the sweep to the end.

use e2e::{Stack, Tenant, id_of};
use serde_json::{Value, json};
use uuid::Uuid;

/// A schedule of the tenant's pipeline that is due once a year, with `more` over it.
async fn schedule(stack: &Stack, tenant: &Tenant, more: Value) -> Value {
    let mut body = json!({
        "tenant_id": tenant.id, "name": Uuid::now_v7(), "pipeline_id": tenant.pipeline_id, "cron": "0 0 1 1 *",
    });
    body.as_object_mut().expect("an object").extend(more.as_object().expect("an object").clone());
    stack.post("/api/schedules", &body).await.expect(201).clone()
}

async fn due_since(stack: &Stack, schedule: &Value, minutes: i32) {
    sqlx::query("update schedules set next_due_at = date_trunc('minute', now()) - $2 * interval '1 min' where id = $1")
        .bind(id_of(schedule))
        .bind(minutes)
        .execute(&stack.db)
        .await
        .expect("an update");
}

#[tokio::test]
async fn a_schedule_that_is_due_has_its_run_made_sent_and_run_by_one_sweep() {
    let stack = Stack::connect().await;
    let mut tenant = stack.tenant().await;
    let spec = json!({
        "params": { "type": "object", "properties": { "shop": { "type": "string" } } },
        "steps": [{ "id": "say", "type": "artifact", "with": {
            "artifact_type": "day", "payload": { "day": "${ .run.scheduled_for[:10] }", "shop": "${ .params.shop }" },
        } }],
    });
    tenant.version_id = stack.version(tenant.id, tenant.pipeline_id, "APPROVED", spec).await;
    let fields =
        json!({ "parameters": { "shop": "one" }, "labels": { "team": "e2e" }, "time_zone": "Europe/Berlin" });
    let made = schedule(&stack, &tenant, fields).await;
    assert_eq!(made["due_times"].as_array().expect("times").len(), 5);
    assert_eq!(stack.sweep(tenant.id).await["scheduled"], 0);

    due_since(&stack, &made, 0).await;
    let swept = stack.sweep(tenant.id).await;
    assert_eq!((&swept["scheduled"], &swept["schedule_errors"]), (&json!(1), &json!(0)), "{swept}");
    let path = format!("/api/schedules/{}", id_of(&made));
    let after = stack.get(&path).await.expect(200).clone();
    let run: Uuid = after["last_run_id"].as_str().and_then(|id| id.parse().ok()).expect("a run");
    let run = stack.ended(run).await;
    assert_eq!((&run["status"], &run["trigger_type"]), (&json!("SUCCEEDED"), &json!("schedule")));
    assert_eq!((&run["schedule_id"], &run["scheduled_for"]), (&made["id"], &after["last_due_at"]));
    assert_eq!(run["labels"], json!({ "team": "e2e" }));
    let artifacts = stack.get(&format!("/api/runs/{}/artifacts", id_of(&run))).await;
    let day = run["scheduled_for"].as_str().map(|time| &time[..10]);
    assert_eq!(artifacts.expect(200)["items"][0]["payload"], json!({ "day": day, "shop": "one" }));
    assert_eq!(stack.sweep(tenant.id).await["scheduled"], 0, "once");
}

#[tokio::test]
async fn a_schedule_is_made_shown_listed_changed_and_deleted() {
    let stack = Stack::connect().await;
    let tenant = stack.tenant().await;
    let made = schedule(&stack, &tenant, json!({ "name": "nightly", "cron": "30 2 * * *" })).await;
    let path = format!("/api/schedules/{}", id_of(&made));
    assert_eq!(stack.get(&path).await.expect(200), &made);
    let id = tenant.id.to_string();
    let query = [("tenant_id", id.as_str()), ("name", "nightly"), ("paused", "false")];
    let list = stack.get_with("/api/schedules", &query).await;
    assert_eq!(list.expect(200)["items"], json!([made]));
    let again = json!({
        "tenant_id": tenant.id, "name": "nightly", "pipeline_id": tenant.pipeline_id, "cron": "30 2 * * *",
    });
    stack.post("/api/schedules", &again).await.expect_problem(409, "already_exists");

    let paused = stack.patch(&path, &json!({ "paused": true })).await.expect(200).clone();
    assert_eq!((&paused["next_due_at"], &paused["due_times"]), (&json!(null), &json!([])));
    let resumed = stack.patch(&path, &json!({ "paused": false, "time_zone": "Asia/Tokyo" })).await;
    let next = resumed.expect(200)["next_due_at"].as_str().expect("a time").to_owned();
    assert!(next.ends_with("T17:30:00Z"), "half past two in Tokyo: {next}");
    stack.patch(&path, &json!({ "cron": "0 0 30 2 *" })).await.expect_problem(400, "invalid_field");
    stack
        .patch(&path, &json!({ "pipeline_id": tenant.pipeline_id }))
        .await
        .expect_problem(400, "invalid_field");

    stack.delete(&path).await.expect_nothing();
    stack.get(&path).await.expect_problem(404, "schedule_not_found");
    stack.patch(&path, &json!({})).await.expect_problem(404, "schedule_not_found");
    stack.delete(&path).await.expect_problem(404, "schedule_not_found");
}

#[tokio::test]
async fn what_a_schedule_cannot_run_is_told_and_does_not_keep_others_from_theirs() {
    let stack = Stack::connect().await;
    let tenant = stack.tenant().await;
    let broken = schedule(&stack, &tenant, json!({ "pipeline_version_id": tenant.version_id })).await;
    let well = schedule(&stack, &tenant, json!({ "dispatch": "pull" })).await;
    stack.version(tenant.id, tenant.pipeline_id, "APPROVED", json!({ "steps": [] })).await;
    sqlx::query("update pipeline_versions set status = 'DEPRECATED' where id = $1")
        .bind(tenant.version_id)
        .execute(&stack.db)
        .await
        .expect("a deprecation");
    due_since(&stack, &broken, 1).await;
    due_since(&stack, &well, 0).await;
    let swept = stack.sweep(tenant.id).await;
    assert_eq!((&swept["scheduled"], &swept["schedule_errors"]), (&json!(1), &json!(1)), "{swept}");
    let told = stack.get(&format!("/api/schedules/{}", id_of(&broken))).await;
    assert_eq!(told.expect(200)["last_error"], "pipeline version must be APPROVED to run");
}

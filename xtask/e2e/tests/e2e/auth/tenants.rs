//! Whose things a caller touches when it does not say.

use e2e::{Stack, id_of};
use serde_json::json;
use uuid::Uuid;

use super::things::Things;

#[tokio::test]
async fn a_tenant_that_is_left_out_is_the_callers_own() {
    let stack = Stack::connect().await;
    let (own, other) = (Things::of_a_tenant(&stack).await, Things::of_a_tenant(&stack).await);
    let key = stack.key(Some(own.tenant.id), &["admin", "submitter", "worker"]).await;
    let caller = stack.with(Some(&key));

    let created = caller
        .post("/api/runs", &json!({ "pipeline_version_id": own.tenant.version_id, "dispatch": "pull" }))
        .await;
    assert_eq!(created.expect(201)["tenant_id"], own.tenant.id.to_string());
    let made = caller.post("/api/pipelines", &json!({ "name": "mine" })).await;
    assert_eq!(made.expect(201)["tenant_id"], own.tenant.id.to_string());
    let bulk = json!({ "items": [
        { "pipeline_version_id": own.tenant.version_id, "dispatch": "pull" },
        { "pipeline_version_id": other.tenant.version_id, "dispatch": "pull" },
        { "tenant_id": other.tenant.id, "pipeline_version_id": other.tenant.version_id, "dispatch": "pull" }
    ] });
    let bulk = caller.post("/api/runs/bulk", &bulk).await;
    let statuses: Vec<_> =
        bulk.expect(200)["items"].as_array().expect("items").iter().map(|item| &item["status"]).collect();
    assert_eq!(statuses, [201, 404, 404], "{bulk}");

    // The other tenant's runs wait longer, and are not given out.
    for _ in 0..5 {
        let claim = caller.post("/api/runs/claim", &json!({ "worker_id": "e2e", "tenant_id": null })).await;
        if claim.expect(200)["claimed"] == true {
            assert_eq!(claim.body["run"]["tenant_id"], own.tenant.id.to_string());
        }
    }
    assert_eq!(stack.run(other.queued).await["status"], "QUEUED");
    for path in [
        "/api/runs",
        "/api/pipelines",
        "/api/pipeline-versions",
        "/api/connections",
        "/api/schedules",
        "/api/webhooks",
        "/api/keys",
        "/api/tenants",
        "/api/workers",
    ] {
        let list = caller.get(path).await;
        assert!(
            !list.expect(200)["items"].as_array().expect("items").is_empty() || path == "/api/workers",
            "{list}"
        );
        for id in [
            other.tenant.id,
            other.queued,
            other.tenant.pipeline_id,
            other.draft,
            other.connection,
            other.schedule,
            other.webhook,
            other.key,
        ] {
            assert!(!list.text.contains(&id.to_string()), "{list}");
        }
    }
}

#[tokio::test]
async fn who_is_across_tenants_names_one_where_one_is_needed() {
    let stack = Stack::connect().await;
    let things = Things::of_a_tenant(&stack).await;
    let operator = stack.with(Some(&stack.key(None, &["operator"]).await));
    let without = json!({ "pipeline_version_id": things.tenant.version_id });
    operator
        .post("/api/runs", &without)
        .await
        .expect_problem(400, "invalid_field")
        .expect_pointer("/tenant_id");
    let run = operator.get(&format!("/api/runs/{}", things.queued)).await;
    assert_eq!(id_of(&run.expect(200)["run"]), things.queued);
}

#[tokio::test]
async fn a_worker_of_a_fleet_works_for_every_tenant_and_does_nothing_else() {
    let stack = Stack::connect().await;
    let things = Things::of_a_tenant(&stack).await;
    let fleet = stack.with(Some(&stack.key(None, &["worker"]).await));
    let claim = json!({ "worker_id": "fleet", "tenant_id": things.tenant.id });
    let claim = fleet.post("/api/runs/claim", &claim).await;
    assert_eq!(id_of(&claim.expect(200)["run"]), things.queued);
    let token = &claim.body["run"]["lease_token"];
    fleet.complete(things.queued, json!({ "status": "SUCCEEDED", "lease_token": token })).await.expect(200);
    fleet.get("/api/runs").await.expect_problem(403, "forbidden");
    fleet.post("/api/tenants", &json!({ "name": "x" })).await.expect_problem(403, "forbidden");
}

#[tokio::test]
async fn whose_key_it_is_has_approved_whatever_the_body_says() {
    let stack = Stack::connect().await;
    let things = Things::of_a_tenant(&stack).await;
    let key = stack.key(Some(things.tenant.id), &["approver"]).await;
    let approval = json!({ "status": "APPROVED", "approved_by": "somebody else" });
    let path = format!("/api/pipeline-versions/{}/status", things.draft);
    let approved = stack.with(Some(&key)).post(&path, &approval).await;
    let id = Uuid::try_parse(&key[3..35]).expect("an id");
    assert_eq!(approved.expect(200)["approved_by"], format!("key:{id} e2e"));
}

//! A tenant that an operator deletes: what becomes of its keys, its worker, and what is known of it.

use e2e::Stack;
use serde_json::json;

use super::things::{Things, picture};

#[tokio::test]
async fn a_tenant_is_deleted_under_the_hands_of_its_worker_and_its_end_stays_known() {
    let stack = Stack::connect().await;
    let (things, other) = (Things::of_a_tenant(&stack).await, Things::of_a_tenant(&stack).await);
    let operator = stack.with(Some(&stack.key(None, &["operator"]).await));
    let worker = stack.with(Some(&stack.key(Some(things.tenant.id), &["worker"]).await));
    let fleet = stack.with(Some(&stack.key(None, &["worker"]).await));
    let beat = json!({ "lease_token": things.token });
    let heartbeat = format!("/api/runs/{}/heartbeat", things.running);
    worker.post(&heartbeat, &beat).await.expect(200);
    let before = picture(&stack, &[other.tenant.id]).await;

    let tenant = things.tenant.id;
    let path = format!("/api/tenants/{tenant}");
    let name = format!("e2e {tenant}");
    let delete = async |name: &str| {
        let request = operator.request_with_query(reqwest::Method::DELETE, &path, &[("name", name)]);
        operator.answer(request).await
    };
    delete("e2e").await.expect_problem(400, "invalid_field").expect_pointer("/name");
    operator.delete(&path).await.expect_problem(400, "invalid_field").expect_pointer("/name");
    fleet.post(&heartbeat, &beat).await.expect(200);
    let (mut runs, mut calls) = (0, 0);
    loop {
        let answer = delete(&name).await;
        runs += answer.expect(200)["deleted"]["runs"].as_u64().expect("a number");
        calls += 1;
        if answer.body["done"] == true {
            break;
        }
        assert!(calls < 30, "{answer}");
    }
    assert_eq!(runs, 3);
    delete(&name).await.expect_problem(404, "tenant_not_found");
    fleet.post(&heartbeat, &beat).await.expect_problem(409, "run_not_running");

    let audit = operator.get_with("/api/audit", &[("tenant_id", &tenant.to_string())]).await;
    let actions: Vec<_> = audit.expect(200)["items"]
        .as_array()
        .expect("items")
        .iter()
        .map(|entry| (entry["action"].as_str().unwrap_or_default(), &entry["details"]["name"]))
        .collect();
    let name = json!(name);
    assert_eq!(actions[..2], [("tenant.deleted", &name), ("tenant.deletion_started", &name)], "{audit}");
    let mut after = picture(&stack, &[tenant]).await;
    after["audit_log"] = json!([]);
    assert!(after.as_object().expect("tables").values().all(|rows| *rows == json!([])), "{after}");
    assert_eq!(picture(&stack, &[other.tenant.id]).await, before);
}

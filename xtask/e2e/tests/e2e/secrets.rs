//! Secret parameters, from create to the end, through the worker function.

use e2e::{Stack, id_of, secret_parameter};
use serde_json::{Value, json};
use uuid::Uuid;

/// Puts its secret into whatever is kept of a step.
fn spec() -> Value {
    json!({
        "params": {
            "properties": {"user": {"type": "string"}, "password": {"type": "string", "x-secret": true}},
            "required": ["password"],
        },
        "steps": [
            {"id": "told", "type": "transform", "with": {"value": "it is ${ .params.password }"}},
            {"id": "length", "type": "transform", "with": {"value": "${ .params.password | length }"}},
            {"id": "failed", "type": "fail", "continue_on_error": true,
                "with": {"error": "no", "message": "${ .params.password }"}},
            {"id": "shown", "type": "artifact", "with": {"artifact_type": "report", "payload": {"p": "${ .params.password }"}}},
        ],
        "output": {"told": "${ .steps.told.output }", "length": "${ .steps.length.output }", "failed": "${ .steps.failed.error.message }"},
    })
}

/// Every answer is looked at as well, and afterwards every row and every log line.
#[tokio::test]
async fn a_secret_parameter_is_read_by_steps_and_shown_to_nobody() {
    let stack = Stack::connect().await;
    let tenant = stack.tenant_with(spec()).await;
    let parameters = json!({"user": "ann", "password": secret_parameter()});
    let asked =
        json!({"tenant_id": tenant.id, "pipeline_version_id": tenant.version_id, "parameters": parameters});
    let created = stack.post("/api/runs", &asked).await.expect(201).clone();
    assert_eq!(created["parameters"], json!({"user": "ann", "password": "***"}));
    let run = stack.ended(id_of(&created)).await;
    let expected = json!({"told": "it is ***", "length": secret_parameter().len(), "failed": "***"});
    assert_eq!(run["output"], expected, "{run}");
    let id = id_of(&created);
    for what in ["", "/steps", "/logs", "/artifacts"] {
        assert_eq!(stack.get(&format!("/api/runs/{id}{what}")).await.status, 200);
    }
}

#[tokio::test]
async fn who_holds_the_lease_is_told_the_secret_parameters_and_nobody_else() {
    let stack = Stack::connect().await;
    let tenant = stack.tenant_with(spec()).await;
    let secret = json!({"password": secret_parameter()});
    let id = stack.created(&tenant, json!({"parameters": secret})).await;
    let claimed = stack.claim(&tenant, json!({})).await.expect(200).clone();
    assert_eq!(claimed["run"]["parameters"], json!({"password": "***"}));
    let path = format!("/api/runs/{id}/secrets");
    let told = stack.post(&path, &json!({"lease_token": claimed["run"]["lease_token"]})).await;
    assert_eq!(told.expect(200), &json!({"parameters": secret}));
    stack.post(&path, &json!({"lease_token": Uuid::new_v4()})).await.expect_problem(409, "lease_lost");
    stack.post(&path, &json!({})).await.expect_problem(400, "invalid_field").expect_pointer("/lease_token");
    stack.post(&format!("/api/runs/{id}/cancel"), &json!({})).await.expect(200);
    let token = json!({"lease_token": claimed["run"]["lease_token"]});
    stack.post(&path, &token).await.expect_problem(409, "run_cancelled");
}

#[tokio::test]
async fn a_secret_that_nobody_could_mask_is_refused() {
    let stack = Stack::connect().await;
    let tenant = stack.tenant_with(spec()).await;
    let refused = stack.create(&tenant, json!({"parameters": {"password": "short"}})).await;
    refused.expect_problem(422, "invalid_parameters").expect_pointer("/parameters/password");
    assert!(!refused.text.contains("short\""), "{refused}");
}

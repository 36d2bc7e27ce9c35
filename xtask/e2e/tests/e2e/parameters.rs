//! Parameters of a run against the `params` of its version.

use e2e::{Stack, State};
use serde_json::{Value, json};

#[tokio::test]
async fn parameters_are_checked_and_completed_when_a_run_is_created_and_retried() {
    let stack = Stack::connect().await;
    let params = json!({
        "properties": { "since": { "type": "string", "format": "date" }, "rows": { "type": "integer", "default": 10 } },
        "required": ["since"],
        "additionalProperties": false,
    });
    let tenant = stack.tenant_with(json!({ "params": params })).await;
    let with = |parameters: Value| json!({ "dispatch": "pull", "parameters": parameters });
    // The second time the environment knows the version.
    for _ in 0..2 {
        let wrong = stack.create(&tenant, with(json!({ "row": 1, "since": "yesterday" }))).await;
        wrong.expect_problem(422, "invalid_parameters");
        wrong.expect_pointer("/parameters/row").expect_pointer("/parameters/since");
        let right = stack.create(&tenant, with(json!({ "since": "2026-11-24" }))).await;
        assert_eq!(right.expect(201)["parameters"], json!({ "since": "2026-11-24", "rows": 10 }));
    }
    let failed = stack.run_in(&tenant, State::Failed, false).await.id;
    let retry = format!("/api/runs/{failed}/retry");
    let wrong = stack.post(&retry, &json!({ "parameters": { "rows": "many" } })).await;
    wrong.expect_problem(422, "invalid_parameters");
    wrong.expect_pointer("/parameters/rows").expect_pointer("/parameters/since");
    let right = stack.post(&retry, &json!({ "parameters": { "since": "2026-11-25" } })).await;
    assert_eq!(right.expect(201)["parameters"], json!({ "since": "2026-11-25", "rows": 10 }));
}

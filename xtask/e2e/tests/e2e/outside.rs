//! `runplane worker`: the worker outside of AWS, on the runs that wait for a claim.

use e2e::{Cli, Stack};
use serde_json::json;

#[tokio::test]
async fn a_worker_outside_is_known_by_its_name() {
    let stack = Stack::connect().await;
    let tenant = stack.tenant_with(json!({ "steps": ["a"] })).await;
    let run = stack.created(&tenant, json!({})).await;
    let name = format!("outside-{}", tenant.id);
    let line = format!("worker --once --worker-id {name} --queues other,default --lease-seconds 60");
    let said = Cli::new().of(tenant.id).run(&line).await.ends_with(0);
    assert!(said.err.contains("step") && said.err.contains("completed"), "{said}");
    let run = stack.run(run).await;
    assert_eq!(
        (&run["status"], &run["claimed_by"], &run["lease_seconds"]),
        (&json!("SUCCEEDED"), &json!(name), &json!(60))
    );
    let workers = stack.get_with("/api/workers", &[("tenant_id", &tenant.id.to_string())]).await;
    assert_eq!(workers.expect(200)["items"][0]["queues"], json!(["default", "other"]));
}

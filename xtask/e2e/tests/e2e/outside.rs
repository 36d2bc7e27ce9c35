//! `runplane worker`: the worker outside of AWS, on the runs that wait for a claim.

use e2e::{Cli, Stack, Tenant};
use serde_json::{Value, json};
use uuid::Uuid;

/// Runs with most of what an executor does by itself.
fn specs() -> [Value; 4] {
    let transform = |id: &str, value: Value, more: Value| {
        let mut step = json!({ "id": id, "type": "transform", "with": { "value": value } });
        step.as_object_mut().expect("an object").extend(more.as_object().expect("an object").clone());
        step
    };
    [
        json!({ "steps": ["extract", "load"] }),
        json!({
            "steps": [
                transform("numbers", json!([1, 2, 3]), json!({})),
                transform("each", json!("${ .item * .params.factor }"), json!({
                    "depends_on": ["numbers"], "for_each": { "items": ".steps.numbers.output", "max_parallel": 2 }
                })),
                transform("never", json!(1), json!({ "depends_on": ["each"], "if": ".params.factor > 100" })),
                transform("behind", json!(2), json!({ "depends_on": ["never"] })),
                { "id": "report", "type": "artifact", "depends_on": ["each"],
                  "with": { "artifact_type": "report", "payload": { "sum": "${ .steps.each.output | add }" } } }
            ],
            "output": { "sum": "${ .steps.each.output | add }" }
        }),
        json!({
            "steps": [
                { "id": "no", "type": "fail", "with": { "error": "sold_out", "message": "nothing left" }, "continue_on_error": true },
                transform("clean", json!("${ .steps.no.error.error }"), json!({ "depends_on": ["no"], "run_if": "one_failed" })),
                { "id": "pause", "type": "wait", "with": { "seconds": 1 }, "depends_on": ["clean"] }
            ]
        }),
        json!({
            "steps": [
                transform("wrong", json!("${ .params.factor.x }"), json!({ "retry": { "max_attempts": 2, "delay_seconds": 0.1, "jitter": "none" } })),
                transform("behind", json!(1), json!({ "depends_on": ["wrong"] }))
            ]
        }),
    ]
}

/// What has to be the same, whoever ran it.
async fn results(stack: &Stack, run: Uuid) -> Value {
    let ended = stack.ended(run).await;
    let mut steps = stack.get(&format!("/api/runs/{run}/steps")).await.expect(200)["items"].clone();
    for step in steps.as_array_mut().expect("a list") {
        let step = step.as_object_mut().expect("an object");
        ["started_at", "finished_at", "resume_at", "updated_at"].map(|time| step.remove(time));
    }
    json!({
        "status": ended["status"], "output": ended["output"], "error_code": ended["error_code"],
        "error_message": ended["error_message"], "attempt": ended["attempt"], "steps": steps
    })
}

async fn created(stack: &Stack, tenant: &Tenant, dispatch: &str) -> Uuid {
    stack.created(tenant, json!({ "dispatch": dispatch, "parameters": { "factor": 7 } })).await
}

#[tokio::test]
async fn both_kinds_of_worker_have_the_same_results() {
    let stack = Stack::connect().await;
    for spec in specs() {
        let tenant = stack.tenant_with(spec.clone()).await;
        let (pushed, pulled) =
            (created(&stack, &tenant, "push").await, created(&stack, &tenant, "pull").await);
        // A run that it has handed back, because it waits, is claimed again while this goes on.
        let cli = Cli::new().of(tenant.id);
        let inside = results(&stack, pushed).await;
        e2e::eventually("the worker outside has ended the run", async || {
            cli.run("worker --once --poll-seconds 0.1 --json").await.ends_with(0);
            (!stack.run(pulled).await["finished_at"].is_null()).then_some(())
        })
        .await;
        assert_eq!(results(&stack, pulled).await, inside, "{spec}");
    }
}

#[tokio::test]
async fn a_worker_outside_is_known_by_its_name() {
    let stack = Stack::connect().await;
    let tenant = stack.tenant_with(json!({ "steps": ["a"] })).await;
    let run = created(&stack, &tenant, "pull").await;
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

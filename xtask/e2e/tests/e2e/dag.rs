//! Pipelines that do something, by both kinds of worker: the Lambda worker that SQS wakes, and `runplane worker`.

use e2e::{Cli, Stack, Tenant, eventually};
use serde_json::{Map, Value, json};
use uuid::Uuid;

/// Every type of step that there is today, every way in which a step can end, and what is made of it.
fn pipeline() -> Value {
    json!({
        "params": {"properties": {"numbers": {"type": "array", "items": {"type": "integer"}}, "limit": {"type": "integer", "default": 3}}},
        "max_parallel": 3,
        "steps": [
            "first",
            {"id": "numbers", "type": "transform", "depends_on": ["first"], "with": {"value": "${ .params.numbers }"}},
            {"id": "squares", "type": "transform", "depends_on": ["numbers"],
             "for_each": {"items": "${ .steps.numbers.output }", "max_parallel": 3},
             "with": {"value": "${ {index, square: (.item * .item)} }"}, "output": "${ .result.square }"},
            {"id": "odd", "type": "fail", "depends_on": ["numbers"], "for_each": {"items": "${ .steps.numbers.output }", "tolerated_failures": 9},
             "with": {"error": "odd", "message": "${ .item } is odd"}},
            {"id": "sum", "type": "transform", "depends_on": ["squares", "odd"], "with": {"value": "${ .steps.squares.output | add }"}},
            {"id": "large", "type": "artifact", "depends_on": ["sum"], "if": "${ .steps.sum.output > .params.limit }",
             "with": {"artifact_type": "sum", "payload": {"sum": "${ .steps.sum.output }"}}, "output": null},
            {"id": "small", "type": "transform", "depends_on": ["sum"], "if": "${ .steps.sum.output <= .params.limit }", "with": {"value": 1}},
            {"id": "behind_small", "type": "transform", "depends_on": ["small"], "with": {"value": 1}},
            {"id": "shaky", "type": "fail", "continue_on_error": true, "with": {"error": "shaky", "message": "it may fail"},
             "retry": {"max_attempts": 3, "delay_seconds": 0.01, "jitter": "none", "on": ["shaky"]}},
            {"id": "pause", "type": "wait", "with": {"seconds": 0}, "output": "paused"},
            {"id": "alarm", "type": "transform", "depends_on": ["shaky", "sum"], "run_if": "one_failed", "with": {"value": 1}},
            {"id": "end", "type": "transform", "depends_on": ["large", "small", "shaky", "pause"], "run_if": "none_failed",
             "with": {"value": "${ .steps | map_values(.status) }"}}
        ],
        "output": {"sum": "${ .steps.sum.output }", "ends": "${ .steps.end.output }", "attempts": "${ .steps.shaky.attempts }"}
    })
}

/// What is known of the run's steps, without what differs from run to run.
pub(super) async fn steps(stack: &Stack, run_id: Uuid) -> Value {
    let answer = stack.get(&format!("/api/runs/{run_id}/steps")).await;
    let records = answer.expect(200)["items"].as_array().cloned().unwrap_or_default();
    let timeless = records.into_iter().map(|mut record| {
        let fields = record.as_object_mut().expect("an object");
        for name in ["started_at", "finished_at"] {
            fields.remove(name);
        }
        let key = format!("{}/{}", record["step_id"].as_str().unwrap_or_default(), record["item"]);
        (key, record)
    });
    Value::Object(timeless.collect::<Map<_, _>>())
}

/// What the run's log says, as often as it says it.
async fn log_lines(stack: &Stack, run_id: Uuid, contains: &str) -> usize {
    let answer = stack.get_with(&format!("/api/runs/{run_id}/logs"), &[("limit", "1000")]).await;
    let lines = answer.expect(200)["items"].as_array().cloned().unwrap_or_default();
    lines
        .iter()
        .filter(|line| line["message"].as_str().is_some_and(|message| message.contains(contains)))
        .count()
}

async fn pushed(stack: &Stack, tenant: &Tenant, more: Value) -> Value {
    let mut whole = json!({ "dispatch": "push" });
    whole.as_object_mut().expect("an object").extend(more.as_object().cloned().unwrap_or_default());
    let id = stack.created(tenant, whole).await;
    stack.ended(id).await
}

fn id(run: &Value) -> Uuid {
    run["id"].as_str().unwrap_or_default().parse().expect("an id")
}

#[tokio::test]
async fn every_type_of_step_does_what_the_document_says() {
    let stack = Stack::connect().await;
    let tenant = stack.tenant_with(pipeline()).await;
    let run = pushed(&stack, &tenant, json!({"parameters": {"numbers": [1, 2, 3]}})).await;
    assert_eq!((&run["status"], &run["error_message"]), (&json!("SUCCEEDED"), &Value::Null), "{run}");
    assert_eq!(run["output"]["sum"], 14);
    assert_eq!(run["output"]["attempts"], 3);
    assert_eq!(run["output"]["ends"]["shaky"], "FAILED");
    assert_eq!(run["output"]["ends"]["alarm"], Value::Null, "it need not have ended");

    let answer = stack.get(&format!("/api/runs/{}", id(&run))).await;
    let shown = answer.expect(200)["steps"].as_array().expect("steps").clone();
    let ends: Vec<_> = shown
        .iter()
        .map(|step| {
            [&step["step_id"], &step["status"], &step["reason"]].map(|field| field.as_str().unwrap_or("-"))
        })
        .collect();
    assert_eq!(
        ends,
        [
            ["first", "SUCCEEDED", "-"],
            ["numbers", "SUCCEEDED", "-"],
            ["squares", "SUCCEEDED", "-"],
            ["odd", "SUCCEEDED", "-"],
            ["sum", "SUCCEEDED", "-"],
            ["large", "SUCCEEDED", "-"],
            ["small", "SKIPPED", "condition"],
            ["behind_small", "SKIPPED", "upstream_skipped"],
            ["shaky", "FAILED", "-"],
            ["pause", "SUCCEEDED", "-"],
            ["alarm", "SKIPPED", "not_needed"],
            ["end", "SUCCEEDED", "-"],
        ]
    );
    assert_eq!(shown[8]["error"], json!({"error": "shaky", "message": "it may fail"}));
    assert_eq!(shown[8]["attempts"], 3);
    let artifacts = stack.get(&format!("/api/runs/{}/artifacts", id(&run))).await;
    let artifacts = artifacts.expect(200)["items"].as_array().expect("artifacts").clone();
    assert_eq!((artifacts.len(), &artifacts[0]["payload"]), (1, &json!({"sum": 14})));
    for attempt in [1, 2] {
        assert_eq!(
            log_lines(&stack, id(&run), &format!("step shaky: attempt {attempt} FAILED")).await,
            1,
            "a retry"
        );
    }
    assert_eq!(log_lines(&stack, id(&run), "step shaky FAILED after 3 attempts").await, 1);
    for step in ["first", "numbers", "large", "shaky"] {
        assert_eq!(log_lines(&stack, id(&run), &format!("step {step} started")).await, 1, "{step}");
    }
    assert_eq!(log_lines(&stack, id(&run), "step small skipped: condition").await, 1);
}

#[tokio::test]
async fn both_kinds_of_worker_come_to_the_same_results() {
    let stack = Stack::connect().await;
    for (spec, parameters) in [
        (pipeline(), json!({"numbers": [4, 5, 6, 7]})),
        (pipeline(), json!({"numbers": [1]})),
        (pipeline(), json!({"numbers": []})),
        (json!({"steps": ["a", "b", "c"]}), json!({})),
        (
            json!({"steps": [
                {"id": "a", "type": "fail", "with": {"error": "broken", "message": "${ .params }"}},
                {"id": "b", "type": "transform", "depends_on": ["a"], "with": {"value": 1}},
                {"id": "c", "type": "transform", "depends_on": ["a"], "run_if": "one_failed", "with": {"value": "${ .steps.a.error }"}},
                {"id": "d", "type": "transform", "depends_on": ["c"], "if": "${ 1 }", "with": {"value": 1}},
                {"id": "e", "type": "transform", "for_each": {"items": "${ 1 }"}, "with": {"value": 1}}
            ]}),
            json!({}),
        ),
    ] {
        let tenant = stack.tenant_with(spec.clone()).await;
        let by_lambda = pushed(&stack, &tenant, json!({ "parameters": parameters })).await;
        let pulled = stack.created(&tenant, json!({ "parameters": parameters })).await;
        let worker = Cli::new().run(&format!("worker --once --tenant-id {}", tenant.id)).await;
        worker.ends_with(0);
        let by_program = stack.run(pulled).await;
        assert!(
            by_program["claimed_by"].as_str().is_some_and(|name| !name.starts_with("lambda:")),
            "{by_program}"
        );
        for field in ["status", "output", "error_code", "error_message", "attempt"] {
            assert_eq!(by_lambda[field], by_program[field], "{field} of {spec}");
        }
        let (one, other) = (steps(&stack, id(&by_lambda)).await, steps(&stack, pulled).await);
        assert_eq!(without_artifact_ids(one), without_artifact_ids(other), "{spec}");
    }
}

/// The id of an artifact belongs to its run.
fn without_artifact_ids(mut steps: Value) -> Value {
    for record in steps.as_object_mut().into_iter().flat_map(Map::values_mut) {
        if record["output"]["id"].is_string() {
            record["output"] = json!("an id");
        }
    }
    steps
}

#[tokio::test]
async fn half_an_hour_of_waits_costs_nothing_and_runs_every_step_once() {
    let stack = Stack::connect().await;
    let tenant = stack
        .tenant_with(json!({"steps": [
            {"id": "before", "type": "transform", "with": {"value": "${ .run.attempt }"}},
            {"id": "w1", "type": "wait", "depends_on": ["before"], "with": {"seconds": 600}},
            {"id": "between", "type": "artifact", "depends_on": ["w1"], "with": {"artifact_type": "mark", "payload": {}}},
            {"id": "w2", "type": "wait", "depends_on": ["between"], "with": {"seconds": "${ 300 * 2 }"}},
            {"id": "w3", "type": "wait", "depends_on": ["w2"], "with": {"until": "${ (.run.started_at | sub(\"\\\\..*Z\"; \"Z\") | fromdate) + 1800 | todate }"}},
            {"id": "after", "type": "transform", "depends_on": ["w3"], "with": {"value": "${ .steps.before.output + 1 }"}}
        ], "output": "${ .steps.after.output }"}))
        .await;
    let run_id = stack.created(&tenant, json!({ "dispatch": "push" })).await;
    for wait in 1..=3 {
        let run = eventually("the run waits and nobody works on it", async || {
            let run = stack.run(run_id).await;
            let handed_back = run["status"] == "QUEUED" && run["claim_count"] == wait;
            (handed_back || !run["finished_at"].is_null()).then_some(run)
        })
        .await;
        assert_eq!(
            (&run["status"], &run["attempt"], &run["lost"]),
            (&json!("QUEUED"), &json!(1), &json!(0)),
            "{run}"
        );
        let ahead: f64 = sqlx::query_scalar(
            "select extract(epoch from available_at - now())::float8 from pipeline_runs where id = $1",
        )
        .bind(run_id)
        .fetch_one(&stack.db)
        .await
        .unwrap();
        assert!((60.0..=1800.0).contains(&ahead), "wait {wait} is over in {ahead} s");
        // The time passes, for this run.
        for sql in [
            "update run_steps set resume_at = resume_at - interval '30 min' where run_id = $1 and resume_at is not null",
            "update pipeline_runs set available_at = now(), dispatch_due_at = now() where id = $1",
        ] {
            sqlx::query(sql).bind(run_id).execute(&stack.db).await.unwrap();
        }
        stack.sweep(tenant.id).await;
    }
    let run = stack.ended(run_id).await;
    assert_eq!(
        (&run["status"], &run["output"], &run["claim_count"]),
        (&json!("SUCCEEDED"), &json!(2), &json!(4)),
        "{run}"
    );
    let records = steps(&stack, run_id).await;
    for record in records.as_object().expect("steps").values() {
        assert_eq!((&record["status"], &record["attempts"]), (&json!("SUCCEEDED"), &json!(1)), "{record}");
    }
    for step in ["before", "w1", "between", "w2", "w3", "after"] {
        assert_eq!(log_lines(&stack, run_id, &format!("step {step} SUCCEEDED")).await, 1, "{step}");
    }
}

#[tokio::test]
async fn a_run_that_failed_says_which_step_and_goes_on_from_there() {
    let stack = Stack::connect().await;
    let spec = |message: &str| {
        json!({"steps": [
            {"id": "costly", "type": "artifact", "with": {"artifact_type": "costly", "payload": {}}},
            {"id": "broken", "type": "fail", "depends_on": ["costly"], "if": message, "with": {"error": "no_luck", "message": "try again"},
             "retry": {"max_attempts": 2, "delay_seconds": 0.01, "on": ["no_luck"]}},
            {"id": "behind", "type": "transform", "depends_on": ["broken"], "run_if": "none_failed", "with": {"value": "${ .steps.costly.output.id }"}},
            {"id": "clean_up", "type": "artifact", "depends_on": ["broken"], "run_if": "one_failed", "with": {"artifact_type": "clean", "payload": {}}}
        ], "output": "${ .steps.behind.output }"})
    };
    let tenant = stack.tenant_with(spec("${ true }")).await;
    let failed = pushed(&stack, &tenant, json!({})).await;
    assert_eq!((&failed["status"], &failed["error_code"]), (&json!("FAILED"), &json!("step_failed")));
    assert_eq!(failed["error_message"], "step broken failed after 2 attempts: no_luck: try again");
    let costly = steps(&stack, id(&failed)).await["costly/null"]["output"].clone();

    // The same version fails again, and does not run what has succeeded.
    let retry = |body: Value| {
        let (stack, run) = (stack.clone(), id(&failed));
        async move { stack.post(&format!("/api/runs/{run}/retry"), &body).await }
    };
    let again = retry(json!({"from": "failed"})).await.expect(201)["id"].as_str().unwrap().parse().unwrap();
    assert_eq!(stack.ended(again).await["error_code"], "step_failed");
    assert_eq!(log_lines(&stack, again, "step costly").await, 0, "it was kept");
    assert_eq!(log_lines(&stack, again, "step clean_up SUCCEEDED").await, 1, "it depends on what failed");

    // A mended version goes on from there.
    let mended = stack.version(tenant.id, tenant.pipeline_id, "APPROVED", spec("${ false }")).await;
    let body = json!({"from": "failed", "pipeline_version_id": mended});
    let mended = retry(body).await.expect(201)["id"].as_str().unwrap().parse().unwrap();
    let run = stack.ended(mended).await;
    assert_eq!((&run["status"], &run["output"]), (&json!("SUCCEEDED"), &costly["id"]), "{run}");
    let records = steps(&stack, mended).await;
    assert_eq!(records["broken/null"]["reason"], "condition");
    assert_eq!(records["clean_up/null"]["reason"], "not_needed");
    assert_eq!(records["costly/null"]["run_attempt"], 0, "kept");
}

#[tokio::test]
async fn another_attempt_of_a_run_keeps_what_has_succeeded() {
    let stack = Stack::connect().await;
    let tenant = stack
        .tenant_with(json!({
            "retry": {"max_attempts": 2, "delay_seconds": 0.01, "jitter": "none"},
            "steps": [
                {"id": "costly", "type": "artifact", "with": {"artifact_type": "costly", "payload": {}}},
                {"id": "shaky", "type": "fail", "depends_on": ["costly"], "if": "${ .run.attempt == 1 }", "with": {"error": "x", "message": "y"}},
                {"id": "behind", "type": "transform", "depends_on": ["shaky"], "run_if": "none_failed", "with": {"value": "${ .run.attempt }"}}
            ],
            "output": "${ .steps.behind.output }"
        }))
        .await;
    let run = pushed(&stack, &tenant, json!({})).await;
    assert_eq!(
        (&run["status"], &run["attempt"], &run["output"]),
        (&json!("SUCCEEDED"), &json!(2), &json!(2)),
        "{run}"
    );
    assert_eq!(log_lines(&stack, id(&run), "step costly SUCCEEDED").await, 1);
    let artifacts = stack.get(&format!("/api/runs/{}/artifacts", id(&run))).await;
    assert_eq!(artifacts.expect(200)["items"].as_array().map(Vec::len), Some(1));
}

#[tokio::test]
async fn a_large_output_goes_to_the_bucket_and_is_read_from_there() {
    let stack = Stack::connect().await;
    let tenant = stack
        .tenant_with(json!({"steps": [
            {"id": "large", "type": "transform", "with": {"value": "${ .params.text * 10 }"}},
            {"id": "pause", "type": "wait", "depends_on": ["large"], "with": {"seconds": 60}},
            {"id": "length", "type": "transform", "depends_on": ["large", "pause"], "with": {"value": "${ .steps.large.output | length }"}}
        ], "output": "${ .steps.length.output }"}))
        .await;
    let text = "x".repeat(100_000);
    let run_id = stack.created(&tenant, json!({"dispatch": "push", "parameters": {"text": text}})).await;
    eventually("the run waits", async || {
        let run = stack.run(run_id).await;
        (run["status"] == "QUEUED" && run["claim_count"] == 1).then_some(())
    })
    .await;
    let record = steps(&stack, run_id).await["large/null"].clone();
    assert_eq!((&record["output"], &record["output_bytes"]), (&Value::Null, &json!(1_000_002)), "{record}");
    assert!(
        record["output_ref"].as_str().is_some_and(|key| key.starts_with(&tenant.id.to_string())),
        "{record}"
    );
    for sql in [
        "update run_steps set resume_at = now() where run_id = $1 and resume_at is not null",
        "update pipeline_runs set available_at = now(), dispatch_due_at = now() where id = $1",
    ] {
        sqlx::query(sql).bind(run_id).execute(&stack.db).await.unwrap();
    }
    stack.sweep(tenant.id).await;
    let run = stack.ended(run_id).await;
    assert_eq!((&run["status"], &run["output"]), (&json!("SUCCEEDED"), &json!(1_000_000)), "{run}");
}

#[tokio::test]
async fn a_hostile_expression_fails_its_step_and_nothing_else() {
    let stack = Stack::connect().await;
    let bomb = format!("${{ {} | length }}", ".params.text".to_owned() + &" | .+.".repeat(30));
    let tenant = stack
        .tenant_with(json!({"steps": [
            {"id": "bomb", "type": "transform", "continue_on_error": true, "with": {"value": bomb}},
            {"id": "after", "type": "transform", "depends_on": ["bomb"], "run_if": "all_done", "with": {"value": "${ .steps.bomb.error.error }"}}
        ], "output": "${ .steps.after.output }"}))
        .await;
    let neighbour = stack
        .tenant_with(json!({"steps": [{"id": "a", "type": "transform", "with": {"value": "${ 1 + 1 }"}}]}))
        .await;
    let hostile = stack.created(&tenant, json!({"dispatch": "push", "parameters": {"text": "boom"}})).await;
    let mut others = Vec::new();
    for _ in 0..5 {
        others.push(stack.created(&neighbour, json!({ "dispatch": "push" })).await);
    }
    let run = stack.ended(hostile).await;
    assert_eq!((&run["status"], &run["output"]), (&json!("SUCCEEDED"), &json!("expression_failed")), "{run}");
    for other in others {
        assert_eq!(stack.ended(other).await["status"], "SUCCEEDED");
    }
}

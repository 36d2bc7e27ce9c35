//! `runplane runs watch`

use serde_json::{Value, json};

use crate::support::{Api, RUN, VERSION, details, problem, run, step, text, told};

fn waiting(reason: &str) -> Value {
    json!({ "reason": reason, "since": "2026-11-23T11:40:48Z" })
}

#[test]
fn each_change_is_a_line_and_the_end_is_the_exit_code() {
    let mut running = run("RUNNING");
    running["claimed_by"] = json!("worker-1");
    running["claim_count"] = json!(1);
    let api = Api::plays([
        told(200, details(run("QUEUED"), waiting("dispatch"))),
        told(200, details(run("QUEUED"), waiting("worker"))),
        told(200, details(run("QUEUED"), waiting("worker"))),
        told(200, details(running, Value::Null)),
        told(200, details(run("FAILED"), Value::Null)),
    ]);
    let ran = api.run(&["runs", "watch", RUN]).ends_with(1);
    assert_eq!(ran.err, "");
    insta::assert_snapshot!(ran.out, @"
    2026-11-23T11:40:50Z  QUEUED     waits for SQS to be told
    2026-11-23T11:40:50Z  QUEUED     waits for a worker
    2026-11-23T11:40:50Z  RUNNING    claimed by worker-1
    2026-11-23T11:40:50Z  FAILED     http_500, shop said 500
    ");
    insta::assert_snapshot!(api.requests(), @"
    GET /api/runs/0199e0c0-0000-7000-8000-0000000000aa
    GET /api/runs/0199e0c0-0000-7000-8000-0000000000aa?wait_seconds=1
    GET /api/runs/0199e0c0-0000-7000-8000-0000000000aa?wait_seconds=1
    GET /api/runs/0199e0c0-0000-7000-8000-0000000000aa?wait_seconds=2
    GET /api/runs/0199e0c0-0000-7000-8000-0000000000aa?wait_seconds=1
    ");
    for (end, code) in [("SUCCEEDED", 0), ("CANCELLED", 1)] {
        let api = Api::plays([told(200, details(run(end), Value::Null))]);
        api.run(&["runs", "watch", RUN]).ends_with(code);
    }
}

/// A run with two steps that stand like this.
fn with_steps(run: Value, steps: [Value; 2]) -> Value {
    let mut details = details(run, Value::Null);
    details["steps"] = json!(steps);
    details
}

#[test]
fn each_change_of_a_step_is_a_line() {
    let (pending, none) = (step("load", "PENDING", json!({})), json!({}));
    let begun = json!({ "attempts": 1, "started_at": "2026-11-23T11:40:51Z" });
    let failing = json!({
        "attempts": 1, "started_at": "2026-11-23T11:40:51Z", "resume_at": "2026-11-23T11:40:55Z",
        "error": { "error": "timeout", "message": "took longer than 2 s" }
    });
    let ended = json!({ "attempts": 2, "started_at": "2026-11-23T11:40:51Z", "finished_at": "2026-11-23T11:40:56.5Z" });
    let loaded = json!({ "attempts": 1, "started_at": "2026-11-23T11:40:56.5Z", "finished_at": "2026-11-23T11:40:57Z" });
    let api = Api::plays([
        told(200, with_steps(run("QUEUED"), [step("extract", "PENDING", none), pending.clone()])),
        told(200, with_steps(run("RUNNING"), [step("extract", "RUNNING", begun), pending.clone()])),
        told(200, with_steps(run("RUNNING"), [step("extract", "PENDING", failing), pending.clone()])),
        told(
            200,
            with_steps(
                run("SUCCEEDED"),
                [step("extract", "SUCCEEDED", ended), step("load", "SUCCEEDED", loaded)],
            ),
        ),
    ]);
    insta::assert_snapshot!(api.run(&["runs", "watch", RUN]).ends_with(0).out, @"
    2026-11-23T11:40:50Z  QUEUED
    2026-11-23T11:40:50Z  RUNNING
    2026-11-23T11:40:51Z  step extract  RUNNING
    2026-11-23T11:40:51Z  step extract  PENDING    waits until 2026-11-23T11:40:55Z, timeout: took longer than 2 s
    2026-11-23T11:40:56Z  step extract  SUCCEEDED  2 attempts, 5.5 s
    2026-11-23T11:40:57Z  step load     SUCCEEDED  500 ms
    2026-11-23T11:40:50Z  SUCCEEDED
    ");
}

#[test]
fn programs_get_a_line_for_a_change_of_a_step_too() {
    let running = |status: &str| {
        with_steps(run("RUNNING"), [step("a", status, json!({})), step("b", "PENDING", json!({}))])
    };
    let api = Api::plays([
        told(200, running("RUNNING")),
        told(200, running("RUNNING")),
        told(200, running("SUCCEEDED")),
        told(200, details(run("SUCCEEDED"), Value::Null)),
    ]);
    assert_eq!(api.run(&["runs", "watch", RUN, "--json"]).ends_with(0).out.lines().count(), 3);
}

#[test]
fn programs_get_a_line_of_json_for_each_change() {
    let api = Api::plays([
        text(200, &format!("{:#}", details(run("QUEUED"), waiting("worker")))),
        told(200, details(run("SUCCEEDED"), Value::Null)),
    ]);
    let ran = api.run(&["runs", "watch", RUN, "--json"]).ends_with(0);
    let lines: Vec<Value> = ran.out.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    let states: Vec<&str> = lines.iter().map(|line| line["run"]["status"].as_str().unwrap()).collect();
    assert_eq!(states, ["QUEUED", "SUCCEEDED"]);
}

#[test]
fn an_api_that_is_away_for_a_while_does_not_end_it() {
    let away = || {
        problem(503, "unavailable", "The service cannot be reached at the moment; try again")
            .header("retry-after", "0")
    };
    let api = Api::plays([
        told(200, details(run("QUEUED"), waiting("worker"))),
        away(),
        away(),
        away(),
        away(),
        told(200, details(run("SUCCEEDED"), Value::Null)),
    ]);
    let ran = api.run(&["runs", "watch", RUN]).ends_with(0);
    assert!(ran.err.contains("still watching"), "{}", ran.err);
}

#[test]
fn watching_ends_with_5_when_the_time_is_over() {
    let api = Api::plays([told(200, details(run("QUEUED"), waiting("worker")))]);
    let ran = api.run(&["runs", "watch", RUN, "--timeout", "0s"]).ends_with(5);
    assert_eq!(ran.err, "The run has not ended in time\n");
    api.run(&["runs", "watch", RUN, "--timeout", "soon"]).ends_with(2);
}

#[test]
fn the_last_second_is_not_spent_asking() {
    let api = Api::plays(vec![told(200, details(run("QUEUED"), waiting("worker"))); 50]);
    api.run(&["runs", "watch", RUN, "--timeout", "1s"]).ends_with(5);
    assert!(api.left() >= 47, "asked was:\n{}", api.requests());
}

#[test]
fn an_api_that_never_answered_is_not_waited_for() {
    let away = || problem(503, "unavailable", "away").header("retry-after", "0");
    let api = Api::plays([away(), away(), away(), away()]);
    api.run(&["runs", "watch", RUN]).ends_with(4);
}

#[test]
fn a_run_that_does_not_exist_is_not_watched() {
    let api = Api::plays([problem(404, "run_not_found", "There is no such run")]);
    api.run(&["runs", "watch", RUN]).ends_with(1);
}

#[test]
fn a_new_run_is_followed_to_its_end() {
    let api = Api::plays([told(201, run("QUEUED")), told(200, details(run("FAILED"), Value::Null))]);
    let ran = api.run(&["runs", "create", "--version", VERSION, "--watch"]).ends_with(1);
    assert_eq!(ran.err, format!("Run {RUN}\n"));
    assert!(ran.out.ends_with("FAILED     http_500, shop said 500\n"), "{}", ran.out);
}

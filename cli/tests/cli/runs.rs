//! `runplane runs …`

use std::fs::write;

use serde_json::{Value, json};

use crate::support::{Api, Program, RUN, TENANT, VERSION, details, page, problem, run, step, told, words};

#[test]
fn a_run_is_created_from_what_was_given_and_nothing_else() {
    let folder = tempfile::tempdir().unwrap();
    write(folder.path().join("p.json"), "{\"n\": 1, \"day\": \"mon\"}").unwrap();
    let api = Api::plays([told(201, run("QUEUED")), told(201, run("QUEUED"))]);
    let run_it = |args: &[&str]| {
        let program = Program::new(args).env("RUNPLANE_URL", &api.url).env("RUNPLANE_TENANT", TENANT);
        program.within(folder.path()).run().ends_with(0)
    };
    run_it(&["runs", "create", "--version", VERSION]);
    run_it(&words(&format!(
        "runs create --version {VERSION} --param n=[2] --param-text who=a=1 --params-file \
             p.json --dispatch pull --queue slow --priority 9 --label team=a --trigger-type cron \
             --run-after 2026-01-31T13:00:00+01:00 --start-by 2026-02-01T00:00:00Z --max-attempts 3 \
             --max-lost 0 --idempotency-key k-1"
    )));
    insta::assert_snapshot!(api.requests(), @r#"
    POST /api/runs {"pipeline_version_id":"b31dbeba-3a2e-4fa9-a084-72c75f9f18a3","tenant_id":"580115b4-a291-4917-8dbd-247cfa13e2d6"}
    POST /api/runs {"dispatch":"pull","labels":{"team":"a"},"max_attempts":3,"max_lost":0,"parameters":{"day":"mon","n":[2],"who":"a=1"},"pipeline_version_id":"b31dbeba-3a2e-4fa9-a084-72c75f9f18a3","priority":9,"queue":"slow","run_after":"2026-01-31T12:00:00Z","start_by":"2026-02-01T00:00:00Z","tenant_id":"580115b4-a291-4917-8dbd-247cfa13e2d6","trigger_type":"cron"}
    "#);
    let asked = api.asked();
    assert_eq!(asked[0].header("idempotency-key").len(), 36, "without a key it gets one of its own");
    assert_eq!(asked[1].header("idempotency-key"), "k-1");
    assert_eq!(asked[0].header("content-type"), "application/json");
}

#[test]
fn parameters_that_would_be_lost_are_refused() {
    let api = Api::plays([]);
    let create = |args: &[&str]| api.run(&[&["runs", "create", "--version", VERSION], args].concat());
    let ran = create(&["--param", "n=1", "--param-text", "n=2"]).ends_with(2);
    assert_eq!(ran.err, "error: the parameter n is given twice\n");
    let ran = create(&["--label", "a=1", "--label", "a=1"]).ends_with(2);
    assert_eq!(ran.err, "error: --label a is given twice\n");
    assert!(create(&["--param", "day=monday"]).ends_with(2).err.contains("--param-text day=monday"));
    let stdin = |text: &str| {
        let args = ["runs", "create", "--version", VERSION, "--tenant", TENANT, "--params-file", "-"];
        Program::new(&args).env("RUNPLANE_URL", &api.url).input(text).run().ends_with(2).err
    };
    assert_eq!(stdin("[]"), "error: - has to hold a JSON object\n");
    assert!(stdin("{\"a\": 1, \"a\": 2}").starts_with("<stdin>:1:10: /a: "));
}

#[test]
fn an_empty_file_of_parameters_is_sent_as_it_is() {
    let api = Api::plays([told(201, run("QUEUED"))]);
    let args = ["runs", "retry", RUN, "--params-file", "-"];
    Program::new(&args).env("RUNPLANE_URL", &api.url).input("{}").run().ends_with(0);
    assert_eq!(api.requests(), format!("POST /api/runs/{RUN}/retry {{\"parameters\":{{}}}}"));
}

#[test]
fn a_run_is_shown_with_its_attempts_and_what_it_waits_for() {
    let waiting = json!({ "reason": "worker", "since": "2026-11-23T11:40:48Z", "dispatches": 1, "next_dispatch_at": "2026-11-23T11:45:48Z" });
    let mut answer = details(run("QUEUED"), waiting);
    answer["attempts"] = json!([
        { "attempt": 1, "outcome": "LOST", "claimed_by": "worker-1", "claimed_at": "2026-11-23T11:40:48Z", "ended_at": "2026-11-23T11:41:48Z",
          "error_code": "lease_expired", "error_message": "silent since 11:41:18" }
    ]);
    let error = json!({ "error": "http_500", "message": "shop said 500" });
    let ended =
        json!({ "attempts": 1, "started_at": "2026-11-23T11:40:51Z", "finished_at": "2026-11-23T11:40:52Z" });
    let waits = json!({ "attempts": 1, "started_at": "2026-11-23T11:40:52Z", "resume_at": "2026-11-23T11:42:00Z", "error": error });
    answer["steps"] = json!([step("extract", "SUCCEEDED", ended), step("load", "PENDING", waits)]);
    let api = Api::plays([told(200, answer)]);
    insta::assert_snapshot!(api.run(&["runs", "show", RUN]).ends_with(0).out, @r#"
    id                   0199e0c0-0000-7000-8000-0000000000aa
    status               QUEUED
    tenant_id            580115b4-a291-4917-8dbd-247cfa13e2d6
    pipeline_id          0199e0c0-0000-7000-8000-000000000012
    pipeline_version_id  b31dbeba-3a2e-4fa9-a084-72c75f9f18a3
    trigger_type         manual
    parameters           {"n":1}
    labels               {}
    queue                default
    priority             5
    dispatch             push
    available_at         2026-11-23T11:40:48Z
    attempt              1
    max_attempts         1
    lost                 0
    max_lost             3
    created_at           2026-11-23T11:40:48Z
    root_run_id          0199e0c0-0000-7000-8000-0000000000aa
    waiting_for          waits for a worker, SQS was told once, again at 2026-11-23T11:45:48Z

    steps
    STEP     TYPE  STATUS     ATTEMPTS  STARTED_AT            TOOK   DETAIL
    extract  http  SUCCEEDED  1         2026-11-23T11:40:51Z  1.0 s
    load     http  PENDING    1         2026-11-23T11:40:52Z         waits until 2026-11-23T11:42:00Z, http_500: shop said 500

    attempts
    ATTEMPT  OUTCOME  CLAIMED_BY  ENDED_AT              ERROR_CODE     ERROR_MESSAGE
    1        LOST     worker-1    2026-11-23T11:41:48Z  lease_expired  silent since 11:41:18
    "#);
    assert_eq!(api.requests(), format!("GET /api/runs/{RUN}"));
}

fn logged(id: u64, at: &str, message: &str) -> Value {
    json!({ "id": id, "level": "info", "message": message, "source": "executor", "meta": {}, "created_at": at })
}

#[test]
fn the_log_of_a_run_is_printed_over_all_pages() {
    let pages = || {
        [
            told(200, page(json!([logged(1, "2026-11-23T11:40:51Z", "step extract started")]), json!("c"))),
            told(
                200,
                page(json!([logged(2, "2026-11-23T11:40:52.5Z", "step extract SUCCEEDED")]), Value::Null),
            ),
        ]
    };
    let api = Api::plays(pages());
    let ran = api.run(&words(&format!("runs logs {RUN} --after 2026-11-23T11:40:00Z"))).ends_with(0);
    insta::assert_snapshot!(ran.out, @"
    2026-11-23T11:40:51Z  info      executor  step extract started
    2026-11-23T11:40:52Z  info      executor  step extract SUCCEEDED
    ");
    insta::assert_snapshot!(api.requests(), @"
    GET /api/runs/0199e0c0-0000-7000-8000-0000000000aa/logs?after=2026-11-23T11%3A40%3A00Z&order=asc&limit=1000
    GET /api/runs/0199e0c0-0000-7000-8000-0000000000aa/logs?after=2026-11-23T11%3A40%3A00Z&order=asc&limit=1000&cursor=c
    ");
    let ran = Api::plays(pages()).run(&["runs", "logs", RUN, "--json"]).ends_with(0);
    let ids: Vec<Value> =
        ran.out.lines().map(|line| serde_json::from_str::<Value>(line).unwrap()["id"].clone()).collect();
    assert_eq!(ids, [1, 2]);
}

#[test]
fn a_log_is_followed_to_the_end_of_the_run_and_no_line_comes_twice() {
    let (first, second) =
        (logged(1, "2026-11-23T11:40:51Z", "one"), logged(2, "2026-11-23T11:40:50Z", "came late"));
    let api = Api::plays([
        told(200, details(run("RUNNING"), Value::Null)),
        told(200, page(json!([first]), Value::Null)),
        told(200, details(run("SUCCEEDED"), Value::Null)),
        told(200, page(json!([second, first]), Value::Null)),
    ]);
    let ran = api.run(&["runs", "logs", RUN, "--follow"]).ends_with(0);
    insta::assert_snapshot!(ran.out, @"
    2026-11-23T11:40:51Z  info      executor  one
    2026-11-23T11:40:50Z  info      executor  came late
    ");
    let asked = api.requests();
    assert!(
        asked.contains("?wait_seconds=2") && asked.contains("logs?after=2026-11-23T11%3A40%3A41Z&"),
        "{asked}"
    );
}

#[test]
fn artifacts_are_listed() {
    let report = json!({ "id": "a", "artifact_type": "report", "payload": { "rows": 3 }, "source": "load", "created_at": "2026-11-23T11:40:52Z" });
    let api = Api::plays([told(200, page(json!([report]), Value::Null))]);
    insta::assert_snapshot!(api.run(&["runs", "artifacts", RUN]).ends_with(0).out, @r#"
    ID  ARTIFACT_TYPE  SOURCE  CREATED_AT            PAYLOAD
    a   report         load    2026-11-23T11:40:52Z  {"rows":3}
    "#);
    assert_eq!(api.requests(), format!("GET /api/runs/{RUN}/artifacts"));
}

#[test]
fn a_run_is_cancelled_or_retried() {
    let api = Api::plays([
        told(200, run("CANCELLED")),
        told(200, run("CANCELLED")),
        told(201, run("QUEUED")),
        told(201, run("QUEUED")),
    ]);
    api.run(&["runs", "cancel", RUN]).ends_with(0);
    api.run(&["runs", "cancel", RUN, "--reason", "a typing error"]).ends_with(0);
    api.run(&["runs", "retry", RUN]).ends_with(0);
    api.run(&words(&format!(
        "runs retry {RUN} --param n=2 --version {VERSION} --from start --idempotency-key k"
    )))
    .ends_with(0);
    insta::assert_snapshot!(api.requests(), @r#"
    POST /api/runs/0199e0c0-0000-7000-8000-0000000000aa/cancel {}
    POST /api/runs/0199e0c0-0000-7000-8000-0000000000aa/cancel {"reason":"a typing error"}
    POST /api/runs/0199e0c0-0000-7000-8000-0000000000aa/retry {}
    POST /api/runs/0199e0c0-0000-7000-8000-0000000000aa/retry {"from":"start","parameters":{"n":2},"pipeline_version_id":"b31dbeba-3a2e-4fa9-a084-72c75f9f18a3"}
    "#);
    let keys: Vec<usize> = api.asked().iter().map(|asked| asked.header("idempotency-key").len()).collect();
    assert_eq!(keys, [0, 0, 36, 1]);
}

#[test]
fn what_the_api_refuses_is_told_with_its_places() {
    let refused = json!({
        "status": 422, "code": "invalid_parameters", "detail": "2 parameters are invalid", "request_id": "r-1",
        "errors": [
            { "pointer": "/parameters/n", "detail": "\"x\" is not of type \"integer\"" },
            { "pointer": "/parameters", "detail": "\"day\" is a required property" }
        ]
    });
    let api = Api::plays([told(422, refused.clone()), told(422, refused.clone())]);
    let create = ["runs", "create", "--version", VERSION, "--param-text", "n=x"];
    insta::assert_snapshot!(api.run(&create).ends_with(1).err, @r#"
    error: 2 parameters are invalid
      /parameters/n: "x" is not of type "integer"
      /parameters: "day" is a required property
      422 invalid_parameters, request_id r-1
    "#);
    let ran = api.run(&[&create as &[_], &["--json"]].concat()).ends_with(1);
    assert_eq!((serde_json::from_str::<Value>(&ran.err).unwrap(), ran.out.as_str()), (refused, ""));
    let api =
        Api::plays([problem(409, "already_finished", "The run has finished: there is nothing to cancel")]);
    api.run(&["runs", "cancel", RUN]).ends_with(1);
}

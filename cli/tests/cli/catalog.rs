//! Tenants, pipelines, connections, schedules and webhooks.

use serde_json::{Value, json};

use crate::support::{Api, PIPELINE, Program, RUN, TENANT, page, pipeline, tenant, text, told, words};

/// What each of these commands asks an API that always answers `answer`.
fn asked(answer: &Value, commands: &[&[&str]]) -> String {
    let of_one = |command: &&[&str]| {
        let api = Api::plays([told(200, answer.clone())]);
        api.run(command).ends_with(0);
        format!("{}\n  {}", command.join(" "), api.requests())
    };
    commands.iter().map(of_one).collect::<Vec<_>>().join("\n")
}

#[test]
fn each_command_on_tenants_is_one_request() {
    let requests = asked(
        &tenant(),
        &[
            &["tenants", "show", TENANT],
            &["tenants", "create", "--name", "acme"],
            &["tenants", "create", "--name", "acme", "--max-running", "3", "--paused"],
            &["tenants", "set", TENANT, "--max-running", "none", "--paused", "false"],
            &["tenants", "set", TENANT, "--max-running", "7", "--name", "new"],
            &["tenants", "pause", TENANT],
            &["tenants", "resume", TENANT],
        ],
    );
    insta::assert_snapshot!(requests, @r#"
    tenants show 580115b4-a291-4917-8dbd-247cfa13e2d6
      GET /api/tenants/580115b4-a291-4917-8dbd-247cfa13e2d6
    tenants create --name acme
      POST /api/tenants {"name":"acme"}
    tenants create --name acme --max-running 3 --paused
      POST /api/tenants {"max_running":3,"name":"acme","paused":true}
    tenants set 580115b4-a291-4917-8dbd-247cfa13e2d6 --max-running none --paused false
      PATCH /api/tenants/580115b4-a291-4917-8dbd-247cfa13e2d6 {"max_running":null,"paused":false}
    tenants set 580115b4-a291-4917-8dbd-247cfa13e2d6 --max-running 7 --name new
      PATCH /api/tenants/580115b4-a291-4917-8dbd-247cfa13e2d6 {"max_running":7,"name":"new"}
    tenants pause 580115b4-a291-4917-8dbd-247cfa13e2d6
      PATCH /api/tenants/580115b4-a291-4917-8dbd-247cfa13e2d6 {"paused":true}
    tenants resume 580115b4-a291-4917-8dbd-247cfa13e2d6
      PATCH /api/tenants/580115b4-a291-4917-8dbd-247cfa13e2d6 {"paused":false}
    "#);
}

#[test]
fn each_command_on_webhooks_is_one_request() {
    let webhook = json!({"id": RUN, "name": "pager", "event_types": ["run.failed"], "paused": false});
    let requests = asked(
        &webhook,
        &[
            &["webhooks", "show", RUN],
            &words("webhooks create --name pager --to https://x.example/ --secret-ref s"),
            &[
                "webhooks",
                "create",
                "--name",
                "pager",
                "--to",
                "https://x.example/",
                "--secret-ref",
                "s",
                "--event-types",
                "run.failed,run.cancelled",
                "--pipeline",
                PIPELINE,
                "--paused",
            ],
            &["webhooks", "set", RUN, "--all-event-types", "--all-pipelines", "--to", "https://y.example/"],
            &["webhooks", "pause", RUN],
            &["webhooks", "resume", RUN],
            &["webhooks", "retry", RUN],
            &["webhooks", "delete", RUN],
        ],
    );
    insta::assert_snapshot!(requests, @r#"
    webhooks show 0199e0c0-0000-7000-8000-0000000000aa
      GET /api/webhooks/0199e0c0-0000-7000-8000-0000000000aa?tenant_id=580115b4-a291-4917-8dbd-247cfa13e2d6
    webhooks create --name pager --to https://x.example/ --secret-ref s
      POST /api/webhooks {"name":"pager","secret_ref":"s","tenant_id":"580115b4-a291-4917-8dbd-247cfa13e2d6","url":"https://x.example/"}
    webhooks create --name pager --to https://x.example/ --secret-ref s --event-types run.failed,run.cancelled --pipeline 0199e0c0-0000-7000-8000-000000000012 --paused
      POST /api/webhooks {"event_types":["run.failed","run.cancelled"],"name":"pager","paused":true,"pipeline_id":"0199e0c0-0000-7000-8000-000000000012","secret_ref":"s","tenant_id":"580115b4-a291-4917-8dbd-247cfa13e2d6","url":"https://x.example/"}
    webhooks set 0199e0c0-0000-7000-8000-0000000000aa --all-event-types --all-pipelines --to https://y.example/
      PATCH /api/webhooks/0199e0c0-0000-7000-8000-0000000000aa?tenant_id=580115b4-a291-4917-8dbd-247cfa13e2d6 {"event_types":null,"pipeline_id":null,"url":"https://y.example/"}
    webhooks pause 0199e0c0-0000-7000-8000-0000000000aa
      PATCH /api/webhooks/0199e0c0-0000-7000-8000-0000000000aa?tenant_id=580115b4-a291-4917-8dbd-247cfa13e2d6 {"paused":true}
    webhooks resume 0199e0c0-0000-7000-8000-0000000000aa
      PATCH /api/webhooks/0199e0c0-0000-7000-8000-0000000000aa?tenant_id=580115b4-a291-4917-8dbd-247cfa13e2d6 {"paused":false}
    webhooks retry 0199e0c0-0000-7000-8000-0000000000aa
      POST /api/webhooks/0199e0c0-0000-7000-8000-0000000000aa/retry?tenant_id=580115b4-a291-4917-8dbd-247cfa13e2d6
    webhooks delete 0199e0c0-0000-7000-8000-0000000000aa
      DELETE /api/webhooks/0199e0c0-0000-7000-8000-0000000000aa?tenant_id=580115b4-a291-4917-8dbd-247cfa13e2d6
    "#);
}

#[test]
fn each_command_on_a_pipelines_id_is_one_request() {
    let requests = asked(
        &pipeline(),
        &[
            &["pipelines", "show", PIPELINE],
            &["pipelines", "create", "--name", "daily"],
            &words("pipelines create --name daily --description d --queue q --max-running 1 --paused"),
            &["pipelines", "set", PIPELINE, "--max-running", "none", "--no-description", "--no-queue"],
            &[
                "pipelines",
                "set",
                PIPELINE,
                "--name",
                "x",
                "--description",
                "",
                "--queue",
                "q",
                "--max-running",
                "2",
                "--paused",
                "true",
            ],
            &["pipelines", "pause", PIPELINE],
            &["pipelines", "resume", PIPELINE],
        ],
    );
    insta::assert_snapshot!(requests, @r#"
    pipelines show 0199e0c0-0000-7000-8000-000000000012
      GET /api/pipelines/0199e0c0-0000-7000-8000-000000000012?tenant_id=580115b4-a291-4917-8dbd-247cfa13e2d6
    pipelines create --name daily
      POST /api/pipelines {"name":"daily","tenant_id":"580115b4-a291-4917-8dbd-247cfa13e2d6"}
    pipelines create --name daily --description d --queue q --max-running 1 --paused
      POST /api/pipelines {"description":"d","max_running":1,"name":"daily","paused":true,"queue":"q","tenant_id":"580115b4-a291-4917-8dbd-247cfa13e2d6"}
    pipelines set 0199e0c0-0000-7000-8000-000000000012 --max-running none --no-description --no-queue
      PATCH /api/pipelines/0199e0c0-0000-7000-8000-000000000012?tenant_id=580115b4-a291-4917-8dbd-247cfa13e2d6 {"description":null,"max_running":null,"queue":null}
    pipelines set 0199e0c0-0000-7000-8000-000000000012 --name x --description  --queue q --max-running 2 --paused true
      PATCH /api/pipelines/0199e0c0-0000-7000-8000-000000000012?tenant_id=580115b4-a291-4917-8dbd-247cfa13e2d6 {"description":"","max_running":2,"name":"x","paused":true,"queue":"q"}
    pipelines pause 0199e0c0-0000-7000-8000-000000000012
      PATCH /api/pipelines/0199e0c0-0000-7000-8000-000000000012?tenant_id=580115b4-a291-4917-8dbd-247cfa13e2d6 {"paused":true}
    pipelines resume 0199e0c0-0000-7000-8000-000000000012
      PATCH /api/pipelines/0199e0c0-0000-7000-8000-000000000012?tenant_id=580115b4-a291-4917-8dbd-247cfa13e2d6 {"paused":false}
    "#);
}

#[test]
fn each_command_on_connections_is_one_request() {
    let connection = json!({ "id": RUN, "tenant_id": TENANT, "name": "shop", "kind": "http", "config": {}, "secret_ref": null });
    let requests = asked(
        &connection,
        &[
            &["connections", "show", RUN],
            &[
                "connections",
                "create",
                "--name",
                "shop",
                "--kind",
                "http",
                "--config",
                "{\"url\": \"https://shop.example.com\"}",
            ],
            &["connections", "create", "--name", "db", "--kind", "sql", "--secret-ref", "shop-db"],
        ],
    );
    insta::assert_snapshot!(requests, @r#"
    connections show 0199e0c0-0000-7000-8000-0000000000aa
      GET /api/connections/0199e0c0-0000-7000-8000-0000000000aa?tenant_id=580115b4-a291-4917-8dbd-247cfa13e2d6
    connections create --name shop --kind http --config {"url": "https://shop.example.com"}
      POST /api/connections {"config":{"url":"https://shop.example.com"},"kind":"http","name":"shop","tenant_id":"580115b4-a291-4917-8dbd-247cfa13e2d6"}
    connections create --name db --kind sql --secret-ref shop-db
      POST /api/connections {"config":{},"kind":"sql","name":"db","secret_ref":"shop-db","tenant_id":"580115b4-a291-4917-8dbd-247cfa13e2d6"}
    "#);
}

#[test]
fn each_command_on_schedules_is_one_request() {
    let schedule = json!({
        "id": RUN, "tenant_id": TENANT, "name": "nightly", "cron": "30 2 * * *", "time_zone": "Europe/Berlin",
        "due_times": ["2026-11-28T01:30:00Z"],
    });
    let pipeline = "0199e0c0-0000-7000-8000-000000000012";
    let create = ["schedules", "create", "--name", "nightly", "--pipeline", pipeline, "--cron", "30 2 * * *"];
    let with_all = [
        "--time-zone",
        "Europe/Berlin",
        "--missed-runs",
        "all",
        "--version",
        RUN,
        "--parameters",
        "{\"day\": 1}",
        "--queue",
        "q",
        "--concurrency-key",
        "k",
        "--paused",
    ];
    let with_all = [create.as_slice(), &with_all].concat();
    let requests = asked(
        &schedule,
        &[
            &["schedules", "show", RUN],
            &create,
            &with_all,
            &["schedules", "pause", RUN],
            &["schedules", "resume", RUN],
            &["schedules", "delete", RUN],
        ],
    );
    insta::assert_snapshot!(requests, @r#"
    schedules show 0199e0c0-0000-7000-8000-0000000000aa
      GET /api/schedules/0199e0c0-0000-7000-8000-0000000000aa?tenant_id=580115b4-a291-4917-8dbd-247cfa13e2d6
    schedules create --name nightly --pipeline 0199e0c0-0000-7000-8000-000000000012 --cron 30 2 * * *
      POST /api/schedules {"cron":"30 2 * * *","name":"nightly","pipeline_id":"0199e0c0-0000-7000-8000-000000000012","tenant_id":"580115b4-a291-4917-8dbd-247cfa13e2d6"}
    schedules create --name nightly --pipeline 0199e0c0-0000-7000-8000-000000000012 --cron 30 2 * * * --time-zone Europe/Berlin --missed-runs all --version 0199e0c0-0000-7000-8000-0000000000aa --parameters {"day": 1} --queue q --concurrency-key k --paused
      POST /api/schedules {"concurrency_key":"k","cron":"30 2 * * *","missed_runs":"all","name":"nightly","parameters":{"day":1},"paused":true,"pipeline_id":"0199e0c0-0000-7000-8000-000000000012","pipeline_version_id":"0199e0c0-0000-7000-8000-0000000000aa","queue":"q","tenant_id":"580115b4-a291-4917-8dbd-247cfa13e2d6","time_zone":"Europe/Berlin"}
    schedules pause 0199e0c0-0000-7000-8000-0000000000aa
      PATCH /api/schedules/0199e0c0-0000-7000-8000-0000000000aa?tenant_id=580115b4-a291-4917-8dbd-247cfa13e2d6 {"paused":true}
    schedules resume 0199e0c0-0000-7000-8000-0000000000aa
      PATCH /api/schedules/0199e0c0-0000-7000-8000-0000000000aa?tenant_id=580115b4-a291-4917-8dbd-247cfa13e2d6 {"paused":false}
    schedules delete 0199e0c0-0000-7000-8000-0000000000aa
      DELETE /api/schedules/0199e0c0-0000-7000-8000-0000000000aa?tenant_id=580115b4-a291-4917-8dbd-247cfa13e2d6
    "#);
}

#[test]
fn a_connection_that_was_removed_leaves_nothing_to_print() {
    let api = Api::plays([text(204, ""), text(204, "")]);
    for command in [&["connections", "delete", RUN] as &[_], &["connections", "delete", RUN, "--json"]] {
        let ran = api.run(command).ends_with(0);
        assert_eq!((ran.out.as_str(), ran.err.as_str()), ("", ""));
    }
    assert_eq!(api.asked()[0].path, format!("/api/connections/{RUN}?tenant_id={TENANT}"));
}

#[test]
fn a_config_comes_from_a_file_and_has_to_be_json() {
    let folder = tempfile::tempdir().unwrap();
    std::fs::write(folder.path().join("shop.json"), "{\"url\": \"https://shop.example.com\"}").unwrap();
    std::fs::write(folder.path().join("bad.json"), "{\"url\": }").unwrap();
    let api = Api::plays([told(201, json!({ "id": RUN }))]);
    let create = |config: &str| {
        let line = format!("connections create --name shop --kind http --config {config} --tenant {TENANT}");
        Program::new(&words(&line)).env("RUNPLANE_URL", &api.url).within(folder.path()).run()
    };
    create("@shop.json").ends_with(0);
    assert!(
        api.asked()[0].body.contains("\"config\":{\"url\":\"https://shop.example.com\"}"),
        "{}",
        api.requests()
    );
    assert_eq!(create("@bad.json").ends_with(2).err, "bad.json:1:9: expected value\n");
    assert!(create("url").ends_with(2).err.contains("url is not JSON"));
    assert!(create("@none.json").ends_with(2).err.contains("cannot read none.json"));
}

#[test]
fn one_object_is_shown_a_field_a_line() {
    let api = Api::plays([told(200, pipeline())]);
    insta::assert_snapshot!(api.run(&["pipelines", "show", PIPELINE]).ends_with(0).out, @"
    id           0199e0c0-0000-7000-8000-000000000012
    tenant_id    580115b4-a291-4917-8dbd-247cfa13e2d6
    name         daily
    description  every day
    paused       false
    created_at   2026-11-23T11:40:48Z
    ");
}

#[test]
fn programs_get_the_answer_byte_for_byte() {
    let body = "{\"b\":1.50,\"id\": \"x\",\n \"a\":18446744073709551615}";
    let api = Api::plays([text(200, body)]);
    let ran = api.run(&["tenants", "show", TENANT, "--json"]).ends_with(0);
    assert_eq!(ran.out, format!("{body}\n"));
}

#[test]
fn a_pipeline_may_be_named_in_its_tenant() {
    let api = Api::plays([told(200, page(json!([pipeline()]), Value::Null)), told(200, pipeline())]);
    api.run(&["pipelines", "pause", "daily"]).ends_with(0);
    insta::assert_snapshot!(api.requests(), @r#"
    GET /api/pipelines?tenant_id=580115b4-a291-4917-8dbd-247cfa13e2d6&name=daily
    PATCH /api/pipelines/0199e0c0-0000-7000-8000-000000000012?tenant_id=580115b4-a291-4917-8dbd-247cfa13e2d6 {"paused":true}
    "#);
    let api = Api::plays([told(200, page(json!([]), Value::Null))]);
    let ran = api.run(&["pipelines", "show", "nightly"]).ends_with(1);
    assert_eq!(ran.err, format!("error: the tenant {TENANT} has no pipeline \"nightly\"\n"));
    let api = Api::plays([]);
    let ran = Program::new(&["pipelines", "show", "daily", "--url", &api.url]).run().ends_with(2);
    assert_eq!(ran.err, "error: which tenant? Give --tenant ID, or set RUNPLANE_TENANT\n");
}

#[test]
fn without_a_tenant_the_operators_view_is_asked_for() {
    let api = Api::plays([told(200, pipeline()), told(200, page(json!([]), Value::Null))]);
    Program::new(&["pipelines", "show", PIPELINE, "--url", &api.url]).run().ends_with(0);
    Program::new(&["pipelines", "list", "--url", &format!("{}/prod/", api.url)]).run().ends_with(0);
    assert_eq!(api.requests(), format!("GET /api/pipelines/{PIPELINE}\nGET /prod/api/pipelines"));
}

#[test]
fn a_change_that_changes_nothing_is_refused_before_it_is_sent() {
    let api = Api::plays([]);
    for command in [
        &["tenants", "set", TENANT] as &[_],
        &["pipelines", "set", PIPELINE],
        &["pipelines", "set", PIPELINE, "--queue", "q", "--no-queue"],
        &["tenants", "set", TENANT, "--max-running", "many"],
        &["tenants", "show", "acme"],
    ] {
        api.run(command).ends_with(2);
    }
}

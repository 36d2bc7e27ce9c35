//! Lists: tables, pages, lines.

use serde_json::{Value, json};

use crate::support::{
    Api, Program, RUN, TENANT, VERSION, page, pipeline, run, tenant, text, told, version, words,
};

#[test]
fn a_list_is_a_table() {
    let mut second = tenant();
    second["name"] = json!("with\u{1b}[31m colour");
    second["max_running"] = Value::Null;
    let api = Api::plays([
        told(200, page(json!([tenant(), second]), Value::Null)),
        told(200, page(json!([pipeline()]), Value::Null)),
        told(200, page(json!([version("DRAFT", 4)]), Value::Null)),
        told(200, page(json!([]), Value::Null)),
        told(200, page(json!([run("FAILED"), run("RUNNING")]), Value::Null)),
    ]);
    let shown: Vec<String> = ["tenants", "pipelines", "versions", "connections", "runs"]
        .iter()
        .map(|what| {
            let ran = api.run(&[what, "list"]).ends_with(0);
            assert_eq!(ran.err, "");
            ran.out
        })
        .collect();
    insta::assert_snapshot!(shown.join("\n"), @r"
    ID                                    NAME                   MAX_RUNNING  PAUSED  CREATED_AT
    580115b4-a291-4917-8dbd-247cfa13e2d6  acme                   3            false   2026-11-23T11:40:48Z
    580115b4-a291-4917-8dbd-247cfa13e2d6  with\u{1b}[31m colour               false   2026-11-23T11:40:48Z

    ID                                    NAME   QUEUE  MAX_RUNNING  PAUSED  CREATED_AT            TENANT_ID
    0199e0c0-0000-7000-8000-000000000012  daily                      false   2026-11-23T11:40:48Z  580115b4-a291-4917-8dbd-247cfa13e2d6

    ID                                    VERSION  STATUS  REVISION  UPDATED_AT            APPROVED_BY  PIPELINE_ID
    b31dbeba-3a2e-4fa9-a084-72c75f9f18a3  1.2.0    DRAFT   4         2026-11-23T11:50:48Z               0199e0c0-0000-7000-8000-000000000012

    ID  NAME  KIND  SECRET_REF  CREATED_AT  TENANT_ID

    ID                                    STATUS   CREATED_AT            ERROR_CODE  ATTEMPT  QUEUE    FINISHED_AT           TRIGGER_TYPE
    0199e0c0-0000-7000-8000-0000000000aa  FAILED   2026-11-23T11:40:48Z  http_500    1        default  2026-11-23T11:41:00Z  manual
    0199e0c0-0000-7000-8000-0000000000aa  RUNNING  2026-11-23T11:40:48Z              1        default                        manual
    ");
    insta::assert_snapshot!(api.requests(), @"
    GET /api/tenants
    GET /api/pipelines?tenant_id=580115b4-a291-4917-8dbd-247cfa13e2d6
    GET /api/pipeline-versions?tenant_id=580115b4-a291-4917-8dbd-247cfa13e2d6
    GET /api/connections?tenant_id=580115b4-a291-4917-8dbd-247cfa13e2d6
    GET /api/runs?tenant_id=580115b4-a291-4917-8dbd-247cfa13e2d6
    ");
}

#[test]
fn a_list_is_narrowed_by_what_the_api_knows() {
    let empty = || told(200, page(json!([]), Value::Null));
    let named = || told(200, page(json!([pipeline()]), Value::Null));
    let api = Api::plays([
        empty(),
        empty(),
        named(),
        empty(),
        named(),
        told(200, page(json!([version("APPROVED", 1)]), Value::Null)),
        empty(),
        empty(),
    ]);
    for command in [
        &["pipelines", "list", "--name", "a b&c", "--limit", "5"] as &[_],
        &["connections", "list", "--kind", "sql", "--cursor", "abc"],
        &["versions", "list", "--pipeline", "daily", "--status", "draft", "--status", "APPROVED"],
        &words(
            "runs list --pipeline daily --version 1.2.0 --status failed --queue slow --label \
             team=a=b --label day=1 --created-after 2026-01-31T13:00:00+01:00 --created-before \
             2026-02-01T00:00:00.5Z",
        ),
        &["workers", "list", "--queue", "gpu", "--alive", "true"],
    ] {
        api.run(command).ends_with(0);
    }
    insta::assert_snapshot!(api.requests(), @"
    GET /api/pipelines?tenant_id=580115b4-a291-4917-8dbd-247cfa13e2d6&name=a%20b%26c&limit=5
    GET /api/connections?tenant_id=580115b4-a291-4917-8dbd-247cfa13e2d6&kind=sql&cursor=abc
    GET /api/pipelines?tenant_id=580115b4-a291-4917-8dbd-247cfa13e2d6&name=daily
    GET /api/pipeline-versions?tenant_id=580115b4-a291-4917-8dbd-247cfa13e2d6&pipeline_id=0199e0c0-0000-7000-8000-000000000012&status=DRAFT&status=APPROVED
    GET /api/pipelines?tenant_id=580115b4-a291-4917-8dbd-247cfa13e2d6&name=daily
    GET /api/pipeline-versions?pipeline_id=0199e0c0-0000-7000-8000-000000000012&limit=100&tenant_id=580115b4-a291-4917-8dbd-247cfa13e2d6
    GET /api/runs?tenant_id=580115b4-a291-4917-8dbd-247cfa13e2d6&pipeline_id=0199e0c0-0000-7000-8000-000000000012&pipeline_version_id=b31dbeba-3a2e-4fa9-a084-72c75f9f18a3&queue=slow&created_after=2026-01-31T12%3A00%3A00Z&created_before=2026-02-01T00%3A00%3A00.500Z&status=FAILED&label.team=a%3Db&label.day=1
    GET /api/workers?tenant_id=580115b4-a291-4917-8dbd-247cfa13e2d6&queue=gpu&alive=true
    ");
}

#[test]
fn there_is_a_hint_where_there_is_more() {
    let api = Api::plays([
        told(200, page(json!([run("QUEUED")]), json!("c-1"))),
        told(200, page(json!([run("QUEUED")]), json!("c-1"))),
    ]);
    let ran = api.run(&["runs", "list"]).ends_with(0);
    assert_eq!(ran.err, "There are more: --all, or --cursor c-1\n");
    let ran = api.run(&["runs", "list", "--json"]).ends_with(0);
    assert_eq!((ran.out.contains("\"next_cursor\":\"c-1\""), ran.err.as_str()), (true, ""));
}

#[test]
fn all_pages_are_one_table_or_a_line_for_each_item() {
    let pages = || {
        [
            text(
                200,
                "{\"items\":[{\"id\":\"1\",\"status\":\"QUEUED\"},\n{\"status\":\"FAILED\",\n\"id\":\"2\"}],\"next_cursor\":\"c\"}",
            ),
            text(200, "{\"items\":[{\"z\":1.0,\"id\":\"3\"}],\"next_cursor\":null}"),
        ]
    };
    let api = Api::plays(pages());
    let ran = api.run(&["runs", "list", "--all", "--json"]).ends_with(0);
    assert_eq!(
        ran.out,
        "{\"id\":\"1\",\"status\":\"QUEUED\"}\n{\"id\":\"2\",\"status\":\"FAILED\"}\n{\"z\":1.0,\"id\":\"3\"}\n"
    );
    assert_eq!(
        api.requests(),
        format!(
            "GET /api/runs?tenant_id={TENANT}&limit=100\nGET /api/runs?tenant_id={TENANT}&limit=100&cursor=c"
        )
    );
    let api = Api::plays(pages());
    let ran = api.run(&["runs", "list", "--all", "--limit", "2"]).ends_with(0);
    assert_eq!(ran.out.lines().count(), 4, "{}", ran.out);
    assert_eq!(ran.err, "");
}

#[test]
fn a_list_that_leads_in_a_circle_is_left() {
    let same = || text(200, "{\"items\":[],\"next_cursor\":\"c\"}");
    let api = Api::plays([same(), same()]);
    let ran = api.run(&["runs", "list", "--all"]).ends_with(4);
    assert_eq!(ran.err, "error: the list does not end: its cursor leads to itself\n");
}

#[test]
fn whoever_has_seen_enough_may_go() {
    let page = format!("{{\"items\":[{{\"id\":\"{}\"}}],\"next_cursor\":null}}", "x".repeat(1 << 20));
    let api = Api::plays([text(200, &page)]);
    let line = format!("\"$0\" runs list --json --url {} | head -c 1; exit ${{PIPESTATUS[0]}}", api.url);
    let shell = std::process::Command::new("bash")
        .args(["-c", &line, env!("CARGO_BIN_EXE_runplane")])
        .output()
        .unwrap();
    assert_eq!(String::from_utf8(shell.stderr).unwrap(), "");
    assert_eq!((shell.status.code(), shell.stdout.as_slice()), (Some(0), b"{".as_slice()));
}

#[test]
fn a_version_is_named_in_its_pipeline_over_all_pages() {
    let mut other = version("DRAFT", 1);
    other["version"] = json!("1.1.0");
    let api = Api::plays([
        told(200, page(json!([other]), json!("c"))),
        told(200, page(json!([version("APPROVED", 1)]), Value::Null)),
        told(201, run("QUEUED")),
    ]);
    let pipeline = crate::support::PIPELINE;
    api.run(&["runs", "create", "--pipeline", pipeline, "--version", "1.2.0"]).ends_with(0);
    assert!(api.asked()[2].body.contains(VERSION));
    let api = Api::plays([told(200, page(json!([]), Value::Null))]);
    let ran = api.run(&["runs", "create", "--pipeline", pipeline, "--version", "9"]).ends_with(1);
    assert_eq!(ran.err, format!("error: the pipeline {pipeline} has no version \"9\"\n"));
    let api = Api::plays([]);
    let ran = api.run(&["runs", "create", "--version", "1.2.0"]).ends_with(2);
    assert!(ran.err.contains("give --pipeline too"), "{}", ran.err);
    let ran = Program::new(&["runs", "create", "--version", RUN, "--url", &api.url]).run().ends_with(2);
    assert!(ran.err.contains("which tenant?"), "{}", ran.err);
}

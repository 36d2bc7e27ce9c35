//! `runplane versions …`

use std::fs::write;

use serde_json::{Value, json};
use tempfile::TempDir;

use crate::support::{
    Api, PIPELINE, Program, Ran, TENANT, Told, VERSION, page, pipeline, problem, told, version, words,
};

/// A folder with the dag_spec `dag.json`.
fn folder() -> TempDir {
    let folder = tempfile::tempdir().unwrap();
    let text = "{\n  \"steps\": [\n    {\"id\": \"a\", \"type\": \"wait\"},\n    {\"id\": \"b\", \"typo\": 1, \"if\": \"${\"}\n  ]\n}\n";
    write(folder.path().join("dag.json"), text).unwrap();
    folder
}

fn run_in(folder: &TempDir, api: &Api, args: &[&str]) -> Ran {
    Program::new(args)
        .env("RUNPLANE_URL", &api.url)
        .env("RUNPLANE_TENANT", TENANT)
        .within(folder.path())
        .run()
}

fn invalid(prefix: &str) -> Told {
    told(
        422,
        json!({
            "status": 422, "code": "invalid_dag_spec", "detail": "The dag_spec has 3 faults", "request_id": "r-1",
            "errors": [
                { "pointer": format!("{prefix}/steps/1/if"), "detail": "the expression does not end" },
                { "pointer": format!("{prefix}/steps/1/typo"), "detail": "is not a field of a step" },
                { "pointer": format!("{prefix}/steps/0/with"), "detail": "is missing" },
            ]
        }),
    )
}

#[test]
fn an_approval_without_a_name_is_that_of_who_is_logged_in() {
    for (set, arguments, by) in [
        (&[("USER", "ada")] as &[_], &[] as &[&str], r#""approved_by":"ada""#),
        (&[("USER", "ada"), ("RUNPLANE_BY", "ci")], &[], r#""approved_by":"ci""#),
        (&[("USER", "ada"), ("RUNPLANE_BY", "ci")], &["--by", "bob"], r#""approved_by":"bob""#),
        (&[("USER", " ")], &[], r#"{"status":"DEPRECATED"}"#),
    ] {
        let api = Api::plays([told(200, version("DEPRECATED", 1))]);
        let mut program =
            Program::new(&[&["versions", "deprecate", VERSION, "--url", &api.url], arguments].concat());
        for (name, value) in set {
            program = program.env(name, value);
        }
        program.run().ends_with(0);
        assert!(api.requests().contains(by), "{set:?} {arguments:?}: {}", api.requests());
    }
}

#[test]
fn each_command_on_a_version_is_one_request() {
    let folder = folder();
    let shown: Vec<String> = [
        &["versions", "show", VERSION] as &[_],
        &["versions", "create", "--pipeline", PIPELINE, "--version", "1.2.0", "dag.json"],
        &["versions", "edit", VERSION, "dag.json"],
        &["versions", "edit", VERSION, "dag.json", "--version", "1.2.1", "--revision", "4"],
        &["versions", "approve", VERSION],
        &["versions", "approve", VERSION, "--comment", "looks good", "--by", "ada", "--revision", "4"],
        &["versions", "deprecate", VERSION, "--comment", "too slow"],
    ]
    .iter()
    .map(|command| {
        let api = Api::plays([told(200, version("DRAFT", 1))]);
        run_in(&folder, &api, command).ends_with(0);
        format!("{}\n  {}", command.join(" "), api.requests())
    })
    .collect();
    insta::assert_snapshot!(shown.join("\n"), @r#"
    versions show b31dbeba-3a2e-4fa9-a084-72c75f9f18a3
      GET /api/pipeline-versions/b31dbeba-3a2e-4fa9-a084-72c75f9f18a3?tenant_id=580115b4-a291-4917-8dbd-247cfa13e2d6
    versions create --pipeline 0199e0c0-0000-7000-8000-000000000012 --version 1.2.0 dag.json
      POST /api/pipeline-versions {"dag_spec":{"steps":[{"id":"a","type":"wait"},{"id":"b","if":"${","typo":1}]},"pipeline_id":"0199e0c0-0000-7000-8000-000000000012","tenant_id":"580115b4-a291-4917-8dbd-247cfa13e2d6","version":"1.2.0"}
    versions edit b31dbeba-3a2e-4fa9-a084-72c75f9f18a3 dag.json
      PUT /api/pipeline-versions/b31dbeba-3a2e-4fa9-a084-72c75f9f18a3?tenant_id=580115b4-a291-4917-8dbd-247cfa13e2d6 {"dag_spec":{"steps":[{"id":"a","type":"wait"},{"id":"b","if":"${","typo":1}]}}
    versions edit b31dbeba-3a2e-4fa9-a084-72c75f9f18a3 dag.json --version 1.2.1 --revision 4
      PUT /api/pipeline-versions/b31dbeba-3a2e-4fa9-a084-72c75f9f18a3?tenant_id=580115b4-a291-4917-8dbd-247cfa13e2d6 {"dag_spec":{"steps":[{"id":"a","type":"wait"},{"id":"b","if":"${","typo":1}]},"revision":4,"version":"1.2.1"}
    versions approve b31dbeba-3a2e-4fa9-a084-72c75f9f18a3
      POST /api/pipeline-versions/b31dbeba-3a2e-4fa9-a084-72c75f9f18a3/status?tenant_id=580115b4-a291-4917-8dbd-247cfa13e2d6 {"status":"APPROVED"}
    versions approve b31dbeba-3a2e-4fa9-a084-72c75f9f18a3 --comment looks good --by ada --revision 4
      POST /api/pipeline-versions/b31dbeba-3a2e-4fa9-a084-72c75f9f18a3/status?tenant_id=580115b4-a291-4917-8dbd-247cfa13e2d6 {"approved_by":"ada","comment":"looks good","revision":4,"status":"APPROVED"}
    versions deprecate b31dbeba-3a2e-4fa9-a084-72c75f9f18a3 --comment too slow
      POST /api/pipeline-versions/b31dbeba-3a2e-4fa9-a084-72c75f9f18a3/status?tenant_id=580115b4-a291-4917-8dbd-247cfa13e2d6 {"comment":"too slow","status":"DEPRECATED"}
    "#);
}

#[test]
fn a_version_is_shown_with_its_transitions_or_as_its_spec_alone() {
    let api = Api::plays([told(200, version("APPROVED", 2)), told(200, version("APPROVED", 2))]);
    insta::assert_snapshot!(api.run(&["versions", "show", VERSION]).ends_with(0).out, @"
    id           b31dbeba-3a2e-4fa9-a084-72c75f9f18a3
    tenant_id    580115b4-a291-4917-8dbd-247cfa13e2d6
    pipeline_id  0199e0c0-0000-7000-8000-000000000012
    version      1.2.0
    status       APPROVED
    revision     2
    created_at   2026-11-23T11:40:48Z
    updated_at   2026-11-23T11:50:48Z

    transitions
    AT                    FROM   TO        BY   COMMENT
    2026-11-23T12:00:00Z  DRAFT  APPROVED  ada  looks good
    ");
    let spec = api.run(&["versions", "show", VERSION, "--dag-spec"]).ends_with(0).out;
    assert_eq!(serde_json::from_str::<Value>(&spec).unwrap(), json!({ "steps": ["a", "b"] }));
    assert_eq!(spec, "{\n  \"steps\": [\n    \"a\",\n    \"b\"\n  ]\n}\n");
}

#[test]
fn a_version_is_created_and_approved_at_the_revision_that_was_created() {
    let api = Api::plays([
        told(200, page(json!([pipeline()]), Value::Null)),
        told(201, version("DRAFT", 1)),
        told(200, version("APPROVED", 1)),
    ]);
    let args = words("versions create --pipeline daily --version 1.2.0 - --approve --comment go --json");
    let ran =
        Program::new(&args).env("RUNPLANE_URL", &api.url).env("RUNPLANE_TENANT", TENANT).input("{}").run();
    let document: Value = serde_json::from_str(&ran.ends_with(0).out).unwrap();
    assert_eq!(document["status"], "APPROVED");
    let approval = &api.asked()[2];
    assert_eq!(approval.path, format!("/api/pipeline-versions/{VERSION}/status?tenant_id={TENANT}"));
    assert_eq!(
        serde_json::from_str::<Value>(&approval.body).unwrap(),
        json!({ "status": "APPROVED", "comment": "go", "revision": 1 })
    );
}

#[test]
fn faults_that_the_api_finds_are_placed_in_the_file_that_was_sent() {
    let folder = folder();
    let create = ["versions", "create", "--pipeline", PIPELINE, "--version", "1.2.0", "dag.json"];
    for (prefix, command) in
        [("/dag_spec", &create as &[_]), ("", &["versions", "edit", VERSION, "dag.json"])]
    {
        let api = Api::plays([invalid(prefix)]);
        let ran = run_in(&folder, &api, command).ends_with(3);
        insta::allow_duplicates! {
            insta::assert_snapshot!(ran.err, @"
            error: The dag_spec has 3 faults
            dag.json:4:34: /steps/1/if: the expression does not end
            dag.json:4:17: /steps/1/typo: is not a field of a step
            dag.json:3:5: /steps/0/with: is missing
              422 invalid_dag_spec, request_id r-1
            ");
        }
        assert_eq!(ran.out, "");
    }
}

#[test]
fn a_draft_that_cannot_be_approved_stays_and_is_shown() {
    let folder = folder();
    let create =
        ["versions", "create", "--pipeline", PIPELINE, "--version", "1.2.0", "dag.json", "--approve"];
    let api = Api::plays([
        told(201, version("DRAFT", 1)),
        invalid(""),
        told(201, version("DRAFT", 1)),
        invalid(""),
    ]);
    let ran = run_in(&folder, &api, &create).ends_with(3);
    assert!(ran.out.contains("DRAFT"), "{}", ran.out);
    insta::assert_snapshot!(ran.err, @"
    It stays a DRAFT: mend it with `runplane versions edit b31dbeba-3a2e-4fa9-a084-72c75f9f18a3 dag.json`
    error: The dag_spec has 3 faults
    dag.json:4:34: /steps/1/if: the expression does not end
    dag.json:4:17: /steps/1/typo: is not a field of a step
    dag.json:3:5: /steps/0/with: is missing
      422 invalid_dag_spec, request_id r-1
    ");
    let ran = run_in(&folder, &api, &[&create as &[_], &["--json"]].concat()).ends_with(3);
    assert_eq!(serde_json::from_str::<Value>(&ran.out).unwrap()["status"], "DRAFT");
    assert_eq!(serde_json::from_str::<Value>(&ran.err).unwrap()["code"], "invalid_dag_spec");
}

#[test]
fn what_is_not_json_is_not_sent() {
    let folder = folder();
    write(folder.path().join("bad.json"), "{\"steps\": [], \"steps\": [1]}").unwrap();
    let api = Api::plays([]);
    let ran = run_in(&folder, &api, &["versions", "edit", VERSION, "bad.json"]).ends_with(3);
    assert!(ran.err.starts_with("bad.json:1:15: /steps: the key stands here a second time"), "{}", ran.err);
    let ran = run_in(&folder, &api, &["versions", "edit", VERSION, "bad.json", "--json"]).ends_with(3);
    assert_eq!(serde_json::from_str::<Value>(&ran.err).unwrap()["errors"][0]["line"], 1);
    run_in(&folder, &api, &["versions", "edit", VERSION, "none.json"]).ends_with(2);
}

#[test]
fn a_copy_belongs_to_the_pipeline_of_the_original_unless_told_otherwise() {
    let api = Api::plays([told(200, version("APPROVED", 3)), told(201, version("DRAFT", 1))]);
    api.run(&["versions", "copy", VERSION, "--version", "1.3.0"]).ends_with(0);
    insta::assert_snapshot!(api.requests(), @r#"
    GET /api/pipeline-versions/b31dbeba-3a2e-4fa9-a084-72c75f9f18a3?tenant_id=580115b4-a291-4917-8dbd-247cfa13e2d6
    POST /api/pipeline-versions {"copy_of":"b31dbeba-3a2e-4fa9-a084-72c75f9f18a3","pipeline_id":"0199e0c0-0000-7000-8000-000000000012","tenant_id":"580115b4-a291-4917-8dbd-247cfa13e2d6","version":"1.3.0"}
    "#);
    let api = Api::plays([
        told(200, version("APPROVED", 3)),
        told(200, page(json!([pipeline()]), Value::Null)),
        told(201, version("DRAFT", 1)),
    ]);
    api.run(&["versions", "copy", VERSION, "--version", "1.3.0", "--pipeline", "daily"]).ends_with(0);
}

#[test]
fn a_transition_that_is_refused_ends_with_1() {
    let api = Api::plays([problem(409, "invalid_transition", "The version is DEPRECATED already")]);
    let ran = api.run(&["versions", "deprecate", VERSION]).ends_with(1);
    assert_eq!(
        ran.err,
        "error: The version is DEPRECATED already\n  409 invalid_transition, request_id r-1\n"
    );
}

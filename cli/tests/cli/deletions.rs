//! `runplane tenants delete`.

use serde_json::{Value, json};

use crate::support::{Api, TENANT, Told, problem, told, words};

fn batch(done: bool, runs: u64, rows: u64) -> Told {
    told(200, batch_body(done, runs, rows))
}

fn batch_body(done: bool, runs: u64, rows: u64) -> Value {
    json!({ "done": done, "deleted": { "runs": runs, "rows": rows } })
}

#[test]
fn batch_after_batch_is_asked_for_until_the_tenant_is_gone() {
    let api = Api::plays([batch(false, 0, 0), batch(false, 200, 1500), batch(true, 50, 7)]);
    let ran = api.run(&["tenants", "delete", TENANT, "--name", "acme & co"]).ends_with(0);
    assert_eq!(ran.out, "acme & co is gone: 250 runs and 1507 other rows\n");
    insta::assert_snapshot!(ran.err, @"
    deleted 0 runs and 0 other rows
    deleted 200 runs and 1500 other rows
    ");
    let once = format!("DELETE /api/tenants/{TENANT}?name=acme%20%26%20co");
    assert_eq!(api.requests(), [once.as_str(); 3].join("\n"));
}

#[test]
fn programs_get_a_line_for_each_batch() {
    let api = Api::plays([batch(false, 200, 1500), batch(true, 50, 7)]);
    let ran = api.run(&words(&format!("tenants delete {TENANT} --name acme --json"))).ends_with(0);
    let lines = [batch_body(false, 200, 1500), batch_body(true, 50, 7)].map(|line| format!("{line}\n"));
    assert_eq!((ran.out, ran.err.as_str()), (lines.concat(), ""));
}

#[test]
fn a_batch_without_an_answer_is_asked_for_again() {
    let unavailable = || problem(503, "unavailable", "later").header("retry-after", "0");
    let api =
        Api::plays([batch(false, 1, 1), unavailable(), problem(404, "tenant_not_found", "no such tenant")]);
    let ran = api.run(&words(&format!("tenants delete {TENANT} --name acme"))).ends_with(0);
    assert!(ran.err.ends_with("somebody else has deleted it\n"), "{}", ran.err);

    let api = Api::plays([batch(false, 1, 1), unavailable(), unavailable(), unavailable(), unavailable()]);
    let ran = api.run(&words(&format!("tenants delete {TENANT} --name acme"))).ends_with(4);
    assert!(ran.err.contains("The tenant is not gone yet: the same command goes on\n"), "{}", ran.err);
}

#[test]
fn what_is_refused_at_once_is_told() {
    let command = format!("tenants delete {TENANT} --name acme");
    for (status, code) in [(404, "tenant_not_found"), (400, "invalid_field"), (403, "forbidden")] {
        let api = Api::plays([problem(status, code, "in a word: no")]);
        let ran = api.run(&words(&command)).ends_with(1);
        assert!(ran.err.contains("in a word: no") && !ran.err.contains("goes on"), "{}", ran.err);
    }
    let api = Api::plays([told(200, json!({ "items": [] }))]);
    api.run(&words(&command)).ends_with(4);
    let api = Api::plays([]);
    api.run(&["tenants", "delete", TENANT]).ends_with(2);
}

//! `runplane validate`

use std::fs::write;

use serde_json::{Value, json};

use crate::support::Program;

#[test]
fn a_spec_without_faults_is_valid() {
    let folder = tempfile::tempdir().unwrap();
    write(folder.path().join("dag.json"), "{\"steps\": [\"extract\", \"load\"]}").unwrap();
    let ran =
        Program::new(&["validate", "dag.json", "-"]).within(folder.path()).input("{}").run().ends_with(0);
    assert_eq!((ran.out.as_str(), ran.err.as_str()), ("dag.json: valid\n<stdin>: valid\n", ""));
    let ran = Program::new(&["validate", "--json", "-"]).input("{}").run().ends_with(0);
    assert_eq!(ran.out, "[]\n");
}

#[test]
fn faults_are_printed_as_compilers_do_it_and_end_with_3() {
    let folder = tempfile::tempdir().unwrap();
    write(folder.path().join("bad.json"), "{\n\t\"ä\": [1,\n}").unwrap();
    write(folder.path().join("twice.json"), "{\"steps\": [],\n \"ö\": 1, \"steps\": [\"a\"]}").unwrap();
    let ran = Program::new(&["validate", "bad.json", "twice.json"]).within(folder.path()).run().ends_with(3);
    insta::assert_snapshot!(ran.out, @"
    bad.json:3:1: expected value
    twice.json:2:10: /steps: the key stands here a second time; the first one is on line 1
    ");
    let ran = Program::new(&["validate", "--json", "bad.json", "twice.json"])
        .within(folder.path())
        .run()
        .ends_with(3);
    let faults: Value = serde_json::from_str(&ran.out).unwrap();
    let second = &faults[1];
    assert_eq!(faults.as_array().unwrap().len(), 2);
    assert_eq!(
        (&second["file"], &second["line"], &second["column"], &second["pointer"]),
        (&json!("twice.json"), &json!(2), &json!(10), &json!("/steps"))
    );
}

#[test]
fn a_file_that_is_not_there_ends_with_2_after_the_others_were_checked() {
    let folder = tempfile::tempdir().unwrap();
    write(folder.path().join("twice.json"), "{\"a\": 1, \"a\": 2}").unwrap();
    let ran = Program::new(&["validate", "none.json", "twice.json"]).within(folder.path()).run().ends_with(2);
    assert!(ran.out.starts_with("twice.json:1:10: /a: "), "{}", ran.out);
    assert!(ran.err.starts_with("error: cannot read none.json: "), "{}", ran.err);
}

#[test]
fn the_standard_input_is_read_once() {
    let ran = Program::new(&["validate", "-", "-"]).run().ends_with(2);
    assert_eq!(ran.err, "error: the standard input can be read only once\n");
}

#[test]
fn a_rule_that_is_broken_is_shown_where_its_value_or_its_unknown_key_stands() {
    let spec = "{\n  \"steps\": [\n\t{\"id\": \"a\", \"type\": \"wait\", \"with\": {\"secnds\": 2}, \"depends_on\": [\"ö\"]},\n    \"B\"\n  ],\n  \
                \"params\": {\"type\": \"objec\"}\n}\n";
    let ran = Program::new(&["validate", "--json", "-"]).input(spec).run().ends_with(3);
    let faults: Vec<Value> = serde_json::from_str(&ran.out).unwrap();
    let place = |pointer: &str| {
        let fault = faults.iter().find(|fault| fault["pointer"] == pointer);
        let fault = fault.unwrap_or_else(|| panic!("nothing is said about {pointer}: {}", ran.out));
        (fault["line"].as_u64().unwrap(), fault["column"].as_u64().unwrap())
    };
    assert_eq!(place("/steps/0/with/secnds"), (3, 39), "an unknown field is its key");
    assert_eq!(place("/steps/0/depends_on/0"), (3, 68));
    assert_eq!(place("/steps/1"), (4, 5));
    assert_eq!(place("/params/type"), (6, 22));
}

//! `docs/openapi.json` is the document that the types of today generate.

#![allow(
    clippy::unwrap_used,
    reason = "a test may panic; clippy.toml allows it only in functions marked as tests"
)]

use serde_json::Value;

const FILE: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/../docs/openapi.json");

#[test]
fn the_committed_document_is_fresh() {
    let fresh = serde_json::to_string_pretty(&runplane::openapi::document().unwrap()).unwrap() + "\n";
    if std::env::var_os("RUNPLANE_WRITE_OPENAPI").is_some() {
        std::fs::write(FILE, &fresh).unwrap();
    }
    let committed = std::fs::read_to_string(FILE).unwrap_or_default();
    assert!(
        committed == fresh,
        "docs/openapi.json is stale: run RUNPLANE_WRITE_OPENAPI=1 cargo test -p runplane --test openapi"
    );
}

#[test]
fn every_example_is_a_request_that_is_accepted() {
    let document = runplane::openapi::document().unwrap();
    let mut seen = 0;
    for (path, operations) in document["paths"].as_object().unwrap() {
        let examples = &operations["post"]["requestBody"]["content"]["application/json"]["examples"];
        for example in examples.as_object().into_iter().flat_map(|examples| examples.values()) {
            check(path, example["value"].clone());
            seen += 1;
        }
    }
    assert_eq!(seen, 9);
}

fn check(path: &str, body: Value) {
    use runplane::runs::{
        CancelRequest, ClaimRequest, CompleteRequest, CreateRequest, HeartbeatRequest, ReleaseRequest,
        RetryRequest,
    };
    let checked = match path.rsplit('/').next().unwrap() {
        "runs" => serde_json::from_value::<CreateRequest>(body).unwrap().check(),
        "claim" => serde_json::from_value::<ClaimRequest>(body).unwrap().check(),
        "heartbeat" => serde_json::from_value::<HeartbeatRequest>(body).unwrap().check(),
        "complete" => serde_json::from_value::<CompleteRequest>(body).unwrap().check(),
        "release" => serde_json::from_value::<ReleaseRequest>(body).unwrap().check(),
        "cancel" => serde_json::from_value::<CancelRequest>(body).unwrap().check(),
        "retry" => serde_json::from_value::<RetryRequest>(body).unwrap().check(),
        other => panic!("no request type for {other}"),
    };
    checked.unwrap_or_else(|faults| panic!("{path}: {faults:?}"));
}

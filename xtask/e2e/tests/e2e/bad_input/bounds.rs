//! Limits, at and beyond each bound.

use reqwest::Method;
use serde_json::{Value, json};

use super::{Checker, Claim, Complete, Create, Endpoint, Expected, Heartbeat, invalid};

/// A field that is too large by itself, in a body that is not.
const fn too_large(pointer: &str) -> Expected<'_> {
    Expected::Problem(413, &["payload_too_large"], Some(pointer))
}

/// A JSON string of this many characters.
fn text(length: usize, letter: &str) -> String {
    json!(letter.repeat(length)).to_string()
}

/// Numbers: the endpoint, the field, the lowest and the highest that is accepted.
const NUMBERS: [(Endpoint, &str, i64, i64); 6] = [
    (Create, "priority", 0, 9),
    (Create, "max_attempts", 1, 20),
    (Create, "max_lost", 0, 20),
    (Claim, "lease_seconds", 5, 43200),
    (Claim, "max_runs", 1, 100),
    (Heartbeat, "lease_seconds", 5, 43200),
];

/// Texts: the endpoint, the field, the longest that is accepted, in characters. None may be empty.
const TEXTS: [(Endpoint, &str, usize); 5] = [
    (Create, "queue", 100),
    (Create, "trigger_type", 30),
    (Claim, "worker_id", 200),
    (Heartbeat, "worker_id", 200),
    (Complete, "error_code", 100),
];

#[tokio::test]
async fn numbers_are_accepted_within_their_bounds_and_not_beyond() {
    let mut checker = Checker::new().await;
    for (endpoint, field, lowest, highest) in NUMBERS {
        let place = format!("/{field}");
        for number in [lowest, highest] {
            checker.field(endpoint, field, &number.to_string(), Expected::Accepted).await;
        }
        for number in [lowest - 1, highest + 1, i64::MIN, i64::MAX] {
            checker.field(endpoint, field, &number.to_string(), invalid(&place)).await;
        }
    }
    checker.finish();
}

#[tokio::test]
async fn texts_are_accepted_within_their_bounds_and_not_beyond() {
    let mut checker = Checker::new().await;
    for (endpoint, field, longest) in TEXTS {
        let place = format!("/{field}");
        // Characters, not bytes.
        for letter in ["x", "ü", "🚀"] {
            checker.field(endpoint, field, &text(1, letter), Expected::Accepted).await;
            checker.field(endpoint, field, &text(longest, letter), Expected::Accepted).await;
            checker.field(endpoint, field, &text(longest + 1, letter), invalid(&place)).await;
        }
        checker.field(endpoint, field, &text(100_000, "x"), invalid(&place)).await;
        checker.field(endpoint, field, "\"\"", invalid(&place)).await;
    }
    checker.finish();
}

#[tokio::test]
async fn a_claim_names_at_most_ten_queues() {
    let mut checker = Checker::new().await;
    let queues = |count: usize| json!((0..count).map(|at| format!("q{at}")).collect::<Vec<_>>()).to_string();
    checker.field(Claim, "queues", &queues(1), Expected::Accepted).await;
    checker.field(Claim, "queues", &queues(10), Expected::Accepted).await;
    checker.field(Claim, "queues", &queues(11), invalid("/queues")).await;
    checker.field(Claim, "queues", "[\"a\",\"a\"]", Expected::Either).await;
    checker.field(Claim, "queues", "[]", Expected::Either).await;
    let lengths = json!(["q", "q".repeat(100)]).to_string();
    checker.field(Claim, "queues", &lengths, Expected::Accepted).await;
    let lengths = json!(["q", "q".repeat(101)]).to_string();
    checker.field(Claim, "queues", &lengths, invalid("/queues/1")).await;
    checker.finish();
}

#[tokio::test]
async fn a_run_has_at_most_sixteen_short_labels() {
    let mut checker = Checker::new().await;
    let labels = |count: usize| -> String {
        let labels: Value =
            (0..count).map(|at| (format!("k{at}"), json!("v"))).collect::<serde_json::Map<_, _>>().into();
        labels.to_string()
    };
    checker.field(Create, "labels", &labels(0), Expected::Accepted).await;
    checker.field(Create, "labels", &labels(16), Expected::Accepted).await;
    checker.field(Create, "labels", &labels(17), invalid("/labels")).await;
    let long = "x".repeat(5000);
    checker.field(Create, "labels", &json!({ "team": long }).to_string(), invalid("/labels/team")).await;
    checker.field(Create, "labels", &json!({ long: "a" }).to_string(), invalid("/labels")).await;
    checker.field(Create, "labels", "{\"\":\"a\"}", Expected::Either).await;
    checker.finish();
}

#[tokio::test]
async fn parameters_and_output_hold_256_kib() {
    let mut checker = Checker::new().await;
    let object = |size: usize| format!("{{\"a\":\"{}\"}}", "x".repeat(size - r#"{"a":""}"#.len()));
    for (endpoint, field, place) in [(Create, "parameters", "/parameters"), (Complete, "output", "/output")] {
        checker.field(endpoint, field, &object(256 * 1024), Expected::Accepted).await;
        checker.field(endpoint, field, &object(256 * 1024 + 1), too_large(place)).await;
        checker.field(endpoint, field, &object(1000 * 1024), too_large(place)).await;
    }
    checker.finish();
}

#[tokio::test]
async fn an_idempotency_key_has_at_most_255_characters() {
    let mut checker = Checker::new().await;
    let refused = Expected::Problem(400, &["invalid_field"], None);
    let keys: [(Vec<u8>, Expected); 4] = [
        (b"k".to_vec(), Expected::Accepted),
        (b"k".repeat(255), Expected::Accepted),
        (b"k".repeat(256), refused),
        (b"".to_vec(), Expected::Either),
    ];
    for (key, expected) in keys {
        let name = format!("a key of {} bytes", key.len());
        let request = checker.stack.request(Method::POST, "/api/runs").json(&checker.good(Create));
        let answer = checker.stack.send(request.header("Idempotency-Key", key)).await;
        checker.check(&name, answer, expected);
    }
    checker.finish();
}

#[tokio::test]
async fn a_long_error_message_is_cut_with_a_mark() {
    let checker = Checker::new().await;
    let (stack, tenant) = (&checker.stack, &checker.tenant);
    let stored = async |message: &str| {
        let run = stack.run_in(tenant, e2e::State::Alive, false).await;
        let failed = json!({ "status": "FAILED", "lease_token": run.token, "error_message": message });
        stack.complete(run.id, failed).await.expect(200);
        stack.run(run.id).await["error_message"].as_str().expect("a message").to_owned()
    };
    let whole = "x".repeat(8 * 1024);
    assert!(stored(&whole).await == whole, "8 KiB are kept whole");
    // Of several bytes each, so that a cut in the middle of a character would show.
    for letter in ["x", "ü", "🚀", "€"] {
        let message = letter.repeat(20_000);
        let stored = stored(&message).await;
        assert!(stored.len() <= 8 * 1024, "{letter}: {} bytes are stored", stored.len());
        assert!(stored.len() > 4 * 1024, "{letter}: only {} bytes are stored", stored.len());
        assert!(
            stored.starts_with(letter) && !message.starts_with(&stored),
            "{letter}: no mark: …{}",
            tail(&stored)
        );
    }
}

/// The last characters of a text.
fn tail(text: &str) -> String {
    text.chars().skip(text.chars().count().saturating_sub(20)).collect()
}

//! Text that Postgres or Unicode cannot hold: NUL characters and halves of surrogate pairs.

use super::{Checker, Claim, Complete, Create, Endpoint, Expected, Heartbeat, UNREADABLE, invalid};

/// NUL in a string or key: the endpoint, the field, its value, and the place that the problem names.
const NULS: &[(Endpoint, &str, &str, &str)] = &[
    (Create, "trigger_type", r#""a\u0000b""#, "/trigger_type"),
    (Create, "queue", r#""\u0000""#, "/queue"),
    (Create, "dispatch", r#""push\u0000""#, "/dispatch"),
    (Create, "tenant_id", r#""580115b4-a291-4917-8dbd-247cfa13e2d6\u0000""#, "/tenant_id"),
    (Create, "run_after", r#""2099-01-01T00:00:00Z\u0000""#, "/run_after"),
    (Create, "labels", r#"{"team":"a\u0000"}"#, "/labels/team"),
    (Create, "labels", r#"{"te\u0000am":"a"}"#, "/labels"),
    (Create, "parameters", r#"{"a":"\u0000"}"#, "/parameters/a"),
    (Create, "parameters", r#"{"a":[0,{"b":["x","y\u0000"]}]}"#, "/parameters/a/1/b/1"),
    (Create, "parameters", r#"{"a\u0000":1}"#, "/parameters"),
    (Create, "parameters", r#"{"a":[{"b\u0000":1}]}"#, "/parameters"),
    (Claim, "worker_id", r#""w\u0000""#, "/worker_id"),
    (Claim, "queues", r#"["a","b\u0000"]"#, "/queues/1"),
    (Heartbeat, "worker_id", r#""\u0000w""#, "/worker_id"),
    (Complete, "error_message", r#""no\u0000no""#, "/error_message"),
    (Complete, "error_code", r#""no\u0000""#, "/error_code"),
    (Complete, "output", r#""\u0000""#, "/output"),
    (Complete, "output", r#"{"rows":[{"name":"\u0000"}]}"#, "/output/rows/0/name"),
    (Complete, "output", r#"[{"\u0000":1}]"#, "/output"),
    (Complete, "status", r#""FAILED\u0000""#, "/status"),
];

#[tokio::test]
async fn nul_characters_are_refused_where_they_stand() {
    let mut checker = Checker::new().await;
    for (endpoint, field, raw, place) in NULS {
        checker.field(*endpoint, field, raw, invalid(place)).await;
    }
    checker.finish();
}

#[tokio::test]
async fn a_key_with_a_nul_is_an_unknown_field() {
    let mut checker = Checker::new().await;
    for endpoint in super::ENDPOINTS {
        let unknown = Expected::Problem(400, &["invalid_field"], None);
        checker.field(endpoint, "worker\0id", "1", unknown).await;
    }
    checker.finish();
}

#[tokio::test]
async fn halves_of_surrogate_pairs_are_refused() {
    let mut checker = Checker::new().await;
    let halves = [r"\ud800", r"a\udfffb", r"\ud83d\ud83d", r"\udc00\ud800", r"\ud83dx", r"\ud83"];
    let fields = [
        (Create, "trigger_type"),
        (Create, "queue"),
        (Claim, "worker_id"),
        (Heartbeat, "worker_id"),
        (Complete, "error_message"),
        (Complete, "error_code"),
        (Complete, "output"),
    ];
    for half in halves {
        for (endpoint, field) in fields {
            checker.field(endpoint, field, &format!("\"{half}\""), UNREADABLE).await;
        }
        checker.field(Create, "parameters", &format!("{{\"a\":[\"{half}\"]}}"), UNREADABLE).await;
        checker.field(Create, "parameters", &format!("{{\"{half}\":1}}"), UNREADABLE).await;
        checker.field(Create, "labels", &format!("{{\"a\":\"{half}\"}}"), UNREADABLE).await;
        checker.field(Create, "labels", &format!("{{\"{half}\":\"a\"}}"), UNREADABLE).await;
        checker.field(Claim, "queues", &format!("[\"{half}\"]"), UNREADABLE).await;
    }
    checker.finish();
}

#[tokio::test]
async fn any_other_text_is_taken() {
    let mut checker = Checker::new().await;
    let texts = [
        r#""\ud83d\ude80""#,
        "\"🚀 ü \u{202e} \u{fffe}\"",
        r#""\\u0000""#,
        r#""'; drop table x; --""#,
        r#""\u0001\t\n""#,
    ];
    for text in texts {
        checker.field(Create, "parameters", &format!("{{\"a\":{text},{text}:1}}"), Expected::Accepted).await;
        checker.field(Create, "queue", text, Expected::Accepted).await;
        checker.field(Complete, "error_message", text, Expected::Accepted).await;
        checker.field(Complete, "output", text, Expected::Accepted).await;
        checker.field(Claim, "worker_id", text, Expected::Accepted).await;
    }
    checker.finish();
}

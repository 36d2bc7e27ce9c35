//! Fields of the wrong type or form, and fields that are missing.

use reqwest::Method;
use serde_json::json;

use super::{Checker, Claim, Complete, Create, Endpoint, Expected, Heartbeat, UNREADABLE, invalid};

/// What is not a UUID.
const NOT_UUIDS: [&str; 9] = [
    "\"\"",
    "\"x\"",
    "\"580115b4-a291-4917-8dbd-247cfa13e2d\"",
    "\"580115b4-a291-4917-8dbd-247cfa13e2dg\"",
    "\" 580115b4-a291-4917-8dbd-247cfa13e2d6\"",
    "5",
    "true",
    "[]",
    "{}",
];

/// The endpoint, the field, and what it must not be; the field is the place that the problem names.
const WRONG: &[(Endpoint, &str, &[&str])] = &[
    (Create, "parameters", &["[]", "\"x\"", "5", "true"]),
    (Create, "trigger_type", &["5", "[]", "{}", "false", "\"\""]),
    (Create, "dispatch", &["\"shove\"", "\"PUSH\"", "\"\"", "5", "[]"]),
    (Create, "queue", &["5", "[]", "{}", "\"\""]),
    (Create, "priority", &["\"5\"", "5.5", "true", "[]", "99999999999999999999", "-99999999999999999999"]),
    (Create, "run_after", &["\"tomorrow\"", "\"\"", "5", "\"2026-01-01\"", "\"2026-13-01T00:00:00Z\"", "[]"]),
    (Create, "max_attempts", &["\"1\"", "1.5", "[]", "4294967297"]),
    (Create, "max_lost", &["\"1\"", "0.5", "{}", "4294967296"]),
    (Create, "labels", &["[]", "\"team=a\"", "5", "[[\"team\",\"a\"]]"]),
    (Claim, "worker_id", &["5", "[]", "{}", "true", "\"\"", "null"]),
    (Claim, "queues", &["\"default\"", "5", "{}"]),
    (Claim, "lease_seconds", &["\"300\"", "5.5", "[]", "99999999999999999999", "4294967301"]),
    (Heartbeat, "worker_id", &["5", "[]", "\"\""]),
    (Heartbeat, "lease_seconds", &["\"300\"", "5.5", "[]", "99999999999999999999", "4294967301"]),
    (
        Complete,
        "status",
        &["null", "5", "\"\"", "\"DONE\"", "\"succeeded\"", "\"RUNNING\"", "\"CANCELLED\"", "[]"],
    ),
    (Complete, "error_message", &["5", "[]", "{}", "true"]),
    (Complete, "error_code", &["5", "[]", "{}"]),
    (Complete, "retryable", &["\"true\"", "1", "[]"]),
];

/// The endpoint and a field that holds a UUID.
const UUIDS: [(Endpoint, &str); 6] = [
    (Create, "tenant_id"),
    (Create, "pipeline_version_id"),
    (Claim, "tenant_id"),
    (Claim, "claim_id"),
    (Heartbeat, "lease_token"),
    (Complete, "lease_token"),
];

#[tokio::test]
async fn a_field_of_the_wrong_type_is_named() {
    let mut checker = Checker::new().await;
    for (endpoint, field, wrong) in WRONG {
        let place = format!("/{field}");
        for raw in *wrong {
            checker.field(*endpoint, field, raw, invalid(&place)).await;
        }
    }
    checker.finish();
}

#[tokio::test]
async fn what_is_no_uuid_is_named() {
    let mut checker = Checker::new().await;
    for (endpoint, field) in UUIDS {
        let place = format!("/{field}");
        for raw in NOT_UUIDS {
            checker.field(endpoint, field, raw, invalid(&place)).await;
        }
    }
    checker.finish();
}

#[tokio::test]
async fn the_place_inside_a_field_is_named() {
    let mut checker = Checker::new().await;
    let inside = [
        (Create, "labels", "{\"team\":5}", "/labels/team"),
        (Create, "labels", "{\"team\":\"a\",\"env\":[]}", "/labels/env"),
        (Create, "labels", "{\"team\":null}", "/labels/team"),
        (Create, "labels", "{\"a/b\":{}}", "/labels/a~1b"),
        (Claim, "queues", "[5]", "/queues/0"),
        (Claim, "queues", "[\"a\",null]", "/queues/1"),
        (Claim, "queues", "[\"a\",\"b\",\"\"]", "/queues/2"),
    ];
    for (endpoint, field, raw, place) in inside {
        checker.field(endpoint, field, raw, invalid(place)).await;
    }
    checker.finish();
}

#[tokio::test]
async fn a_missing_field_is_named() {
    let mut checker = Checker::new().await;
    let required =
        [(Create, "tenant_id"), (Create, "pipeline_version_id"), (Claim, "worker_id"), (Complete, "status")];
    for (endpoint, field) in required {
        let place = format!("/{field}");
        let mut body = checker.good(endpoint);
        body.as_object_mut().expect("an object").remove(field);
        checker.post(endpoint, &format!("without {field}"), body.to_string(), invalid(&place)).await;
        body[field] = json!(null);
        checker.post(endpoint, &format!("{field} = null"), body.to_string(), invalid(&place)).await;
    }
    checker.finish();
}

#[tokio::test]
async fn a_path_that_is_no_uuid_is_refused() {
    let mut checker = Checker::new().await;
    for verb in ["heartbeat", "complete"] {
        for id in ["not-a-uuid", "%00", "0199e0c0-0000-7000-8000-00000000000"] {
            let body = checker.good(if verb == "complete" { Complete } else { Heartbeat });
            let request = checker.stack.request(Method::POST, &format!("/api/runs/{id}/{verb}")).json(&body);
            let answer = checker.stack.send(request).await;
            checker.check(&format!("{verb} of run {id}"), answer, invalid("/run_id"));
        }
    }
    checker.finish();
}

#[tokio::test]
async fn numbers_beyond_all_bounds_are_survived() {
    let mut checker = Checker::new().await;
    let fields =
        [(Create, "priority"), (Create, "max_lost"), (Claim, "lease_seconds"), (Heartbeat, "lease_seconds")];
    for (endpoint, field) in fields {
        for number in ["1e400", "-1e400", "1e308", "NaN", "Infinity", "0x10", "1e"] {
            checker.field(endpoint, field, number, UNREADABLE).await;
        }
    }
    for number in ["1e400", "-1e400", "1e-400", "1e308", "123456789012345678901234567890", "-0"] {
        checker.field(Create, "parameters", &format!("{{\"n\":{number}}}"), Expected::Either).await;
        checker.field(Complete, "output", number, Expected::Either).await;
    }
    checker.finish();
}

#[tokio::test]
async fn strange_times_are_survived() {
    let mut checker = Checker::new().await;
    let times = [
        "0000-01-01T00:00:00Z",
        "9999-12-31T23:59:59.999999999Z",
        "2026-12-31T23:59:60Z",
        "2026-01-01T00:00:00+23:59",
        "-0001-01-01T00:00:00Z",
        "+10000-01-01T00:00:00Z",
        "+262142-12-31T23:59:59Z",
        "infinity",
        "-infinity",
    ];
    for time in times {
        checker.field(Create, "run_after", &format!("\"{time}\""), Expected::Either).await;
    }
    checker.finish();
}

#[tokio::test]
async fn of_several_faults_the_first_is_told() {
    let mut checker = Checker::new().await;
    let body = json!({ "worker_id": "", "lease_seconds": 1, "queues": [""] }).to_string();
    checker
        .post(Claim, "three faults", body, Expected::Problem(400, &["invalid_field"], Some("/worker_id")))
        .await;
    checker.finish();
}

#[tokio::test]
async fn a_success_with_an_error_is_survived() {
    let mut checker = Checker::new().await;
    let (stack, tenant) = (checker.stack.clone(), checker.tenant.clone());
    for error in
        [json!({ "error_message": "but" }), json!({ "error_code": "but" }), json!({ "retryable": false })]
    {
        let run = stack.run_in(&tenant, e2e::State::Alive, false).await;
        let mut body = json!({ "status": "SUCCEEDED", "lease_token": run.token });
        body.as_object_mut().expect("an object").extend(error.as_object().expect("an object").clone());
        let answer = stack.complete(run.id, body).await;
        checker.check(&format!("SUCCEEDED with {error}"), Ok(answer), Expected::Either);
    }
    checker.finish();
}

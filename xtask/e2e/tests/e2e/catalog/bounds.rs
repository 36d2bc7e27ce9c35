//! Limits, at and beyond each bound.

use serde_json::json;

use super::checker::Checker;
use super::checker::Endpoint::{self, *};

/// Texts: the endpoint, the field, the longest that is taken, in characters.
const TEXTS: [(Endpoint, &str, usize); 13] = [
    (CreateTenant, "name", 200),
    (UpdateTenant, "name", 200),
    (CreatePipeline, "name", 200),
    (CreatePipeline, "description", 2000),
    (CreatePipeline, "queue", 100),
    (UpdatePipeline, "name", 200),
    (UpdatePipeline, "description", 2000),
    (UpdatePipeline, "queue", 100),
    (CreateVersion, "version", 50),
    (EditVersion, "version", 50),
    (ChangeStatus, "comment", 2000),
    (ChangeStatus, "approved_by", 200),
    (CreateConnection, "name", 100),
];

#[tokio::test]
async fn texts_are_taken_up_to_their_bound_in_characters() {
    let mut checker = Checker::new().await;
    for (endpoint, field, longest) in TEXTS {
        for letter in ["x", "ü", "🚀"] {
            let text = |length: usize| json!(letter.repeat(length)).to_string();
            checker.field_taken(endpoint, field, &text(longest)).await;
            checker.field_refused(endpoint, field, &text(longest + 1)).await;
        }
    }
    checker.finish();
}

#[tokio::test]
async fn numbers_are_taken_within_their_bounds() {
    let mut checker = Checker::new().await;
    for (endpoint, field, lowest) in [
        (CreateTenant, "max_running", 0),
        (UpdateTenant, "max_running", 0),
        (CreatePipeline, "max_running", 0),
        (UpdatePipeline, "max_running", 0),
        (ChangeStatus, "revision", 1),
    ] {
        for number in [lowest, i64::from(i32::MAX)] {
            checker.field_taken(endpoint, field, &number.to_string()).await;
        }
        for number in [lowest - 1, i64::from(i32::MAX) + 1, i64::MIN, i64::MAX] {
            checker.field_refused(endpoint, field, &number.to_string()).await;
        }
    }
    checker.finish();
}

#[tokio::test]
async fn any_other_text_is_taken() {
    let mut checker = Checker::new().await;
    for text in ["\u{202e}ü 🚀", "'; drop table tenants; --", "\u{1}\t\n", "\\u0000", " "] {
        let text = json!(text).to_string();
        checker.field_taken(CreateTenant, "name", &text).await;
        checker.field_taken(CreatePipeline, "description", &text).await;
        checker.field_taken(ChangeStatus, "comment", &text).await;
    }
    checker.finish();
}

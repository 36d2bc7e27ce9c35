//! What needs no database. How it does with one is in `shared/tests/migrate`, as a process in `tests/process`.

use std::time::{SystemTime, UNIX_EPOCH};

use runplane::config::ConfigError;
use runplane::testing::check_settings;

use super::*;

#[tokio::test]
async fn it_reads_the_settings_that_the_table_lists_for_it() {
    check_settings(FUNCTION, async |settings| Deployment::from_settings(settings)).await;
}

/// What CloudFormation sends is read here; what comes of it with a database is seen in `tests/process`.
#[tokio::test]
async fn each_event_asks_for_what_its_name_says() {
    let failed: Configured = Err(ConfigError::NoRegion);
    for (event, kind, resource) in [
        (include_str!("../../../events/migrate.create.json"), Kind::Create, None),
        (include_str!("../../../events/migrate.update.json"), Kind::Update, Some("runplane-schema")),
        (include_str!("../../../events/migrate.delete.json"), Kind::Delete, Some("runplane-schema")),
    ] {
        let event: Value = serde_json::from_str(event).unwrap();
        let request = Request::of(&event).unwrap();
        assert_eq!((&request.kind, request.physical_resource_id.as_deref()), (&kind, resource));
        assert_eq!(
            (&json!(request.stack_id), &json!(request.request_id)),
            (&event["StackId"], &event["RequestId"])
        );
        let done = done(&failed, Some(&request), "r", Duration::from_secs(1)).await;
        // A stack can be deleted whatever is wrong with its settings.
        assert_eq!(matches!(done, Ok(Done::Nothing)), kind == Kind::Delete);
    }
    let by_hand = serde_json::from_str(include_str!("../../../events/migrate.json")).unwrap();
    assert_eq!(Request::of(&by_hand), None);
}

#[test]
fn half_of_a_short_time_is_for_the_answer_and_of_a_long_one_half_a_minute() {
    let now = || SystemTime::now().duration_since(UNIX_EPOCH).unwrap().as_millis() as u64;
    let within = |left_ms: u64, expected: u64| {
        let limit = limit(now() + left_ms);
        assert!(
            limit <= Duration::from_secs(expected)
                && limit + Duration::from_secs(1) > Duration::from_secs(expected),
            "{limit:?}"
        );
    };
    within(900_000, 870);
    within(10_000, 5);
    assert_eq!(limit(600_000), UNKNOWN_DEADLINE);
}

#[tokio::test]
async fn a_function_without_its_settings_says_which_one_is_missing() {
    let configured: Configured = Deployment::from_settings(&mut Settings::with(FUNCTION, |_| None));
    assert!(matches!(configured, Err(ConfigError::Missing(_))));
    let error = handle(&configured, &json!({}), "r", Duration::from_secs(1)).await.unwrap_err();
    assert_eq!(error.to_string(), "the environment variable DATABASE_URL is not set");
}

#[tokio::test]
async fn a_panic_is_an_answer_too() {
    let error = respond(None, async { panic!("a test's own") }).await.unwrap_err();
    assert_eq!(error.to_string(), "the function panicked: its log says where");
}

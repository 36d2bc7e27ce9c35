//! What needs no database. How it does with one is in `shared/tests/migrate`, as a process in `tests/process`.

use runplane::config::ConfigError;
use runplane::testing::check_settings;

use super::*;

#[tokio::test]
async fn it_reads_the_settings_that_the_table_lists_for_it() {
    check_settings(FUNCTION, async |settings| Deployment::from_settings(settings)).await;
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

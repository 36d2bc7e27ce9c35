use std::sync::Arc;

use super::*;
use crate::testing::{Sqs, captured_log};

/// Within a period, ten seconds before its end.
const NOW: Duration = Duration::from_secs(1_800_000_020);

fn ids(sqs: &Sqs) -> Vec<String> {
    let requests = sqs.requests();
    requests.iter().map(|request| request["MessageDeduplicationId"].as_str().unwrap().to_owned()).collect()
}

fn arm(sqs: &Sqs) -> Arm {
    Arm::new(Bell::new(sqs.client(), sqs.queue_url("sweep.fifo")))
}

#[test]
fn a_message_comes_after_the_end_of_its_period_however_early_it_was_sent() {
    assert!(DELAY >= PERIOD + Duration::from_secs(10), "and clocks may differ by that");
    assert!(NOW.as_secs() % PERIOD.as_secs() == 20);
}

#[tokio::test]
async fn an_environment_sends_one_message_in_a_period_and_one_in_the_next() {
    let sqs = Sqs::start().await;
    let arm = arm(&sqs);
    for _ in 0..3 {
        arm.arm_at(NOW).await;
    }
    arm.arm_at(NOW + Duration::from_millis(9_999)).await;
    let requests = sqs.requests();
    let [request] = requests.as_slice() else { panic!("{requests:?}") };
    assert_eq!(request["QueueUrl"], sqs.queue_url("sweep.fifo"));
    assert_eq!((&request["MessageBody"], &request["MessageGroupId"]), (&"{}".into(), &"all".into()));
    assert_eq!(request["MessageDeduplicationId"], "arm-60000000");
    arm.arm_at(NOW + Duration::from_secs(10)).await;
    assert_eq!(ids(&sqs), ["arm-60000001"]);
}

#[tokio::test]
async fn tasks_that_arm_at_once_ask_once() {
    let sqs = Sqs::start().await;
    let arm = Arc::new(arm(&sqs));
    futures_util::future::join_all((0..20).map(|_| arm.arm_at(NOW))).await;
    assert_eq!(ids(&sqs).len(), 1);
}

#[tokio::test]
async fn environments_that_arm_in_one_period_send_the_same_message() {
    let sqs = Sqs::start().await;
    for second in [0, 9] {
        arm(&sqs).arm_at(NOW + Duration::from_secs(second)).await;
    }
    assert_eq!(ids(&sqs), ["arm-60000000", "arm-60000000"], "of which SQS keeps one");
}

#[tokio::test]
async fn an_sqs_that_is_down_is_left_alone_for_five_seconds_and_then_asked_again() {
    let sqs = Sqs::start().await;
    let (log, _guard) = captured_log();
    let arm = arm(&sqs);
    sqs.set_down(true);
    for milliseconds in [0, 1, 1_000, 4_999] {
        arm.arm_at(NOW + Duration::from_millis(milliseconds)).await;
    }
    assert_eq!(ids(&sqs).len(), 1, "nobody waits for it meanwhile");
    arm.arm_at(NOW + Duration::from_secs(5)).await;
    assert_eq!(ids(&sqs).len(), 1);
    assert_eq!(log.lines_about("the sweep was not armed").len(), 2);

    sqs.set_down(false);
    arm.arm_at(NOW + Duration::from_secs(9)).await;
    assert_eq!(ids(&sqs), [""; 0]);
    for second in [10, 11] {
        arm.arm_at(NOW + Duration::from_secs(second)).await;
    }
    assert_eq!(ids(&sqs), ["arm-60000001"], "and what it took is remembered");
}

#[tokio::test]
async fn a_relay_says_for_when_it_is_and_is_another_message_in_each_period() {
    let sqs = Sqs::start().await;
    arm(&sqs).relay(1_900_000_000).await.unwrap();
    let requests = sqs.requests();
    let [request] = requests.as_slice() else { panic!("{requests:?}") };
    assert_eq!(request["MessageBody"], r#"{"at":1900000000}"#);
    let id = request["MessageDeduplicationId"].as_str().unwrap();
    let sent_in: u64 =
        id.strip_prefix("relay-").unwrap().strip_suffix("-1900000000").unwrap().parse().unwrap();
    assert!(period(since_1970()) - sent_in <= 1, "{id}");
}

#[tokio::test]
async fn the_sweep_is_told_when_it_cannot_arm() {
    let sqs = Sqs::start().await;
    let arm = arm(&sqs);
    arm.arm_again().await.unwrap();
    sqs.set_down(true);
    assert!(arm.arm_again().await.is_err());
    assert!(arm.relay(1_900_000_000).await.is_err());
}

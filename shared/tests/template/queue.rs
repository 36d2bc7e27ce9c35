//! The queues, the mappings that wake the worker, the sweep and what delivers events, and what the clock starts.

use runplane::functions::{FUNCTIONS, Trigger};
use serde_json::{Value, json};

use crate::template::{Template, attribute, reference, substitution};

/// Days that a message may lie in the dead-letter queue: as long as SQS allows.
const FOURTEEN_DAYS: u64 = 14 * 24 * 3600;

#[test]
fn the_queue_is_encrypted_and_gives_up_a_message_after_three_receives() {
    let template = Template::read();
    let queues = template.of_type("AWS::SQS::Queue");
    let names = [&"DeliverQueue", &"RunsDeadLetterQueue", &"RunsQueue", &"SweepQueue"];
    assert_eq!(queues.keys().collect::<Vec<_>>(), names);
    let (dead, runs) = (queues["RunsDeadLetterQueue"], queues["RunsQueue"]);
    assert_eq!(runs["QueueName"], substitution("${AWS::StackName}-runs"));
    assert_eq!(dead["QueueName"], substitution("${AWS::StackName}-runs-dlq"));
    assert!(runs.get("MessageRetentionPeriod").is_none(), "SQS keeps them for four days");
    for queue in queues.values() {
        let nothing = reference("AWS::NoValue");
        // By SQS itself, or by a key of one's own.
        assert_eq!(
            queue["SqsManagedSseEnabled"],
            json!({ "Fn::If": ["HasQueueKey", nothing.clone(), true] })
        );
        assert_eq!(
            queue["KmsMasterKeyId"],
            json!({ "Fn::If": ["HasQueueKey", reference("QueueKmsKeyArn"), nothing] })
        );
    }
    for queue in [dead, runs] {
        assert!(queue.get("FifoQueue").is_none(), "fair queues are standard queues");
    }
    let redrive =
        json!({ "deadLetterTargetArn": attribute("RunsDeadLetterQueue", "Arn"), "maxReceiveCount": 3 });
    assert_eq!(runs["RedrivePolicy"], redrive);
    assert_eq!(dead["MessageRetentionPeriod"], FOURTEEN_DAYS);
}

#[test]
fn the_local_queues_do_with_a_message_what_the_deployed_ones_do() {
    let template = Template::read();
    let local: Value = serde_json::from_str(include_str!("../../../localstack/queues.json")).unwrap();
    let [dead, runs, bells @ ..] = local["queues"].as_array().unwrap().as_slice() else { panic!("{local}") };
    let queues = template.of_type("AWS::SQS::Queue");
    assert_eq!(runs["dead_letter"]["max_receives"], queues["RunsQueue"]["RedrivePolicy"]["maxReceiveCount"]);
    let days = dead["attributes"]["MessageRetentionPeriod"].as_str().unwrap().parse::<u64>().unwrap();
    assert_eq!(queues["RunsDeadLetterQueue"]["MessageRetentionPeriod"], days);
    assert_eq!(bells.len(), BELLS.len());
    for (local, (_, queue, _)) in bells.iter().zip(BELLS) {
        let queue = queues[queue];
        for (name, value) in local["attributes"].as_object().unwrap() {
            assert_eq!(value.as_str().unwrap(), queue[name].to_string(), "{name}");
        }
    }
}

/// Functions that messages of a queue of their own invoke: the function, the queue, and the condition under which its mapping is at work.
const BELLS: [(&str, &str, &str); 2] =
    [("sweep", "SweepQueue", "Sweeps"), ("deliver", "DeliverQueue", "Delivers")];

#[test]
fn a_bell_keeps_one_message_of_those_with_an_id_and_gives_up_when_the_clock_has_struck() {
    let template = Template::read();
    let (queues, mappings) =
        (template.of_type("AWS::SQS::Queue"), template.of_type("AWS::Lambda::EventSourceMapping"));
    for (function, queue, condition) in BELLS {
        let (name, properties) = template.function(function);
        let mapping = mappings.values().find(|mapping| mapping["FunctionName"] == reference(name)).unwrap();
        assert_eq!(mapping["EventSourceArn"], attribute(queue, "Arn"), "{function}");
        assert_eq!(mapping["BatchSize"], 10, "{function}");
        assert_eq!(mapping["Enabled"], json!({ "Fn::If": [condition, true, false] }), "{function}");
        assert!(mapping.get("FunctionResponseTypes").is_none(), "{function}: a batch is one thing");
        assert!(mapping.get("ScalingConfig").is_none(), "{function}: one group is one batch at a time");
        let queue = queues[queue];
        assert_eq!(queue["QueueName"], substitution(&format!("${{AWS::StackName}}-{function}.fifo")));
        assert_eq!(queue["FifoQueue"], true, "{function}");
        assert!(queue.get("ContentBasedDeduplication").is_none(), "{function}: messages have ids");
        // Lambda refuses a mapping with less; and what failed is not to come much later.
        let (hidden, timeout) =
            (queue["VisibilityTimeout"].as_u64().unwrap(), properties["Timeout"].as_u64().unwrap());
        assert!((timeout + 10..=2 * timeout).contains(&hidden), "{function}");
        assert_eq!(queue["MessageRetentionPeriod"], 3600, "{function}");
        assert!(
            queue.get("RedrivePolicy").is_none(),
            "{function}: nobody reads what only says that it is time"
        );
    }
    assert_eq!(queues["SweepQueue"]["DelaySeconds"], runplane::arm::DELAY.as_secs());
    assert!(queues["DeliverQueue"].get("DelaySeconds").is_none(), "what is due is delivered at once");
    assert_eq!(mappings.len(), BELLS.len() + 1);
    for (state, condition) in [("SweepState", "Sweeps"), ("DeliverState", "Delivers")] {
        let enabled = json!({ "Fn::Equals": [reference(state), "ENABLED"] });
        assert_eq!(template.whole["Conditions"][condition], enabled);
    }
}

/// SQS must not give a message out again while the worker is still at work with it, should the worker fail to say so.
#[test]
fn a_message_stays_hidden_six_times_as_long_as_the_worker_may_take() {
    let template = Template::read();
    let timeout = template.function("worker").1["Timeout"].as_u64().unwrap();
    let hidden = template.of_type("AWS::SQS::Queue")["RunsQueue"]["VisibilityTimeout"].as_u64();
    assert_eq!(hidden, Some(6 * timeout));
}

#[test]
fn the_queue_wakes_the_worker_which_names_the_messages_that_have_to_come_again() {
    let template = Template::read();
    let mapping = template.of_type("AWS::Lambda::EventSourceMapping")["WorkerMapping"];
    assert_eq!(mapping["EventSourceArn"], attribute("RunsQueue", "Arn"));
    assert_eq!(mapping["FunctionName"], reference(template.function("worker").0));
    assert_eq!(mapping["FunctionResponseTypes"], json!(["ReportBatchItemFailures"]));
    assert_eq!(mapping["ScalingConfig"], json!({ "MaximumConcurrency": reference("WorkerConcurrency") }));
    assert_eq!(mapping["BatchSize"], 10);
    assert!(mapping.get("FilterCriteria").is_none(), "what is filtered out is deleted unseen");
    let least = &template.whole["Parameters"]["WorkerConcurrency"]["MinValue"];
    assert_eq!(least, 2, "SQS does not go lower");
}

#[test]
fn what_the_clock_starts_comes_every_hour_and_is_repeated_within_it() {
    let template = Template::read();
    let schedules = template.of_type("AWS::Scheduler::Schedule");
    let mut started = Vec::new();
    for (name, state) in [("DeliverSchedule", "DeliverState"), ("SweepSchedule", "SweepState")] {
        let schedule = schedules[name];
        assert_eq!(schedule["ScheduleExpression"], "rate(1 hour)", "{name}");
        assert_eq!(schedule["FlexibleTimeWindow"], json!({ "Mode": "OFF" }), "{name}");
        assert_eq!(schedule["State"], reference(state), "{name}");
        assert_eq!(template.whole["Parameters"][state]["Default"], "ENABLED", "{name}");
        assert_eq!(schedule["Target"]["Input"], "{}", "{name}");
        let again = json!({ "MaximumRetryAttempts": 5, "MaximumEventAgeInSeconds": 3600 });
        assert_eq!(schedule["Target"]["RetryPolicy"], again, "{name}");
        started.push(schedule["Target"]["Arn"].clone());
    }
    assert_eq!(schedules.len(), started.len());
    let by_clock: Vec<_> =
        ["deliver", "sweep"].map(|name| attribute(template.function(name).0, "Arn")).into();
    assert_eq!(started, by_clock);
    for row in FUNCTIONS.iter().filter(|row| row.trigger == Trigger::Bell) {
        let (name, function) = template.function(row.name);
        assert!(by_clock.contains(&attribute(name, "Arn")), "{name} has no schedule");
        let again = json!({ "MaximumRetryAttempts": 2, "MaximumEventAgeInSeconds": 3600 });
        assert_eq!(function["EventInvokeConfig"], again, "{name}");
    }
}

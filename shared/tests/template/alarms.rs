//! What somebody is told of, and the dashboard: they name metrics that there are, of functions that there are, and a runbook.

use std::collections::BTreeSet;

use runplane::functions::FUNCTIONS;
use runplane::metrics::{ALL, DIMENSION, NAMESPACE};
use serde_json::{Value, json};

use crate::template::{Template, attribute, reference, substitution};

const RUNBOOK: &str = include_str!("../../../docs/operations.md");

/// Where a metric comes from: its namespace and its name.
fn is_known(namespace: &str, name: &str) -> bool {
    match namespace {
        NAMESPACE => ALL.iter().any(|metric| metric.name == name),
        // As AWS documents them.
        "AWS/Lambda" => ["Invocations", "Errors", "Throttles", "ConcurrentExecutions"].contains(&name),
        "AWS/SQS" => {
            let depths = ["ApproximateNumberOfMessagesVisible", "ApproximateNumberOfMessagesNotVisible"];
            depths.contains(&name) || name == "ApproximateAgeOfOldestMessage"
        }
        "AWS/ApiGateway" => ["Count", "4xx", "5xx", "Latency"].contains(&name),
        "AWS/RDS" => ["DatabaseConnections", "FreeStorageSpace", "CPUUtilization"].contains(&name),
        _ => false,
    }
}

/// The dimension that a namespace has here, and whether `value` is one that the stack's own resources have.
fn is_ours(template: &Template, namespace: &str, dimension: &str, value: &Value) -> bool {
    let of_a_function = || {
        let functions = template.of_type("AWS::Serverless::Function");
        functions.keys().any(|name| *value == reference(name))
    };
    match (namespace, dimension) {
        (NAMESPACE, DIMENSION) | ("AWS/Lambda", "FunctionName") => of_a_function(),
        ("AWS/SQS", "QueueName") => {
            let watched = ["RunsDeadLetterQueue", "SweepQueue", "DeliverQueue"];
            watched.iter().any(|queue| *value == attribute(queue, "QueueName"))
        }
        ("AWS/ApiGateway", "ApiId") => *value == reference("Api"),
        ("AWS/RDS", "DBInstanceIdentifier") => *value == watched_database(),
        _ => false,
    }
}

/// The stack's own database, or one that is named.
fn watched_database() -> Value {
    json!({ "Fn::If": ["NewDatabase", reference("DatabaseInstance"), reference("DatabaseInstanceId")] })
}

/// About a database that nobody knows there is nothing to hear.
#[test]
fn the_database_is_watched_where_it_is_the_stacks_own_or_named() {
    let template = Template::read();
    let conditions = &template.whole["Conditions"];
    let named = json!({ "Fn::Not": [{ "Fn::Equals": [reference("DatabaseInstanceId"), ""] }] });
    let new = json!({ "Fn::Equals": [reference("Database"), "NEW"] });
    assert_eq!(conditions["WatchesDatabase"], json!({ "Fn::Or": [new, named] }));
    let both =
        json!({ "Fn::And": [{ "Fn::Condition": "HasAlarms" }, { "Fn::Condition": "WatchesDatabase" }] });
    assert_eq!(conditions["HasDatabaseAlarms"], both);
    for (name, alarm) in template.of_type("AWS::CloudWatch::Alarm") {
        if alarm["Namespace"] == "AWS/RDS" {
            assert_eq!(template.whole["Resources"][name]["Condition"], "HasDatabaseAlarms", "{name}");
        }
    }
}

#[test]
fn an_alarm_is_about_a_metric_that_there_is_and_tells_the_topic() {
    let template = Template::read();
    let alarms = template.of_type("AWS::CloudWatch::Alarm");
    assert!(alarms.len() >= 10, "{:?}", alarms.keys());
    for (name, alarm) in alarms {
        let condition = template.whole["Resources"][name]["Condition"].as_str();
        assert!(matches!(condition, Some("HasAlarms" | "HasDatabaseAlarms")), "{name}: {condition:?}");
        for actions in ["AlarmActions", "OKActions"] {
            assert_eq!(alarm[actions], json!([reference("AlarmTopic")]), "{name}");
        }
        let (namespace, metric) =
            (alarm["Namespace"].as_str().unwrap(), alarm["MetricName"].as_str().unwrap());
        assert!(is_known(namespace, metric), "{name}: {namespace} {metric}");
        let none = vec![];
        match alarm["Dimensions"].as_array().unwrap_or(&none).as_slice() {
            [one] => {
                let of = one["Name"].as_str().unwrap();
                assert!(is_ours(&template, namespace, of, &one["Value"]), "{name}: {one}");
            }
            // Of the whole account, by whose functions ours may be crowded out.
            [] => assert_eq!((namespace, metric), ("AWS/Lambda", "Throttles"), "{name}"),
            several => panic!("{name}: {several:?}"),
        }
    }
}

#[test]
fn an_alarm_says_where_its_runbook_is() {
    let template = Template::read();
    let mut names = BTreeSet::new();
    for (name, alarm) in template.of_type("AWS::CloudWatch::Alarm") {
        let named = alarm["AlarmName"]["Fn::Sub"].as_str().unwrap();
        let short = named.strip_prefix("${AWS::StackName}-").unwrap_or_else(|| panic!("{name}: {named}"));
        let description = alarm["AlarmDescription"].as_str().unwrap();
        assert!(description.ends_with(&format!(": docs/operations.md, Alarm: {short}")), "{description}");
        assert!(RUNBOOK.contains(&format!("\n#### Alarm: {short}\n")), "no runbook for {short}");
        names.insert(format!("#### Alarm: {short}"));
    }
    let written: BTreeSet<_> =
        RUNBOOK.lines().filter(|line| line.starts_with("#### Alarm: ")).map(str::to_owned).collect();
    assert_eq!(written, names, "a runbook for an alarm that is none");
}

/// An alarm that hears nothing says nothing, but for those about what the clock starts: without a sweep the others hear nothing. Nothing else comes by itself.
#[test]
fn silence_of_what_the_clock_starts_is_an_alarm() {
    let template = Template::read();
    for (name, alarm) in template.of_type("AWS::CloudWatch::Alarm") {
        let by_the_clock = ["SweepAlarm", "DeliverAlarm"].contains(&name);
        let silence = if by_the_clock { "breaching" } else { "notBreaching" };
        assert_eq!(alarm["TreatMissingData"], silence, "{name}");
        if by_the_clock {
            assert_eq!((&alarm["Period"], &alarm["Threshold"]), (&json!(2 * 3600), &json!(1)), "{name}");
            assert_eq!(alarm["ComparisonOperator"], "LessThanThreshold", "{name}");
        }
        let minutes = alarm["EvaluationPeriods"].as_u64().unwrap();
        assert!((1..=5).contains(&minutes), "{name}");
    }
}

/// What the queue keeps back is no alarm, nor one that waits while another one is at work.
#[test]
fn an_armed_sweep_that_does_not_come_is_an_alarm() {
    let template = Template::read();
    for (alarm, queue) in [("SweepWaitingAlarm", "SweepQueue"), ("DeliverWaitingAlarm", "DeliverQueue")] {
        let alarm = template.of_type("AWS::CloudWatch::Alarm")[alarm];
        assert_eq!(alarm["MetricName"], "ApproximateAgeOfOldestMessage");
        assert_eq!(alarm["Dimensions"][0]["Value"], attribute(queue, "QueueName"));
        let queue = template.of_type("AWS::SQS::Queue")[queue];
        let comes_after = queue["DelaySeconds"].as_u64().unwrap_or(0) + 2 * 60;
        // SQS shows no age of what was received three times in vain: by then it has to be heard.
        let third_time = 3 * queue["VisibilityTimeout"].as_u64().unwrap();
        let threshold = alarm["Threshold"].as_u64().unwrap();
        assert!(comes_after < threshold && threshold < third_time, "{threshold}");
    }
}

#[test]
fn the_dashboard_shows_metrics_that_there_are() {
    let template = Template::read();
    let (name, dashboard) = template.only("AWS::CloudWatch::Dashboard");
    assert_eq!(template.whole["Resources"][name]["Condition"], "HasDashboard");
    assert_eq!(dashboard["DashboardName"], reference("AWS::StackName"));
    let [text, parts] = dashboard["DashboardBody"]["Fn::Sub"].as_array().unwrap().as_slice() else {
        panic!("{dashboard}")
    };
    let text = text.as_str().unwrap();
    let [condition, database, nothing] = parts["OfTheDatabase"]["Fn::If"].as_array().unwrap().as_slice()
    else {
        panic!("{parts}")
    };
    assert_eq!((condition, nothing), (&json!("WatchesDatabase"), &json!("")));
    assert_eq!(database["Fn::Sub"][1], json!({ "Instance": watched_database() }));
    // With the database and without.
    assert!(serde_json::from_str::<Value>(&text.replace("${OfTheDatabase}", "")).is_ok());
    let text = text.replace("${OfTheDatabase}", database["Fn::Sub"][0].as_str().unwrap());
    // What CloudFormation puts in has no character that JSON would mind.
    let body: Value = serde_json::from_str(&text).unwrap();
    let mut shown = BTreeSet::new();
    for widget in body["widgets"].as_array().unwrap() {
        assert_eq!(widget["properties"]["region"], "${AWS::Region}");
        for metric in widget["properties"]["metrics"].as_array().unwrap() {
            let [namespace, name, dimension, value] =
                [0, 1, 2, 3].map(|place| metric[place].as_str().unwrap());
            assert!(is_known(namespace, name), "{metric}");
            let ours = match (namespace, dimension) {
                (NAMESPACE, DIMENSION) | ("AWS/Lambda", "FunctionName") => {
                    let of = value.strip_prefix("${AWS::StackName}-").unwrap();
                    FUNCTIONS.iter().any(|function| function.name == of)
                }
                ("AWS/SQS", "QueueName") => {
                    let queues = template.of_type("AWS::SQS::Queue");
                    queues.values().any(|queue| queue["QueueName"] == substitution(value))
                }
                ("AWS/ApiGateway", "ApiId") => value == "${Api}",
                ("AWS/RDS", "DBInstanceIdentifier") => value == "${Instance}",
                _ => false,
            };
            assert!(ours, "{metric}");
            shown.insert(name.to_owned());
        }
    }
    for metric in [
        "QueueWait",
        "RunDuration",
        "OldestQueued",
        "LeasesLost",
        "DbTime",
        "RunsFailed",
        "DatabaseConnections",
        "OldestEvent",
    ] {
        assert!(shown.contains(metric), "nobody sees {metric}");
    }
}

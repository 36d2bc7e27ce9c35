//! Nothing is in the template that no test looks at: a property that is new here needs a test, or a reason why none.

use std::collections::BTreeSet;

use serde_json::{Value, json};

use crate::template::Template;

/// Every type of resource, and the properties that it may have.
const KNOWN: [(&str, &[&str]); 16] = [
    ("AWS::ApiGatewayV2::Api", &["Name", "ProtocolType"]),
    (
        "AWS::ApiGatewayV2::Integration",
        &["ApiId", "IntegrationType", "IntegrationUri", "PayloadFormatVersion"],
    ),
    ("AWS::ApiGatewayV2::Route", &["ApiId", "RouteKey", "Target"]),
    (
        "AWS::ApiGatewayV2::Stage",
        &["AccessLogSettings", "ApiId", "AutoDeploy", "DefaultRouteSettings", "StageName"],
    ),
    (
        "AWS::CloudWatch::Alarm",
        &[
            "AlarmActions",
            "AlarmDescription",
            "AlarmName",
            "ComparisonOperator",
            "Dimensions",
            "EvaluationPeriods",
            "MetricName",
            "Namespace",
            "OKActions",
            "Period",
            "Statistic",
            "Threshold",
            "TreatMissingData",
        ],
    ),
    ("AWS::CloudWatch::Dashboard", &["DashboardBody", "DashboardName"]),
    ("AWS::IAM::Policy", &["PolicyDocument", "PolicyName", "Roles"]),
    ("AWS::IAM::Role", &["AssumeRolePolicyDocument", "Policies"]),
    (
        "AWS::Lambda::EventSourceMapping",
        &["BatchSize", "EventSourceArn", "FunctionName", "FunctionResponseTypes", "ScalingConfig"],
    ),
    ("AWS::Lambda::Permission", &["Action", "FunctionName", "Principal", "SourceArn"]),
    ("AWS::Logs::LogGroup", &["LogGroupName", "RetentionInDays"]),
    (
        "AWS::SQS::Queue",
        &[
            "MessageRetentionPeriod",
            "QueueName",
            "RedrivePolicy",
            "SqsManagedSseEnabled",
            "VisibilityTimeout",
        ],
    ),
    ("AWS::Scheduler::Schedule", &["FlexibleTimeWindow", "ScheduleExpression", "State", "Target"]),
    ("AWS::SecretsManager::Secret", &["Description", "Name"]),
    ("AWS::Serverless::Function", &FUNCTION),
    ("Custom::Migrations", &["DatabaseUrls", "Login", "Schema", "ServiceTimeout", "ServiceToken"]),
];

/// What a function may say, and Globals for all of them.
const FUNCTION: [&str; 14] = [
    "Architectures",
    "CodeUri",
    "Environment",
    "EventInvokeConfig",
    "FunctionName",
    "Handler",
    "LoggingConfig",
    "MemorySize",
    "ReservedConcurrentExecutions",
    "Role",
    "Runtime",
    "Tags",
    "Timeout",
    "VpcConfig",
];

#[test]
fn every_type_and_property_of_the_template_is_known_to_these_tests() {
    let template = Template::read();
    let mut types = BTreeSet::new();
    for (name, resource) in template.whole["Resources"].as_object().unwrap() {
        let kind = resource["Type"].as_str().unwrap();
        types.insert(kind);
        let known = KNOWN.iter().find(|(known, _)| *known == kind);
        let (_, known) = known.unwrap_or_else(|| panic!("{name} is a {kind}, which no test knows"));
        for property in resource["Properties"].as_object().unwrap().keys() {
            assert!(known.contains(&property.as_str()), "{name}: no test looks at {property}");
        }
        for attribute in resource.as_object().unwrap().keys() {
            let expected = ["Type", "Properties", "Metadata", "Condition"].contains(&attribute.as_str());
            assert!(expected, "{name}: no test looks at {attribute}");
        }
        let condition = match name.as_str() {
            _ if kind == "AWS::CloudWatch::Alarm" => json!("HasAlarms"),
            _ if kind == "AWS::CloudWatch::Dashboard" => json!("HasDashboard"),
            "NetworkInterfaces" => json!("InVpc"),
            "DatabaseConnect" => json!("LogsInByIam"),
            "Migrations" | "MigrateFunction" | "MigrateRole" | "MigrateLogGroup" | "OperatorKey" => {
                json!("Migrates")
            }
            _ => Value::Null,
        };
        assert_eq!(resource["Condition"], condition, "{name}: a condition that no test looks at");
    }
    assert_eq!(
        types,
        KNOWN.iter().map(|(kind, _)| *kind).collect(),
        "a known type that the template has not"
    );
    for property in template.whole["Globals"]["Function"].as_object().unwrap().keys() {
        assert!(FUNCTION.contains(&property.as_str()), "no test looks at {property} of Globals");
    }
    assert_eq!(template.whole["Globals"].as_object().unwrap().len(), 1);
    let conditions: Vec<_> = template.whole["Conditions"].as_object().unwrap().keys().collect();
    assert_eq!(
        conditions,
        [
            "HasAlarms",
            "HasDashboard",
            "HasOutputBucket",
            "HasStepFunctions",
            "HasStepQueues",
            "InVpc",
            "LimitsConcurrency",
            "LogsInByIam",
            "Migrates"
        ],
        "a condition that no test looks at"
    );
}

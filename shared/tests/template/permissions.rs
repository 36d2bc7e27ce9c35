//! Who may do what: each function has a role of its own, which allows what the table lists.

use std::collections::BTreeSet;

use runplane::config::Setting;
use runplane::functions::{FUNCTIONS, Trigger};
use serde_json::{Value, json};

use crate::template::{Template, attribute, reference, substitution};

/// What an event source mapping does with its queue, under the function's role.
const OF_THE_MAPPING: [&str; 3] = ["sqs:DeleteMessage", "sqs:GetQueueAttributes", "sqs:ReceiveMessage"];
/// What is done with large outputs of steps.
const OF_THE_BUCKET: [&str; 2] = ["s3:GetObject", "s3:PutObject"];
/// What Lambda does to write a log, under the function's role. The group is there already.
const OF_THE_LOG: [&str; 2] = ["logs:CreateLogStream", "logs:PutLogEvents"];

/// The name of a role and its properties, from a `!GetAtt <role>.Arn`.
fn role<'a>(template: &'a Template, arn: &'a Value) -> (&'a str, &'a Value) {
    let name = arn["Fn::GetAtt"].as_str().and_then(|text| text.strip_suffix(".Arn"));
    let name = name.unwrap_or_else(|| panic!("{arn} is no role of the template"));
    let roles = template.of_type("AWS::IAM::Role");
    (name, roles.get(name).copied().unwrap_or_else(|| panic!("there is no role {name}")))
}

/// Conditions under which something is allowed, or denied, and the parameter or the resource that each is about.
const OPTIONAL: [(&str, &str); 4] = [
    ("Migrates", "OperatorKey"),
    ("HasOutputBucket", "OutputBucket"),
    ("HasStepFunctions", "StepFunctionArns"),
    ("HasStepQueues", "StepQueueArns"),
];

/// Every action that a role allows, with what it allows it on; what it denies begins with `not `. Nothing but plain permissions is understood.
fn allowed(name: &str, role: &Value) -> BTreeSet<(String, String)> {
    let mut found = BTreeSet::new();
    for policy in role["Policies"].as_array().unwrap_or_else(|| panic!("{name} has no policies")) {
        for statement in policy["PolicyDocument"]["Statement"].as_array().unwrap() {
            // Only where there is something to allow it on.
            let statement = match statement["Fn::If"].as_array().map(Vec::as_slice) {
                Some([condition, statement, nothing]) => {
                    let on = statement["Resource"].to_string();
                    let of = OPTIONAL.iter().find(|(name, _)| condition == name);
                    let (_, parameter) = of.unwrap_or_else(|| panic!("{name}: no test knows {condition}"));
                    assert!(on.contains(parameter), "{name}: {condition} is not about {on}");
                    assert_eq!(*nothing, reference("AWS::NoValue"), "{name}");
                    statement
                }
                _ => statement,
            };
            let prefix = match statement["Effect"].as_str() {
                Some("Allow") => "",
                Some("Deny") => "not ",
                other => panic!("{name}: {other:?}"),
            };
            let unknown: Vec<_> = statement
                .as_object()
                .unwrap()
                .keys()
                .filter(|key| !["Effect", "Action", "Resource"].contains(&key.as_str()))
                .collect();
            assert!(unknown.is_empty(), "{name}: {unknown:?}");
            let actions = match &statement["Action"] {
                Value::Array(actions) => actions.clone(),
                action => vec![action.clone()],
            };
            for action in actions {
                let action = action.as_str().unwrap().to_owned();
                assert!(!action.contains('*'), "{name} allows {action}");
                assert!(
                    found.insert((format!("{prefix}{action}"), statement["Resource"].to_string())),
                    "{name} allows something twice"
                );
            }
        }
    }
    found
}

fn on(resource: &Value, actions: impl IntoIterator<Item = &'static str>) -> BTreeSet<(String, String)> {
    actions.into_iter().map(|action| (action.to_owned(), resource.to_string())).collect()
}

#[test]
fn a_function_may_call_what_the_table_lists_and_no_more() {
    let template = Template::read();
    let mut roles = BTreeSet::new();
    for row in &FUNCTIONS {
        let (name, function) = template.function(row.name);
        let (role, properties) = role(&template, &function["Role"]);
        assert!(roles.insert(role), "{role} is of two functions");

        let log = function["LoggingConfig"]["LogGroup"]["Ref"].as_str().unwrap();
        let mut expected = on(&attribute(log, "Arn"), OF_THE_LOG);
        let queue = attribute("RunsQueue", "Arn");
        expected.extend(on(&queue, row.calls.iter().map(|call| call.action())));
        if row.trigger == Trigger::Queue {
            expected.extend(on(&queue, OF_THE_MAPPING));
        }
        if row.settings.contains(&Setting::OutputBucket) {
            let objects = substitution("arn:${AWS::Partition}:s3:::${OutputBucket}/*");
            expected.extend(on(&objects, OF_THE_BUCKET));
            let given = json!({ "Fn::Not": [{ "Fn::Equals": [reference("OutputBucket"), ""] }] });
            assert_eq!(template.whole["Conditions"]["HasOutputBucket"], given);
        }
        if row.settings.contains(&Setting::SecretsPrefix) {
            let secrets = "arn:${AWS::Partition}:secretsmanager:${AWS::Region}:${AWS::AccountId}:secret:${SecretsPrefix}*";
            expected.extend(on(&substitution(secrets), ["secretsmanager:GetSecretValue"]));
            // The prefix may be the beginning of the stack's name: an operator's key is no secret of a step.
            expected.extend(on(&attribute("OperatorKey", "Id"), ["not secretsmanager:GetSecretValue"]));
            // It reaches what steps reach: of functions and queues only those that are named.
            for (condition, parameter, action) in [
                ("HasStepFunctions", "StepFunctionArns", "lambda:InvokeFunction"),
                ("HasStepQueues", "StepQueueArns", "sqs:SendMessage"),
            ] {
                expected.extend(on(&reference(parameter), [action]));
                let named = json!({ "Fn::Join": ["", reference(parameter)] });
                let given = json!({ "Fn::Not": [{ "Fn::Equals": [named, ""] }] });
                assert_eq!(template.whole["Conditions"][condition], given);
                assert_eq!(template.whole["Parameters"][parameter]["Default"], "", "{parameter}");
            }
        }
        if row.settings.contains(&Setting::OperatorKeySecret) {
            expected.extend(on(&attribute("OperatorKey", "Id"), ["secretsmanager:PutSecretValue"]));
        }
        assert_eq!(allowed(role, properties), expected, "{name}");
    }
    let all = template.of_type("AWS::IAM::Role");
    let others: Vec<_> = all.keys().filter(|name| !roles.contains(*name)).collect();
    assert_eq!(others, [&"SweepScheduleRole"]);
}

/// Lambda takes functions into subnets under their roles. It is one policy, which is removed last when the subnets are taken away.
#[test]
fn in_subnets_lambda_may_do_with_network_interfaces_what_it_has_to_and_the_functions_may_not() {
    let template = Template::read();
    let (name, policy) = ("NetworkInterfaces", template.of_type("AWS::IAM::Policy")["NetworkInterfaces"]);
    assert_eq!(template.whole["Resources"][name]["Condition"], "InVpc");
    let given = |parameter: &str| json!({ "Fn::Not": [{ "Fn::Equals": [{ "Fn::Join": ["", reference(parameter)] }, ""] }] });
    let either = json!({ "Fn::Or": [given("SubnetIds"), given("SecurityGroupIds")] });
    assert_eq!(template.whole["Conditions"]["InVpc"], either);

    let [allow, deny] = policy["PolicyDocument"]["Statement"].as_array().unwrap().as_slice() else {
        panic!("{policy}")
    };
    let interfaces = [
        "ec2:CreateNetworkInterface",
        "ec2:DescribeNetworkInterfaces",
        "ec2:DescribeSubnets",
        "ec2:DeleteNetworkInterface",
        "ec2:AssignPrivateIpAddresses",
        "ec2:UnassignPrivateIpAddresses",
    ];
    assert_eq!(allow, &json!({ "Effect": "Allow", "Action": interfaces, "Resource": "*" }));
    let functions =
        "arn:${AWS::Partition}:lambda:${AWS::Region}:${AWS::AccountId}:function:${AWS::StackName}-*";
    let code = json!({ "ArnLike": { "lambda:SourceFunctionArn": substitution(functions) } });
    assert_eq!(deny, &json!({ "Effect": "Deny", "Action": "ec2:*", "Resource": "*", "Condition": code }));

    let roles: BTreeSet<_> = policy["Roles"].as_array().unwrap().iter().map(Value::to_string).collect();
    let tag = json!({ "Fn::If": ["InVpc", reference(name), "none"] });
    let subnets =
        json!({ "SubnetIds": reference("SubnetIds"), "SecurityGroupIds": reference("SecurityGroupIds") });
    let expected = json!({ "Fn::If": ["InVpc", subnets, reference("AWS::NoValue")] });
    for row in &FUNCTIONS {
        let (name, function) = template.function(row.name);
        let mut of_role = reference(role(&template, &function["Role"]).0);
        if row.trigger == Trigger::Deployment {
            of_role = json!({ "Fn::If": ["Migrates", of_role, reference("AWS::NoValue")] });
        }
        assert!(roles.contains(&of_role.to_string()), "{name}");
        assert_eq!(template.property(function, "VpcConfig"), &expected, "{name}");
        // SAM adds the tags of a function to those of Globals.
        assert!(function["Tags"].get("network-interfaces").is_none(), "{name}");
    }
    let tags = &template.whole["Globals"]["Function"]["Tags"];
    assert_eq!(tags["network-interfaces"], tag, "functions do not wait for the policy");
    assert_eq!(roles.len(), FUNCTIONS.len());
}

/// One policy for all of them, which is removed last when passwords come back. The owner has a password in any case.
#[test]
fn with_tokens_for_passwords_every_function_but_migrate_may_connect_as_the_one_role_that_is_named() {
    let template = Template::read();
    let policies = template.of_type("AWS::IAM::Policy");
    assert_eq!(policies.keys().collect::<Vec<_>>(), [&"DatabaseConnect", &"NetworkInterfaces"]);
    let policy = policies["DatabaseConnect"];
    assert_eq!(template.whole["Resources"]["DatabaseConnect"]["Condition"], "LogsInByIam");
    let by_iam = json!({ "Fn::Equals": [reference("DatabaseLogin"), "iam"] });
    assert_eq!(template.whole["Conditions"]["LogsInByIam"], by_iam);
    let allow =
        json!({ "Effect": "Allow", "Action": ["rds-db:connect"], "Resource": reference("DatabaseResource") });
    assert_eq!(policy["PolicyDocument"]["Statement"], json!([allow]));
    let parameter = &template.whole["Parameters"]["DatabaseResource"];
    assert_eq!(parameter["Default"], "");
    // A role of its own in a database of its own.
    assert_eq!(parameter["AllowedPattern"], "(arn:[a-z-]+:rds-db:.+:dbuser:[^*]+/[^*]+)?");

    let given: BTreeSet<_> = policy["Roles"].as_array().unwrap().iter().map(Value::to_string).collect();
    let others = FUNCTIONS.iter().filter(|row| row.trigger != Trigger::Deployment);
    let expected: BTreeSet<_> = others
        .map(|row| reference(role(&template, &template.function(row.name).1["Role"]).0).to_string())
        .collect();
    assert_eq!(given, expected);
    let tag = json!({ "Fn::If": ["LogsInByIam", reference("DatabaseConnect"), "none"] });
    let tags = &template.whole["Globals"]["Function"]["Tags"];
    assert_eq!(tags["database-login"], tag, "functions do not wait for the policy");
}

#[test]
fn a_role_is_taken_on_by_the_service_that_it_is_for_and_by_nobody_else() {
    let template = Template::read();
    for (name, properties) in template.of_type("AWS::IAM::Role") {
        let mut statement = json!({ "Effect": "Allow", "Action": "sts:AssumeRole" });
        if name == "SweepScheduleRole" {
            statement["Principal"] = json!({ "Service": "scheduler.amazonaws.com" });
            // The service acts for everybody's schedules.
            statement["Condition"] =
                json!({ "StringEquals": { "aws:SourceAccount": reference("AWS::AccountId") } });
        } else {
            statement["Principal"] = json!({ "Service": "lambda.amazonaws.com" });
        }
        let expected = json!({ "Version": "2012-10-17", "Statement": [statement] });
        assert_eq!(properties["AssumeRolePolicyDocument"], expected, "{name}");
    }
}

#[test]
fn the_schedule_may_invoke_the_sweep_and_nothing_else() {
    let template = Template::read();
    let (_, schedule) = template.only("AWS::Scheduler::Schedule");
    let (role, properties) = role(&template, &schedule["Target"]["RoleArn"]);
    let sweep = attribute(template.function("sweep").0, "Arn");
    assert_eq!(allowed(role, properties), on(&sweep, ["lambda:InvokeFunction"]));
}

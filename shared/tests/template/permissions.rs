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
const OPTIONAL: [(&str, &str); 9] = [
    ("Migrates", "OperatorKey"),
    ("NewDatabase", "DatabaseInstance.MasterUserSecret"),
    ("HasOwnerPasswordSecret", "OwnerPasswordSecretArn"),
    ("HasQueueKey", "QueueKmsKeyArn"),
    ("HasSecretsKey", "SecretsKmsKeyArn"),
    ("HasEventBus", "EventBus"),
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
        for (setting, queue) in BELLS {
            let queue = attribute(queue, "Arn");
            if row.settings.contains(&setting) {
                expected.extend(on(&queue, ["sqs:SendMessage"]));
            }
        }
        if row.trigger == Trigger::Bell {
            let queue = queue_of(&template, row.name);
            expected.extend(on(&queue, OF_THE_MAPPING));
        }
        let queues = [Setting::RunsQueueUrl, Setting::SweepQueueUrl, Setting::DeliverQueueUrl];
        if row.trigger == Trigger::Bell || queues.iter().any(|queue| row.settings.contains(queue)) {
            // What SQS does with a key of one's own, it does as whoever asks it.
            expected.extend(on(&reference("QueueKmsKeyArn"), ["kms:Decrypt", "kms:GenerateDataKey"]));
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
            for of_nobody in
                [attribute("OperatorKey", "Id"), owner_of_new_database(), reference("OwnerPasswordSecretArn")]
            {
                expected.extend(on(&of_nobody, ["not secretsmanager:GetSecretValue"]));
            }
            expected.extend(on(&reference("SecretsKmsKeyArn"), ["kms:Decrypt"]));
        }
        // What runs steps reaches what they reach: of functions and queues only those that are named.
        if row.trigger == Trigger::Queue {
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
        if row.settings.contains(&Setting::EventBus) {
            expected.extend(on(&reference("EventBus"), ["events:PutEvents"]));
            let given = json!({ "Fn::Not": [{ "Fn::Equals": [reference("EventBus"), ""] }] });
            assert_eq!(template.whole["Conditions"]["HasEventBus"], given);
        }
        if row.settings.contains(&Setting::OperatorKeySecret) {
            let actions = ["secretsmanager:DescribeSecret", "secretsmanager:PutSecretValue"];
            expected.extend(on(&attribute("OperatorKey", "Id"), actions));
            expected.extend(on(&reference("SecretsKmsKeyArn"), ["kms:Decrypt", "kms:GenerateDataKey"]));
        }
        if row.settings.contains(&Setting::OwnerPasswordSecret) {
            for owner in [owner_of_new_database(), reference("OwnerPasswordSecretArn")] {
                expected.extend(on(&owner, ["secretsmanager:GetSecretValue"]));
            }
        }
        assert_eq!(allowed(role, properties), expected, "{name}");
    }
    let all = template.of_type("AWS::IAM::Role");
    let others: Vec<_> = all.keys().filter(|name| !roles.contains(*name)).collect();
    assert_eq!(others, [&"DeliverScheduleRole", &"ProxyRole", &"SweepScheduleRole"]);
}

/// Queues that functions send to besides, each by the setting that says where it is.
const BELLS: [(Setting, &str); 2] =
    [(Setting::SweepQueueUrl, "SweepQueue"), (Setting::DeliverQueueUrl, "DeliverQueue")];

/// The queue of the mapping that invokes a function.
fn queue_of(template: &Template, function: &str) -> Value {
    let name = reference(template.function(function).0);
    let mappings = template.of_type("AWS::Lambda::EventSourceMapping");
    let mapping = mappings.values().find(|mapping| mapping["FunctionName"] == name).unwrap();
    mapping["EventSourceArn"].clone()
}

/// The secret that RDS makes for the owner of the stack's own database.
fn owner_of_new_database() -> Value {
    attribute("DatabaseInstance", "MasterUserSecret.SecretArn")
}

/// What all functions may do where a parameter asks for it, by the condition and the tag with which they wait for it.
const OF_ALL: [(&str, &str, &str); 4] = [
    ("NetworkInterfaces", "InVpc", "network-interfaces"),
    ("DatabaseLogins", "LogsInByIam", "database-logins"),
    ("VariablesKey", "HasSecretsKey", "variables-key"),
    ("Traces", "SendsTraces", "traces"),
];

/// A policy of its own for each, which goes when no function needs it any more: AWS still acts under the roles until then.
#[test]
fn what_all_functions_may_do_is_there_before_them_and_as_long_as_they_are() {
    let template = Template::read();
    let policies = template.of_type("AWS::IAM::Policy");
    assert_eq!(policies.len(), OF_ALL.len());
    let tags = &template.whole["Globals"]["Function"]["Tags"];
    for (name, condition, tag) in OF_ALL {
        assert_eq!(template.whole["Resources"][name]["Condition"], condition, "{name}");
        assert_eq!(policies[name]["PolicyName"], tag, "{name}");
        let expected = json!({ "Fn::If": [condition, reference(name), "none"] });
        assert_eq!(tags[tag], expected, "functions do not wait for {name}");
        let roles: BTreeSet<_> =
            policies[name]["Roles"].as_array().unwrap().iter().map(Value::to_string).collect();
        // The owner has a password in any case.
        let functions =
            FUNCTIONS.iter().filter(|row| name != "DatabaseLogins" || row.trigger != Trigger::Deployment);
        let mut expected = BTreeSet::new();
        for row in functions {
            let (function, properties) = template.function(row.name);
            let mut of_role = reference(role(&template, &properties["Role"]).0);
            if row.trigger == Trigger::Deployment {
                of_role = json!({ "Fn::If": ["Migrates", of_role, reference("AWS::NoValue")] });
            }
            assert!(roles.contains(&of_role.to_string()), "{name} is not for {function}");
            expected.insert(of_role.to_string());
        }
        assert_eq!(roles, expected, "{name}");
    }
}

#[test]
fn functions_log_in_to_the_database_as_one_user_and_so_does_the_proxy() {
    let template = Template::read();
    let user = |of: &str| {
        format!("arn:${{AWS::Partition}}:rds-db:${{AWS::Region}}:${{AWS::AccountId}}:dbuser:${{{of}}}")
    };
    let instance = substitution(&format!("{}/runplane", user("DatabaseInstance.DbiResourceId")));
    // A proxy's ARN is arn:…:rds:…:…:db-proxy:<resource id>.
    let id = json!({ "Fn::Select": [6, { "Fn::Split": [":", attribute("Proxy", "DBProxyArn")] }] });
    let proxy = json!({ "Fn::Sub": [format!("{}/runplane", user("ProxyId")), { "ProxyId": id }] });
    let named = substitution(&user("DatabaseLoginUser"));
    let new = json!({ "Fn::If": ["NewDatabase", instance, named] });
    let resource = json!({ "Fn::If": ["HasProxy", proxy, new] });
    let statement = json!([{ "Effect": "Allow", "Action": "rds-db:connect", "Resource": resource }]);
    let policies = template.of_type("AWS::IAM::Policy");
    assert_eq!(policies["DatabaseLogins"]["PolicyDocument"]["Statement"], statement);
    let of_proxy = template.of_type("AWS::IAM::Role")["ProxyRole"];
    assert_eq!(allowed("ProxyRole", of_proxy), on(&instance, ["rds-db:connect"]));
}

#[test]
fn lambda_reads_variables_with_the_key_and_sends_traces_and_may_do_nothing_else_for_all() {
    let template = Template::read();
    let policies = template.of_type("AWS::IAM::Policy");
    let functions =
        "arn:${AWS::Partition}:lambda:${AWS::Region}:${AWS::AccountId}:function:${AWS::StackName}-*";
    let context =
        json!({ "ArnLike": { "kms:EncryptionContext:aws:lambda:FunctionArn": substitution(functions) } });
    let decrypt = json!([{ "Effect": "Allow", "Action": "kms:Decrypt", "Resource": reference("SecretsKmsKeyArn"), "Condition": context }]);
    assert_eq!(policies["VariablesKey"]["PolicyDocument"]["Statement"], decrypt);
    let send = ["xray:PutTraceSegments", "xray:PutTelemetryRecords"];
    let send = json!([{ "Effect": "Allow", "Action": send, "Resource": "*" }]);
    assert_eq!(policies["Traces"]["PolicyDocument"]["Statement"], send);
}

/// Lambda takes functions into subnets under their roles.
#[test]
fn in_subnets_lambda_may_do_with_network_interfaces_what_it_has_to_and_the_functions_may_not() {
    let template = Template::read();
    let policy = template.of_type("AWS::IAM::Policy")["NetworkInterfaces"];
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
}

/// What AWS lets nobody narrow down, and nothing else.
#[test]
fn a_permission_on_everything_is_one_that_aws_forces() {
    let template = Template::read();
    let policies = template.of_type("AWS::IAM::Policy").into_iter().chain(template.of_type("AWS::IAM::Role"));
    let wide: BTreeSet<_> = policies
        .filter(|(_, policy)| policy.to_string().contains(r#""Resource":"*""#))
        .map(|(name, _)| name)
        .collect();
    assert_eq!(wide, BTreeSet::from(["NetworkInterfaces", "Traces"]));
}

#[test]
fn a_role_is_taken_on_by_the_service_that_it_is_for_and_by_nobody_else() {
    let template = Template::read();
    for (name, properties) in template.of_type("AWS::IAM::Role") {
        let mut statement = json!({ "Effect": "Allow", "Action": "sts:AssumeRole" });
        let for_everybody = match name {
            "DeliverScheduleRole" | "SweepScheduleRole" => Some("scheduler.amazonaws.com"),
            "ProxyRole" => Some("rds.amazonaws.com"),
            _ => None,
        };
        if let Some(service) = for_everybody {
            statement["Principal"] = json!({ "Service": service });
            // The service acts for everybody's schedules and proxies.
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
fn a_schedule_may_invoke_its_function_and_nothing_else() {
    let template = Template::read();
    let schedules = template.of_type("AWS::Scheduler::Schedule");
    for row in FUNCTIONS.iter().filter(|row| row.trigger == Trigger::Bell) {
        let arn = attribute(template.function(row.name).0, "Arn");
        let (_, schedule) = schedules.iter().find(|(_, schedule)| schedule["Target"]["Arn"] == arn).unwrap();
        let (role, properties) = role(&template, &schedule["Target"]["RoleArn"]);
        assert_eq!(allowed(role, properties), on(&arn, ["lambda:InvokeFunction"]));
    }
}

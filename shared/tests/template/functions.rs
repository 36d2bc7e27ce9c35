//! Each function: what it is built from, where it logs, what it is given to read, how long it may take.

use std::collections::{BTreeMap, BTreeSet};

use runplane::config::{RETENTION_DAYS, Setting, Settings, WORKER_LEASE_SECONDS};
use runplane::functions::{FUNCTIONS, Trigger, named};
use serde_json::{Value, json};

use crate::template::{Template, attribute, reference, substitution};

/// An HTTP API waits no longer for a function.
const API_GIVES_UP_SECONDS: u64 = 30;

#[test]
fn the_template_has_the_functions_of_the_table_and_no_others() {
    let template = Template::read();
    let functions = template.of_type("AWS::Serverless::Function");
    let built: BTreeSet<_> = functions.keys().map(|name| template.binary(name)).collect();
    assert_eq!(built, FUNCTIONS.iter().map(|function| function.name).collect());
    assert_eq!(functions.len(), FUNCTIONS.len());
    assert!(template.of_type("AWS::Lambda::Function").is_empty());
}

#[test]
fn every_function_runs_on_the_architecture_of_the_parameter_which_is_arm64() {
    let template = Template::read();
    let parameter = &template.whole["Parameters"]["Architecture"];
    assert_eq!(
        (&parameter["Default"], &parameter["AllowedValues"]),
        (&json!("arm64"), &json!(["arm64", "x86_64"]))
    );
    for (name, function) in template.of_type("AWS::Serverless::Function") {
        assert_eq!(
            template.property(function, "Architectures"),
            &json!([reference("Architecture")]),
            "{name}"
        );
        assert_eq!(template.property(function, "Runtime"), "provided.al2023", "{name}");
        assert_eq!(template.property(function, "Handler"), "bootstrap", "{name}");
        assert!(template.property(function, "MemorySize").is_u64(), "{name}");
    }
}

#[test]
fn a_function_is_given_the_settings_that_it_reads_and_no_others() {
    let template = Template::read();
    for row in &FUNCTIONS {
        let (name, function) = template.function(row.name);
        let mut given = BTreeMap::new();
        for variables in [&template.whole["Globals"]["Function"], function] {
            given.extend(variables["Environment"]["Variables"].as_object().into_iter().flatten());
        }
        let globals = template.whole["Globals"]["Function"]["Environment"]["Variables"].as_object().unwrap();
        if row.routes().is_empty() {
            // Globals are for all: who lets nobody in need not read whom others do.
            let unread = |name: &str| OIDC.iter().any(|setting| setting.name() == name);
            given.retain(|name, _| !(unread(name) && globals.contains_key(name.as_str())));
        }
        if row.trigger == Trigger::Deployment {
            // It goes past a pooler.
            given.remove(&Setting::DbPooler.name().to_owned());
            // And has to do with no run.
            given.remove(&Setting::OtlpEndpoint.name().to_owned());
        }
        let expected: Vec<_> = row
            .settings
            .iter()
            .filter_map(|setting| Some((setting.name().to_owned(), value(*setting)?)))
            .collect();
        let expected: BTreeMap<_, _> = expected.iter().map(|(name, value)| (name, value)).collect();
        assert_eq!(given, expected, "{name}");
    }
}

/// What says whose tokens are taken.
const OIDC: [Setting; 5] = [
    Setting::OidcIssuer,
    Setting::OidcAudience,
    Setting::OidcJwks,
    Setting::OidcTenantClaim,
    Setting::OidcRolesClaim,
];

/// What a setting's value is. None: no template can express it.
fn value(setting: Setting) -> Option<Value> {
    let of = parameter(setting)?;
    let choose =
        |condition: &str, then: Value, otherwise: Value| json!({ "Fn::If": [condition, then, otherwise] });
    // Of the stack's own database. No password, and the server has to prove who it is.
    let url = |user: &str, host: &str| {
        substitution(&format!("postgres://{user}@${{{host}}}:5432/runplane?sslmode=verify-full"))
    };
    let instance = "DatabaseInstance.Endpoint.Address";
    Some(match setting {
        Setting::DatabaseUrl => choose(
            "HasProxy",
            url("runplane", "Proxy.Endpoint"),
            choose("NewDatabase", url("runplane", instance), reference(of)),
        ),
        // Never by a proxy: the migrations' lock is one of the session.
        Setting::OwnerDatabaseUrl => choose("NewDatabase", url("runplane_owner", instance), reference(of)),
        Setting::OwnerPasswordSecret => {
            choose("NewDatabase", attribute("DatabaseInstance", "MasterUserSecret.SecretArn"), reference(of))
        }
        Setting::DbLogin => choose(of, "iam".into(), "password".into()),
        // RDS Proxy refuses the settings that go with a connection otherwise (docs/decisions/0029).
        Setting::DbPooler => choose("HasProxy", "transaction".into(), reference(of)),
        // Its ARN.
        Setting::OperatorKeySecret => attribute(of, "Id"),
        _ => reference(of),
    })
}

/// Where a setting's value comes from. None: no template can express it.
fn parameter(setting: Setting) -> Option<&'static str> {
    Some(match setting {
        Setting::DatabaseUrl => "DatabaseUrl",
        Setting::OwnerDatabaseUrl => "OwnerDatabaseUrl",
        Setting::OwnerPasswordSecret => "OwnerPasswordSecretArn",
        // A condition.
        Setting::DbLogin => "LogsInByIam",
        Setting::OperatorKeySecret => "OperatorKey",
        Setting::DbPooler => "DatabasePooler",
        Setting::RunsQueueUrl => "RunsQueue",
        Setting::SweepQueueUrl => "SweepQueue",
        Setting::DeliverQueueUrl => "DeliverQueue",
        Setting::OutputBucket => "OutputBucket",
        Setting::SecretsPrefix => "SecretsPrefix",
        Setting::RetentionDays => "RetentionDays",
        Setting::EventBus => "EventBus",
        Setting::WorkerLeaseSeconds => "WorkerLeaseSeconds",
        Setting::OidcIssuer => "OidcIssuer",
        Setting::OidcAudience => "OidcAudience",
        Setting::OidcJwks => "OidcJwks",
        Setting::OidcTenantClaim => "OidcTenantClaim",
        Setting::OidcRolesClaim => "OidcRolesClaim",
        Setting::OtlpEndpoint => "OtlpEndpoint",
        Setting::Auth => return None,
    })
}

#[test]
fn whether_callers_are_asked_who_they_are_is_nothing_that_a_template_can_say() {
    let path = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("../template.yaml");
    let text = std::fs::read_to_string(path).unwrap();
    let says = text.lines().find(|line| line.trim_start().starts_with(&format!("{}:", Setting::Auth.name())));
    assert_eq!(says, None);
    assert!(!text.contains("AuthorizationType"), "the Authorization header is for the functions");
}

/// The bounds of a parameter are those of the code: a stack that CloudFormation accepts does not refuse to work.
#[test]
fn a_parameter_takes_what_its_function_takes_and_has_the_same_default() {
    let template = Template::read();
    for (name, number) in [("RetentionDays", RETENTION_DAYS), ("WorkerLeaseSeconds", WORKER_LEASE_SECONDS)] {
        let parameter = &template.whole["Parameters"][name];
        assert_eq!(parameter["Type"], "Number", "{name}");
        let bounds = [("MinValue", number.least), ("MaxValue", number.most), ("Default", number.default)];
        for (field, expected) in bounds {
            assert_eq!(parameter[field], expected, "{name} {field}");
        }
    }
    for login in template.whole["Parameters"]["DatabaseLogin"]["AllowedValues"].as_array().unwrap() {
        let login = login.as_str().unwrap().to_owned();
        let mut settings = Settings::with(named("claim"), move |_| Some(login.clone().into()));
        settings.login_by().unwrap();
    }
    assert_eq!(template.whole["Parameters"]["DatabaseLogin"]["Default"], "password");
    let poolers = template.whole["Parameters"]["DatabasePooler"]["AllowedValues"].as_array().unwrap();
    for pooler in poolers {
        let pooler = pooler.as_str().unwrap().to_owned();
        let mut settings = Settings::with(named("claim"), move |_| Some(pooler.clone().into()));
        settings.pooler().unwrap();
    }
    assert_eq!(template.whole["Parameters"]["DatabasePooler"]["Default"], "none");
}

/// Metrics are lines of the log without a level, which Lambda takes for INFO: from WARN on it would drop them.
#[test]
fn functions_log_json_from_a_level_on_that_lets_metrics_pass() {
    let template = Template::read();
    let parameter = &template.whole["Parameters"]["LogLevel"];
    assert_eq!(
        (&parameter["Default"], &parameter["AllowedValues"]),
        (&json!("INFO"), &json!(["DEBUG", "INFO"]))
    );
    let expected = json!({ "LogFormat": "JSON", "ApplicationLogLevel": reference("LogLevel") });
    assert_eq!(template.whole["Globals"]["Function"]["LoggingConfig"], expected);
}

#[test]
fn a_collector_comes_with_the_functions_if_the_operator_names_its_layer_and_else_nothing_does() {
    let template = Template::read();
    let expected =
        json!({ "Fn::If": ["HasCollectorLayer", [reference("CollectorLayer")], reference("AWS::NoValue")] });
    for row in &FUNCTIONS {
        let (name, function) = template.function(row.name);
        assert_eq!(template.property(function, "Layers"), &expected, "{name}");
    }
    let given = json!({ "Fn::Not": [{ "Fn::Equals": [reference("CollectorLayer"), ""] }] });
    assert_eq!(template.whole["Conditions"]["HasCollectorLayer"], given);
    for parameter in ["CollectorLayer", "OtlpEndpoint"] {
        assert_eq!(template.whole["Parameters"][parameter]["Default"], "", "{parameter}");
    }
}

/// Each environment is a connection to Postgres. The worker has as many as its mapping wakes.
#[test]
fn environments_are_limited_if_the_operator_says_so() {
    let template = Template::read();
    let limit = |value: Value| json!({ "Fn::If": ["LimitsConcurrency", value, reference("AWS::NoValue")] });
    for row in &FUNCTIONS {
        let (name, function) = template.function(row.name);
        let expected = limit(match row.trigger {
            Trigger::Routes(_) => reference("FunctionConcurrency"),
            Trigger::Queue => reference("WorkerConcurrency"),
            Trigger::Bell => json!(1),
            // One that works, one that waits.
            Trigger::Deployment => json!(2),
        });
        assert_eq!(template.property(function, "ReservedConcurrentExecutions"), &expected, "{name}");
    }
    let expected = json!({ "Fn::Not": [{ "Fn::Equals": [reference("FunctionConcurrency"), 0] }] });
    assert_eq!(template.whole["Conditions"]["LimitsConcurrency"], expected);
}

#[test]
fn every_function_logs_into_a_group_of_its_own_that_forgets() {
    let template = Template::read();
    let groups = template.of_type("AWS::Logs::LogGroup");
    let mut of_functions = BTreeSet::new();
    for row in &FUNCTIONS {
        let (name, function) = template.function(row.name);
        assert_eq!(
            function["FunctionName"],
            substitution(&format!("${{AWS::StackName}}-{}", row.name)),
            "{name}"
        );
        let group = function["LoggingConfig"]["LogGroup"]["Ref"]
            .as_str()
            .unwrap_or_else(|| panic!("{name} names no log group"));
        let properties =
            groups.get(group).unwrap_or_else(|| panic!("{name} logs into {group}, which there is not"));
        let expected = format!("/aws/lambda/${{AWS::StackName}}-{}", row.name);
        assert_eq!(properties["LogGroupName"], substitution(&expected), "{group}");
        assert!(of_functions.insert(group), "{group} is of two functions");
    }
    for (group, properties) in &groups {
        assert_eq!(properties["RetentionInDays"], reference("LogRetentionDays"), "{group}");
    }
    // More: the API's access log, and two of the database.
    let others: Vec<_> = groups.keys().filter(|name| !of_functions.contains(*name)).collect();
    assert_eq!(others, [&"ApiLogGroup", &"DatabaseLogGroup", &"DatabaseLoginLogGroup"]);
    let access = &groups["ApiLogGroup"]["LogGroupName"];
    assert_eq!(access, &substitution("/aws/vendedlogs/apigateway/${AWS::StackName}"));
    let stage = template.only("AWS::ApiGatewayV2::Stage").1;
    assert_eq!(stage["AccessLogSettings"]["DestinationArn"], attribute("ApiLogGroup", "Arn"));
}

#[test]
fn a_function_has_more_time_than_its_caller_waits_and_less_than_the_api_does() {
    let template = Template::read();
    for row in &FUNCTIONS {
        let (name, function) = template.function(row.name);
        let seconds = template
            .property(function, "Timeout")
            .as_u64()
            .unwrap_or_else(|| panic!("{name} has no Timeout"));
        assert!(seconds > row.time_limit.as_secs(), "{name} is ended before its caller has an answer");
        match row.trigger {
            Trigger::Routes(_) => {
                assert!(seconds < API_GIVES_UP_SECONDS, "{name} goes on when the API has given up")
            }
            // The next one may come, and the longest that Lambda allows.
            Trigger::Bell => assert!(seconds <= 60, "{name}"),
            Trigger::Queue | Trigger::Deployment => assert_eq!(seconds, 900, "{name}"),
        }
    }
}

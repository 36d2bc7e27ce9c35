//! KMS keys: what each of them is for, and that AWS's own are used without one.

use serde_json::json;

use crate::template::{Template, reference};

/// Parameter, condition, a type of resource, and its property that has the key.
const KEYS: [(&str, &str, &str, &str); 4] = [
    ("QueueKmsKeyArn", "HasQueueKey", "AWS::SQS::Queue", "KmsMasterKeyId"),
    ("LogsKmsKeyArn", "HasLogsKey", "AWS::Logs::LogGroup", "KmsKeyId"),
    ("SecretsKmsKeyArn", "HasSecretsKey", "AWS::SecretsManager::Secret", "KmsKeyId"),
    ("DatabaseKmsKeyArn", "HasDatabaseKey", "AWS::RDS::DBInstance", "PerformanceInsightsKMSKeyId"),
];

#[test]
fn what_is_kept_is_encrypted_with_the_key_that_is_named_or_else_with_one_of_aws() {
    let template = Template::read();
    for (parameter, condition, kind, property) in KEYS {
        assert_eq!(template.whole["Parameters"][parameter]["Default"], "", "{parameter}");
        let given = json!({ "Fn::Not": [{ "Fn::Equals": [reference(parameter), ""] }] });
        assert_eq!(template.whole["Conditions"][condition], given, "{condition}");
        let expected = json!({ "Fn::If": [condition, reference(parameter), reference("AWS::NoValue")] });
        let resources = template.of_type(kind);
        assert!(!resources.is_empty(), "{kind}");
        for (name, resource) in resources {
            assert_eq!(resource[property], expected, "{name}");
        }
    }
}

/// Variables have connection strings, those of an existing database with a password.
#[test]
fn functions_variables_and_the_owners_password_have_the_key_of_the_secrets() {
    let template = Template::read();
    let nothing = reference("AWS::NoValue");
    let key = reference("SecretsKmsKeyArn");
    assert_eq!(
        template.whole["Globals"]["Function"]["KmsKeyArn"],
        json!({ "Fn::If": ["HasSecretsKey", key, nothing] })
    );
    let (_, database) = template.only("AWS::RDS::DBInstance");
    assert_eq!(
        database["MasterUserSecret"],
        json!({ "Fn::If": ["HasSecretsKey", { "KmsKeyId": key }, nothing] })
    );
}

#[test]
fn functions_are_traced_only_where_that_is_asked_for() {
    let template = Template::read();
    assert_eq!(template.whole["Parameters"]["Tracing"]["Default"], "DISABLED");
    let enabled = json!({ "Fn::Equals": [reference("Tracing"), "ENABLED"] });
    assert_eq!(template.whole["Conditions"]["IsTraced"], enabled);
    let tracing = json!({ "Fn::If": ["IsTraced", "Active", "PassThrough"] });
    assert_eq!(template.whole["Globals"]["Function"]["Tracing"], tracing);
}

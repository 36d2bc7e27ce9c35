//! What brings the database up before the other functions are there.

use runplane::functions::FUNCTIONS;
use runplane::migrate;
use serde_json::{Value, json};

use crate::template::{Template, attribute, reference, substitution};

#[test]
fn a_stack_migrates_where_it_knows_the_owner_and_by_default_it_does_not() {
    let template = Template::read();
    let given = json!({ "Fn::Not": [{ "Fn::Equals": [reference("OwnerDatabaseUrl"), ""] }] });
    let new = json!({ "Fn::Equals": [reference("Database"), "NEW"] });
    assert_eq!(template.whole["Conditions"]["Migrates"], json!({ "Fn::Or": [new, given] }));
    assert_eq!(template.whole["Parameters"]["OwnerDatabaseUrl"]["Default"], "");
}

#[test]
fn a_deployment_with_a_new_migration_applies_it() {
    let template = Template::read();
    let (_, migrations) = template.only("Custom::Migrations");
    assert_eq!(
        migrations["Schema"],
        migrate::newest().to_string(),
        "Migrations in template.yaml names another migration than the newest in migrations/"
    );
    assert_eq!(migrations["ServiceToken"], attribute(template.function("migrate").0, "Arn"));
    // Lambda calls a function twice that was ended; CloudFormation waits for that, and not for an hour.
    let (longest, waits) =
        (template.function("migrate").1["Timeout"].as_u64().unwrap(), &migrations["ServiceTimeout"]);
    assert!(waits.as_u64().is_some_and(|waits| waits > 2 * longest && waits < 3600), "{waits}");
}

/// What stands in the properties of a resource is shown by whoever lists a stack's events.
#[test]
fn a_change_of_the_databases_urls_is_told_without_the_urls() {
    let template = Template::read();
    let (_, migrations) = template.only("Custom::Migrations");
    assert_eq!(migrations["DatabaseUrls"], reference("DatabaseUrlsRevision"));
    // How the functions log in is the role's business, too.
    assert_eq!(migrations["Login"], json!({ "Fn::If": ["LogsInByIam", "iam", "password"] }));
    let text = migrations.to_string();
    assert!(!text.contains("DatabaseUrl\"") && !text.contains("OperatorKey"), "{text}");
}

#[test]
fn every_other_function_waits_for_the_migrations() {
    let template = Template::read();
    let (name, _) = template.only("Custom::Migrations");
    let tag = json!({ "Fn::If": ["Migrates", attribute(name, "Schema"), "none"] });
    assert_eq!(template.whole["Globals"]["Function"]["Tags"]["schema"], tag);
    for row in &FUNCTIONS {
        let (function, properties) = template.function(row.name);
        let own = if row.name == "migrate" { json!({ "schema": "none" }) } else { Value::Null };
        assert_eq!(properties["Tags"], own, "{function}");
    }
}

#[test]
fn the_first_key_goes_into_a_secret_of_the_stack_that_has_no_value_of_its_own() {
    let template = Template::read();
    let (name, secret) = template.only("AWS::SecretsManager::Secret");
    assert_eq!(secret["Name"], substitution("${AWS::StackName}/operator-key"));
    // Neither a text in the template nor a generated one: what opens the API is made beside its row.
    assert!(secret.get("SecretString").is_none() && secret.get("GenerateSecretString").is_none());
    let outputs = &template.whole["Outputs"];
    assert_eq!(outputs["OperatorKeySecretArn"]["Value"], attribute(name, "Id"));
    assert_eq!(outputs["MigrateFunctionName"]["Value"], reference(template.function("migrate").0));
    for output in ["OperatorKeySecretArn", "MigrateFunctionName"] {
        assert_eq!(outputs[output]["Condition"], "Migrates", "{output}");
    }
}

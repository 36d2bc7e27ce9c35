//! What brings the database up before the other functions are there.

use runplane::functions::FUNCTIONS;
use runplane::migrate;
use serde_json::{Value, json};

use crate::evaluate::Deployment;
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

/// Properties of a database that cannot change: AWS documents of each that another value is another instance.
const REPLACING: [&str; 7] = [
    "DBInstanceIdentifier",
    "DBName",
    "DBSnapshotIdentifier",
    "DBSubnetGroupName",
    "KmsKeyId",
    "MasterUsername",
    "StorageEncrypted",
];

/// Another value of a parameter than it has.
fn other_than(value: &Value, parameter: &Value) -> Value {
    let mut listed = parameter["AllowedValues"].as_array().into_iter().flatten();
    let listed = listed.find(|&other| other != value).cloned();
    let number = || value.as_u64().map(|number| json!(number + 1));
    listed.or_else(number).unwrap_or_else(|| json!("another"))
}

/// An empty instance has no tables, and one that was restored has those of then.
#[test]
fn whatever_makes_another_instance_of_the_database_makes_cloudformation_call_migrate() {
    let template = Template::read();
    let (instance, properties) = template.only("AWS::RDS::DBInstance");
    let of = |deployment: &Deployment<'_>| {
        let there = deployment.holds("NewDatabase");
        there.then(|| REPLACING.map(|name| deployment.value(&properties[name])))
    };
    let (_, migrations) = template.only("Custom::Migrations");
    let calls = |deployment: &Deployment<'_>| {
        let mut calls = deployment.value(migrations);
        // What CloudFormation refers to an instance by is the name that the template gives it.
        if calls["Instance"] == reference(instance) {
            calls["Instance"] = deployment.value(&properties["DBInstanceIdentifier"]);
        }
        calls
    };
    let mut replacing = Vec::new();
    // A login by tokens, so that nothing but the instance is another one between EXISTING and NEW.
    let base = [("Database", json!("NEW")), ("DatabaseLogin", json!("iam"))];
    for (name, parameter) in template.whole["Parameters"].as_object().unwrap() {
        let value =
            base.iter().find(|(given, _)| given == name).map_or(&parameter["Default"], |(_, value)| value);
        let mut changed = base.to_vec();
        changed.retain(|(given, _)| given != name);
        changed.push((name, other_than(value, parameter)));
        let (before, after) = (Deployment::with(&template, &base), Deployment::with(&template, &changed));
        let (was, is) = (of(&before), of(&after));
        if was == is {
            continue;
        }
        replacing.push(name.as_str());
        // CloudFormation replaces nothing that is to keep the name which it was given.
        let refused = was.zip(is).is_some_and(|(was, is)| was[0] == is[0]);
        assert!(
            refused || calls(&before) != calls(&after),
            "{name} makes another instance, and nobody migrates it"
        );
    }
    assert_eq!(replacing, ["Database", "DatabaseKmsKeyArn", "DatabaseRevision", "DatabaseSnapshot"]);
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

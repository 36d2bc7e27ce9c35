//! A database of the stack's own, or one that is there.

use serde_json::{Value, json};

use crate::evaluate::Deployment;
use crate::template::{Template, attribute, reference, substitution};

/// Parameters that are about a database of the stack's own.
const SWITCHES: [(&str, &str, &str, &str); 2] = [
    ("DatabaseMultiAz", "IsMultiAz", "MultiAZ", "ENABLED"),
    ("DatabaseDeletionProtection", "IsProtected", "DeletionProtection", "ENABLED"),
];

fn is(parameter: &str, value: Value) -> Value {
    json!({ "Fn::Equals": [reference(parameter), value] })
}

fn given(parameter: &str) -> Value {
    json!({ "Fn::Not": [is(parameter, "".into())] })
}

#[test]
fn connection_strings_are_given_by_parameters_that_no_one_sees_again() {
    let template = Template::read();
    for name in ["DatabaseUrl", "OwnerDatabaseUrl"] {
        let parameter = &template.whole["Parameters"][name];
        assert_eq!(parameter["NoEcho"], true, "{name}");
        assert_eq!(parameter["Default"], "", "a database that nobody has named");
    }
}

#[test]
fn a_stack_has_the_database_that_is_there_unless_a_new_one_is_asked_for() {
    let template = Template::read();
    let parameter = &template.whole["Parameters"]["Database"];
    assert_eq!(
        (&parameter["Default"], &parameter["AllowedValues"]),
        (&json!("EXISTING"), &json!(["EXISTING", "NEW"]))
    );
    let conditions = &template.whole["Conditions"];
    assert_eq!(conditions["NewDatabase"], is("Database", "NEW".into()));
    let proxy = json!({ "Fn::And": [is("Database", "NEW".into()), is("DatabaseProxy", "ENABLED".into())] });
    assert_eq!(conditions["HasProxy"], proxy);
    assert_eq!(template.whole["Parameters"]["DatabaseProxy"]["Default"], "DISABLED");
    let by_iam = json!({ "Fn::Or": [is("Database", "NEW".into()), is("DatabaseLogin", "iam".into())] });
    assert_eq!(conditions["LogsInByIam"], by_iam);
    assert_eq!(template.whole["Parameters"]["DatabaseLogin"]["Default"], "password");
    assert_eq!(conditions["HasOwnerPasswordSecret"], given("OwnerPasswordSecretArn"));
}

/// What does not fit together is refused before anything is made.
#[test]
fn parameters_that_contradict_each_other_are_refused_with_a_sentence() {
    let template = Template::read();
    let rules = template.whole["Rules"].as_object().unwrap();
    let names: Vec<_> = rules.keys().collect();
    let all = [
        "ANewDatabaseBringsItsNetwork",
        "ATokenIsForSomebody",
        "AnExistingDatabaseIsNamed",
        "AnotherInstanceIsRestored",
    ];
    assert_eq!(names, all);
    let asserted = |name: &str| {
        let assertions = rules[name]["Assertions"].as_array().unwrap();
        assert!(assertions.iter().all(|assertion| assertion["AssertDescription"].is_string()), "{name}");
        assertions.iter().map(|assertion| assertion["Assert"].clone()).collect::<Vec<_>>()
    };
    let existing = is("Database", "EXISTING".into());
    assert_eq!(rules["AnExistingDatabaseIsNamed"]["RuleCondition"], existing);
    assert_eq!(asserted("AnExistingDatabaseIsNamed"), [given("DatabaseUrl")]);
    let tokens = json!({ "Fn::And": [existing, is("DatabaseLogin", "iam".into())] });
    assert_eq!(rules["ATokenIsForSomebody"]["RuleCondition"], tokens);
    assert_eq!(asserted("ATokenIsForSomebody"), [given("DatabaseLoginUser")]);

    let without = ["DatabaseUrl", "OwnerDatabaseUrl", "OwnerPasswordSecretArn", "DatabaseInstanceId"];
    let without = without.map(|name| is(name, "".into()));
    let nowhere = ["SubnetIds", "SecurityGroupIds"]
        .map(|name| json!({ "Fn::EachMemberEquals": [reference(name), ""] }));
    assert_eq!(rules["ANewDatabaseBringsItsNetwork"]["RuleCondition"], is("Database", "NEW".into()));
    let expected = [json!({ "Fn::And": without }), json!({ "Fn::And": nowhere })];
    assert_eq!(asserted("ANewDatabaseBringsItsNetwork"), expected);
}

/// Whether a rule of the template lets these parameters pass, beside the defaults.
fn passes(template: &Template, rule: &str, given: &[(&str, Value)]) -> bool {
    let (rule, deployment) = (&template.whole["Rules"][rule], Deployment::with(template, given));
    let mut assertions = rule["Assertions"].as_array().unwrap().iter();
    !deployment.is_true(&rule["RuleCondition"]) || assertions.all(|one| deployment.is_true(&one["Assert"]))
}

/// It would be an empty one, and the functions would be led there: also by whoever forgets the snapshot that an instance was restored from.
#[test]
fn an_instance_with_another_number_is_restored_from_a_snapshot() {
    let template = Template::read();
    let passes = |database: &str, revision: u64, snapshot: &str| {
        let given = [
            ("Database", json!(database)),
            ("DatabaseRevision", json!(revision)),
            ("DatabaseSnapshot", json!(snapshot)),
        ];
        passes(&template, "AnotherInstanceIsRestored", &given)
    };
    assert!(passes("NEW", 1, "") && passes("NEW", 1, "taken") && passes("NEW", 2, "taken"));
    assert!(!passes("NEW", 2, ""));
    assert!(passes("EXISTING", 2, ""), "an existing database has no number");
}

#[test]
fn the_database_is_postgres_encrypted_and_nobody_reaches_it_from_outside() {
    let template = Template::read();
    let (_, database) = template.only("AWS::RDS::DBInstance");
    assert_eq!((&database["Engine"], &database["EngineVersion"]), (&json!("postgres"), &json!("18")));
    assert_eq!(database["AutoMinorVersionUpgrade"], true);
    assert_eq!(database["PubliclyAccessible"], false);
    assert_eq!(database["VPCSecurityGroups"], json!([reference("DatabaseGroup")]));
    assert_eq!(database["DBSubnetGroupName"], reference("DatabaseSubnets"));
    // A snapshot is encrypted as it was: this stack takes none that it has not made.
    let nothing = reference("AWS::NoValue");
    assert_eq!(database["StorageEncrypted"], json!({ "Fn::If": ["IsRestored", nothing.clone(), true] }));
    let key = json!({ "Fn::If": ["HasDatabaseKey", reference("DatabaseKmsKeyArn"), nothing] });
    assert_eq!(database["KmsKeyId"], json!({ "Fn::If": ["IsRestored", nothing, key.clone()] }));
    assert_eq!(database["PerformanceInsightsKMSKeyId"], key);
}

#[test]
fn every_connection_is_encrypted_and_no_value_of_a_statement_is_logged() {
    let template = Template::read();
    let (name, group) = template.only("AWS::RDS::DBParameterGroup");
    let (_, database) = template.only("AWS::RDS::DBInstance");
    assert_eq!(database["DBParameterGroupName"], reference(name));
    assert_eq!(group["Family"], format!("postgres{}", database["EngineVersion"].as_str().unwrap()));
    let parameters = &group["Parameters"];
    assert_eq!(parameters["rds.force_ssl"], "1");
    assert_eq!(parameters["log_parameter_max_length"], "0");
    assert_eq!(parameters["log_statement"], "ddl");
    let (_, proxy) = template.only("AWS::RDS::DBProxy");
    assert_eq!(proxy["RequireTLS"], true);
}

#[test]
fn nobody_has_a_password_for_the_database_but_its_owner_and_that_one_is_rds_own() {
    let template = Template::read();
    let (_, database) = template.only("AWS::RDS::DBInstance");
    assert_eq!(database["EnableIAMDatabaseAuthentication"], true);
    assert_eq!(database["ManageMasterUserPassword"], true);
    assert!(database.get("MasterUserPassword").is_none());
    let (_, proxy) = template.only("AWS::RDS::DBProxy");
    // No secret: it logs in by a token, too.
    assert_eq!(proxy["DefaultAuthScheme"], "IAM_AUTH");
    assert!(proxy.get("Auth").is_none());
}

#[test]
fn what_is_in_the_database_outlives_the_stack() {
    let template = Template::read();
    let (name, database) = template.only("AWS::RDS::DBInstance");
    let resource = &template.whole["Resources"][name];
    assert_eq!(
        (&resource["DeletionPolicy"], &resource["UpdateReplacePolicy"]),
        (&json!("Snapshot"), &json!("Snapshot"))
    );
    assert_eq!(database["BackupRetentionPeriod"], reference("DatabaseBackupDays"));
    let days = &template.whole["Parameters"]["DatabaseBackupDays"];
    assert_eq!(
        (&days["MinValue"], &days["MaxValue"]),
        (&json!(1), &json!(35)),
        "RDS keeps them for 35 days, and none for 0"
    );
    assert_eq!(database["DeleteAutomatedBackups"], false);
    for (parameter, condition, property, on) in SWITCHES {
        assert_eq!(template.whole["Conditions"][condition], is(parameter, on.into()), "{condition}");
        assert_eq!(database[property], json!({ "Fn::If": [condition, true, false] }), "{property}");
        // Whoever says nothing is on the safe side.
        assert_eq!(template.whole["Parameters"][parameter]["Default"], on, "{parameter}");
    }
}

/// CloudFormation makes the new one before it takes the old one away: their names differ.
#[test]
fn a_database_is_restored_beside_the_one_that_is_there() {
    let template = Template::read();
    let (_, database) = template.only("AWS::RDS::DBInstance");
    let nothing = reference("AWS::NoValue");
    assert_eq!(template.whole["Conditions"]["IsRestored"], given("DatabaseSnapshot"));
    let snapshot = json!({ "Fn::If": ["IsRestored", reference("DatabaseSnapshot"), nothing.clone()] });
    assert_eq!(database["DBSnapshotIdentifier"], snapshot);
    // RDS takes neither beside a snapshot.
    for (property, value) in [("DBName", "runplane"), ("MasterUsername", "runplane_owner")] {
        assert_eq!(
            database[property],
            json!({ "Fn::If": ["IsRestored", nothing.clone(), value] }),
            "{property}"
        );
    }
    assert_eq!(database["DBInstanceIdentifier"], substitution("${AWS::StackName}-${DatabaseRevision}"));
}

/// RDS makes groups that are missing, without an end.
#[test]
fn the_databases_logs_are_forgotten_like_those_of_functions() {
    let template = Template::read();
    let (name, database) = template.only("AWS::RDS::DBInstance");
    let groups = [("postgresql", "DatabaseLogGroup"), ("iam-db-auth-error", "DatabaseLoginLogGroup")];
    let logs = template.of_type("AWS::Logs::LogGroup");
    for (log, group) in groups {
        let expected = format!("/aws/rds/instance/${{AWS::StackName}}-${{DatabaseRevision}}/{log}");
        assert_eq!(logs[group]["LogGroupName"], substitution(&expected));
    }
    assert_eq!(database["EnableCloudwatchLogsExports"], json!(groups.map(|(log, _)| log)));
    let waits = &template.whole["Resources"][name]["DependsOn"];
    assert_eq!(waits, &json!(groups.map(|(_, group)| group)));
}

#[test]
fn the_database_has_the_size_that_is_asked_for() {
    let template = Template::read();
    let (_, database) = template.only("AWS::RDS::DBInstance");
    for (property, parameter) in [
        ("DBInstanceClass", "DatabaseInstanceClass"),
        ("AllocatedStorage", "DatabaseStorageGiB"),
        ("MaxAllocatedStorage", "DatabaseMaxStorageGiB"),
    ] {
        assert_eq!(database[property], reference(parameter));
    }
    // What RDS keeps of it without being paid.
    assert_eq!(
        (&database["EnablePerformanceInsights"], &database["PerformanceInsightsRetentionPeriod"]),
        (&json!(true), &json!(7))
    );
}

#[test]
fn a_proxy_stands_before_the_database_and_leaves_connections_for_migrations() {
    let template = Template::read();
    let (proxy, properties) = template.only("AWS::RDS::DBProxy");
    assert_eq!(properties["EngineFamily"], "POSTGRESQL");
    assert_eq!(properties["RoleArn"], attribute("ProxyRole", "Arn"));
    assert_eq!(properties["VpcSecurityGroupIds"], json!([reference("ProxyGroup")]));
    let (_, targets) = template.only("AWS::RDS::DBProxyTargetGroup");
    assert_eq!(targets["DBProxyName"], reference(proxy));
    assert_eq!(targets["DBInstanceIdentifiers"], json!([reference("DatabaseInstance")]));
    let share = targets["ConnectionPoolConfigurationInfo"]["MaxConnectionsPercent"].as_u64().unwrap();
    assert!(share < 100, "{share}");
}

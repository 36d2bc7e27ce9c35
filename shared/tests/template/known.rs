//! Nothing is in the template that no test looks at: a property that is new here needs a test, or a reason why none.

use std::collections::BTreeSet;

use serde_json::{Value, json};

use crate::template::Template;

/// Every type of resource, and the properties that it may have.
const KNOWN: [(&str, &[&str]); 32] = [
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
    ("AWS::EC2::EIP", &["Domain", "Tags"]),
    ("AWS::EC2::InternetGateway", &["Tags"]),
    ("AWS::EC2::NatGateway", &["AllocationId", "SubnetId", "Tags"]),
    ("AWS::EC2::Route", &["DestinationCidrBlock", "GatewayId", "NatGatewayId", "RouteTableId"]),
    ("AWS::EC2::RouteTable", &["VpcId"]),
    (
        "AWS::EC2::SecurityGroup",
        &["GroupDescription", "SecurityGroupEgress", "SecurityGroupIngress", "VpcId"],
    ),
    ("AWS::EC2::Subnet", &["AvailabilityZone", "CidrBlock", "Tags", "VpcId"]),
    ("AWS::EC2::SubnetRouteTableAssociation", &["RouteTableId", "SubnetId"]),
    ("AWS::EC2::VPC", &["CidrBlock", "EnableDnsHostnames", "EnableDnsSupport", "Tags"]),
    (
        "AWS::EC2::VPCEndpoint",
        &[
            "PolicyDocument",
            "PrivateDnsEnabled",
            "RouteTableIds",
            "SecurityGroupIds",
            "ServiceName",
            "SubnetIds",
            "VpcEndpointType",
            "VpcId",
        ],
    ),
    ("AWS::EC2::VPCGatewayAttachment", &["InternetGatewayId", "VpcId"]),
    ("AWS::IAM::Policy", &["PolicyDocument", "PolicyName", "Roles"]),
    ("AWS::IAM::Role", &["AssumeRolePolicyDocument", "Policies"]),
    (
        "AWS::Lambda::EventSourceMapping",
        &["BatchSize", "Enabled", "EventSourceArn", "FunctionName", "FunctionResponseTypes", "ScalingConfig"],
    ),
    ("AWS::Lambda::Permission", &["Action", "FunctionName", "Principal", "SourceArn"]),
    ("AWS::Logs::LogGroup", &["KmsKeyId", "LogGroupName", "RetentionInDays"]),
    ("AWS::RDS::DBInstance", &DATABASE),
    ("AWS::RDS::DBParameterGroup", &["Description", "Family", "Parameters"]),
    (
        "AWS::RDS::DBProxy",
        &[
            "DBProxyName",
            "DefaultAuthScheme",
            "EngineFamily",
            "RequireTLS",
            "RoleArn",
            "VpcSecurityGroupIds",
            "VpcSubnetIds",
        ],
    ),
    (
        "AWS::RDS::DBProxyTargetGroup",
        &["ConnectionPoolConfigurationInfo", "DBInstanceIdentifiers", "DBProxyName", "TargetGroupName"],
    ),
    ("AWS::RDS::DBSubnetGroup", &["DBSubnetGroupDescription", "SubnetIds"]),
    (
        "AWS::SQS::Queue",
        &[
            "DelaySeconds",
            "FifoQueue",
            "KmsMasterKeyId",
            "MessageRetentionPeriod",
            "QueueName",
            "RedrivePolicy",
            "SqsManagedSseEnabled",
            "VisibilityTimeout",
        ],
    ),
    ("AWS::Scheduler::Schedule", &["FlexibleTimeWindow", "ScheduleExpression", "State", "Target"]),
    ("AWS::SecretsManager::Secret", &["Description", "KmsKeyId", "Name"]),
    ("AWS::Serverless::Function", &FUNCTION),
    (
        "Custom::Migrations",
        &["DatabaseUrls", "Instance", "Login", "Schema", "ServiceTimeout", "ServiceToken"],
    ),
];

/// What the stack's own database may say.
const DATABASE: [&str; 29] = [
    "AllocatedStorage",
    "AutoMinorVersionUpgrade",
    "BackupRetentionPeriod",
    "CopyTagsToSnapshot",
    "DBInstanceClass",
    "DBInstanceIdentifier",
    "DBName",
    "DBParameterGroupName",
    "DBSnapshotIdentifier",
    "DBSubnetGroupName",
    "DeleteAutomatedBackups",
    "DeletionProtection",
    "EnableCloudwatchLogsExports",
    "EnableIAMDatabaseAuthentication",
    "EnablePerformanceInsights",
    "Engine",
    "EngineVersion",
    "KmsKeyId",
    "ManageMasterUserPassword",
    "MasterUserSecret",
    "MasterUsername",
    "MaxAllocatedStorage",
    "MultiAZ",
    "PerformanceInsightsKMSKeyId",
    "PerformanceInsightsRetentionPeriod",
    "PubliclyAccessible",
    "StorageEncrypted",
    "StorageType",
    "VPCSecurityGroups",
];

/// What a function may say, and Globals for all of them.
const FUNCTION: [&str; 17] = [
    "Architectures",
    "CodeUri",
    "Environment",
    "EventInvokeConfig",
    "FunctionName",
    "Handler",
    "KmsKeyArn",
    "Layers",
    "LoggingConfig",
    "MemorySize",
    "ReservedConcurrentExecutions",
    "Role",
    "Runtime",
    "Tags",
    "Timeout",
    "Tracing",
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
            let of_all = ["Type", "Properties", "Metadata", "Condition"];
            let of_some = ["DependsOn", "DeletionPolicy", "UpdateReplacePolicy"];
            let expected = of_all.contains(&attribute.as_str())
                || (of_some.contains(&attribute.as_str()) && of_new_database(name).is_some());
            assert!(expected, "{name}: no test looks at {attribute}");
        }
        let condition = match name.as_str() {
            "DatabaseConnectionsAlarm" | "DatabaseStorageAlarm" => json!("HasDatabaseAlarms"),
            _ if kind == "AWS::CloudWatch::Alarm" => json!("HasAlarms"),
            _ if kind == "AWS::CloudWatch::Dashboard" => json!("HasDashboard"),
            "NetworkInterfaces" => json!("InVpc"),
            "DatabaseLogins" => json!("LogsInByIam"),
            "VariablesKey" => json!("HasSecretsKey"),
            "Traces" => json!("SendsTraces"),
            "Migrations" | "MigrateFunction" | "MigrateRole" | "MigrateLogGroup" | "OperatorKey" => {
                json!("Migrates")
            }
            _ => of_new_database(name).map_or(Value::Null, Value::from),
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
            "Delivers",
            "HasAlarms",
            "HasCollectorLayer",
            "HasDashboard",
            "HasDatabaseAlarms",
            "HasDatabaseKey",
            "HasEndpoints",
            "HasEventBus",
            "HasEventsEndpoint",
            "HasLambdaEndpoint",
            "HasLogsKey",
            "HasNat",
            "HasNatInEachZone",
            "HasNatInThirdZone",
            "HasOutputBucket",
            "HasOwnerPasswordSecret",
            "HasProxy",
            "HasQueueKey",
            "HasSecretsKey",
            "HasStepFunctions",
            "HasStepQueues",
            "HasThirdZone",
            "HasThirdZoneBehindNat",
            "InVpc",
            "IsMultiAz",
            "IsProtected",
            "IsRestored",
            "IsTraced",
            "LimitsConcurrency",
            "LogsInByIam",
            "Migrates",
            "NewDatabase",
            "SendsTraces",
            "Sweeps",
            "WatchesDatabase"
        ],
        "a condition that no test looks at"
    );
}

/// Under which condition a resource is there that belongs to the stack's own database and its network. None: it does not.
fn of_new_database(name: &str) -> Option<&'static str> {
    // By zone: what is in the last one is there where there are three.
    let zones = |of: &str, first, second, third| match name.strip_prefix(of) {
        Some("A") => Some(first),
        Some("B") => Some(second),
        Some("C") => Some(third),
        _ => None,
    };
    let private = |of| zones(of, "NewDatabase", "NewDatabase", "HasThirdZone");
    let public = |of| zones(of, "HasNat", "HasNatInEachZone", "HasNatInThirdZone");
    let of_zones = ["Subnet", "Routes", "RoutesOfSubnet"].into_iter().find_map(private);
    let of_nat = ["PublicSubnet", "RoutesOfPublicSubnet", "Address", "Nat"].into_iter().find_map(public);
    of_zones.or(of_nat).or_else(|| zones("WayOut", "HasNat", "HasNat", "HasThirdZoneBehindNat")).or(
        match name {
            "Vpc" | "S3Endpoint" | "FunctionsGroup" | "DatabaseGroup" => Some("NewDatabase"),
            "DatabaseInstance" | "DatabaseSubnets" | "DatabaseParameters" => Some("NewDatabase"),
            "DatabaseLogGroup" | "DatabaseLoginLogGroup" => Some("NewDatabase"),
            "SqsEndpoint" | "SecretsEndpoint" | "EndpointsGroup" => Some("HasEndpoints"),
            "LambdaEndpoint" => Some("HasLambdaEndpoint"),
            "EventsEndpoint" => Some("HasEventsEndpoint"),
            "InternetGateway" | "InternetGatewayOfVpc" | "PublicRoutes" | "PublicWayOut" => Some("HasNat"),
            "Proxy" | "ProxyTargets" | "ProxyRole" | "ProxyGroup" => Some("HasProxy"),
            _ => None,
        },
    )
}

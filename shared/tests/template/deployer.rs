//! Who may deploy: `deployer.yaml` allows what CloudFormation does with each type of resource in `template.yaml`, and nothing on everything that has a
//! name.

use std::collections::BTreeSet;

use serde_json::Value;

use crate::documents::text;
use crate::template::Template;

/// What CloudFormation does to make, look at, tag, change and remove a resource of each type, by the handlers that AWS documents for it.
const NEEDED: [(&str, &[&str]); 32] = [
    ("AWS::ApiGatewayV2::Api", &API),
    ("AWS::ApiGatewayV2::Integration", &API),
    ("AWS::ApiGatewayV2::Route", &API),
    (
        "AWS::ApiGatewayV2::Stage",
        &[
            "apigateway:POST",
            "apigateway:PATCH",
            "apigateway:DELETE",
            "logs:CreateLogDelivery",
            "logs:PutResourcePolicy",
            "logs:DescribeResourcePolicies",
            "logs:DescribeLogGroups",
        ],
    ),
    (
        "AWS::CloudWatch::Alarm",
        &["cloudwatch:PutMetricAlarm", "cloudwatch:DescribeAlarms", "cloudwatch:DeleteAlarms"],
    ),
    (
        "AWS::CloudWatch::Dashboard",
        &["cloudwatch:PutDashboard", "cloudwatch:GetDashboard", "cloudwatch:DeleteDashboards"],
    ),
    (
        "AWS::EC2::EIP",
        &["ec2:AllocateAddress", "ec2:DescribeAddresses", "ec2:ReleaseAddress", "ec2:CreateTags"],
    ),
    (
        "AWS::EC2::InternetGateway",
        &["ec2:CreateInternetGateway", "ec2:DescribeInternetGateways", "ec2:DeleteInternetGateway"],
    ),
    (
        "AWS::EC2::NatGateway",
        &[
            "ec2:CreateNatGateway",
            "ec2:DescribeNatGateways",
            "ec2:DeleteNatGateway",
            "ec2:DisassociateAddress",
        ],
    ),
    ("AWS::EC2::Route", &["ec2:CreateRoute", "ec2:DescribeRouteTables", "ec2:DeleteRoute"]),
    ("AWS::EC2::RouteTable", &["ec2:CreateRouteTable", "ec2:DescribeRouteTables", "ec2:DeleteRouteTable"]),
    (
        "AWS::EC2::SecurityGroup",
        &[
            "ec2:CreateSecurityGroup",
            "ec2:AuthorizeSecurityGroupIngress",
            "ec2:AuthorizeSecurityGroupEgress",
            "ec2:RevokeSecurityGroupIngress",
            "ec2:RevokeSecurityGroupEgress",
            "ec2:DescribeSecurityGroups",
            "ec2:DescribeSecurityGroupRules",
            "ec2:DeleteSecurityGroup",
        ],
    ),
    (
        "AWS::EC2::Subnet",
        &["ec2:CreateSubnet", "ec2:DescribeSubnets", "ec2:DeleteSubnet", "ec2:DescribeAvailabilityZones"],
    ),
    (
        "AWS::EC2::SubnetRouteTableAssociation",
        &["ec2:AssociateRouteTable", "ec2:DescribeRouteTables", "ec2:DisassociateRouteTable"],
    ),
    (
        "AWS::EC2::VPC",
        &[
            "ec2:CreateVpc",
            "ec2:DescribeVpcs",
            "ec2:ModifyVpcAttribute",
            "ec2:DescribeVpcAttribute",
            "ec2:DeleteVpc",
        ],
    ),
    (
        "AWS::EC2::VPCEndpoint",
        &[
            "ec2:CreateVpcEndpoint",
            "ec2:DescribeVpcEndpoints",
            "ec2:ModifyVpcEndpoint",
            "ec2:DeleteVpcEndpoints",
            "route53:AssociateVPCWithHostedZone",
        ],
    ),
    ("AWS::EC2::VPCGatewayAttachment", &["ec2:AttachInternetGateway", "ec2:DetachInternetGateway"]),
    ("AWS::IAM::Policy", &["iam:PutRolePolicy", "iam:GetRolePolicy", "iam:DeleteRolePolicy"]),
    (
        "AWS::IAM::Role",
        &[
            "iam:CreateRole",
            "iam:GetRole",
            "iam:UpdateAssumeRolePolicy",
            "iam:PutRolePolicy",
            "iam:ListRolePolicies",
            "iam:ListAttachedRolePolicies",
            "iam:DeleteRolePolicy",
            "iam:DeleteRole",
            "iam:PassRole",
        ],
    ),
    (
        "AWS::Lambda::EventSourceMapping",
        &[
            "lambda:CreateEventSourceMapping",
            "lambda:GetEventSourceMapping",
            "lambda:UpdateEventSourceMapping",
            "lambda:DeleteEventSourceMapping",
        ],
    ),
    ("AWS::Lambda::Permission", &["lambda:AddPermission", "lambda:GetPolicy", "lambda:RemovePermission"]),
    (
        "AWS::Logs::LogGroup",
        &[
            "logs:CreateLogGroup",
            "logs:DescribeLogGroups",
            "logs:PutRetentionPolicy",
            "logs:AssociateKmsKey",
            "logs:DisassociateKmsKey",
            "logs:TagResource",
            "logs:DeleteLogGroup",
        ],
    ),
    (
        "AWS::RDS::DBInstance",
        &[
            "rds:CreateDBInstance",
            "rds:RestoreDBInstanceFromDBSnapshot",
            "rds:DescribeDBInstances",
            "rds:ModifyDBInstance",
            "rds:DescribeEvents",
            "rds:DescribeDBInstanceAutomatedBackups",
            "rds:CreateDBSnapshot",
            "rds:DescribeDBSnapshots",
            "rds:DeleteDBInstance",
            "rds:AddTagsToResource",
            // The owner's password, and the keys.
            "secretsmanager:CreateSecret",
            "secretsmanager:TagResource",
            "kms:CreateGrant",
            "kms:DescribeKey",
            "iam:CreateServiceLinkedRole",
        ],
    ),
    (
        "AWS::RDS::DBParameterGroup",
        &[
            "rds:CreateDBParameterGroup",
            "rds:ModifyDBParameterGroup",
            "rds:DescribeDBParameterGroups",
            "rds:DescribeDBParameters",
            "rds:DescribeEngineDefaultParameters",
            "rds:DeleteDBParameterGroup",
        ],
    ),
    (
        "AWS::RDS::DBProxy",
        &["rds:CreateDBProxy", "rds:DescribeDBProxies", "rds:ModifyDBProxy", "rds:DeleteDBProxy"],
    ),
    (
        "AWS::RDS::DBProxyTargetGroup",
        &[
            "rds:DescribeDBProxyTargetGroups",
            "rds:ModifyDBProxyTargetGroup",
            "rds:RegisterDBProxyTargets",
            "rds:DescribeDBProxyTargets",
            "rds:DeregisterDBProxyTargets",
        ],
    ),
    (
        "AWS::RDS::DBSubnetGroup",
        &[
            "rds:CreateDBSubnetGroup",
            "rds:DescribeDBSubnetGroups",
            "rds:ModifyDBSubnetGroup",
            "rds:DeleteDBSubnetGroup",
        ],
    ),
    (
        "AWS::SQS::Queue",
        &[
            "sqs:CreateQueue",
            "sqs:GetQueueAttributes",
            "sqs:SetQueueAttributes",
            "sqs:TagQueue",
            "sqs:DeleteQueue",
        ],
    ),
    (
        "AWS::Scheduler::Schedule",
        &[
            "scheduler:CreateSchedule",
            "scheduler:GetSchedule",
            "scheduler:UpdateSchedule",
            "scheduler:DeleteSchedule",
        ],
    ),
    (
        "AWS::SecretsManager::Secret",
        &[
            "secretsmanager:CreateSecret",
            "secretsmanager:DescribeSecret",
            "secretsmanager:UpdateSecret",
            "secretsmanager:DeleteSecret",
        ],
    ),
    (
        "AWS::Serverless::Function",
        &[
            "s3:GetObject",
            "lambda:CreateFunction",
            "lambda:GetFunction",
            "lambda:UpdateFunctionCode",
            "lambda:UpdateFunctionConfiguration",
            "lambda:PutFunctionConcurrency",
            "lambda:DeleteFunctionConcurrency",
            "lambda:TagResource",
            "lambda:DeleteFunction",
            // What SAM makes of EventInvokeConfig.
            "lambda:PutFunctionEventInvokeConfig",
            "lambda:DeleteFunctionEventInvokeConfig",
            "iam:PassRole",
        ],
    ),
    ("Custom::Migrations", &["lambda:InvokeFunction"]),
];

const API: [&str; 4] = ["apigateway:POST", "apigateway:GET", "apigateway:PATCH", "apigateway:DELETE"];

/// What AWS lets nobody allow on less: lists, checks of what is not there yet, deliveries of logs, and mappings, which are allowed by what they wake.
const ON_EVERYTHING: [&str; 19] = [
    "cloudformation:GetTemplateSummary",
    "cloudformation:ValidateTemplate",
    "lambda:CreateEventSourceMapping",
    "lambda:DeleteEventSourceMapping",
    "lambda:UpdateEventSourceMapping",
    "logs:CreateLogDelivery",
    "logs:DeleteLogDelivery",
    "logs:DescribeLogGroups",
    "logs:DescribeResourcePolicies",
    "logs:GetLogDelivery",
    "logs:ListLogDeliveries",
    "logs:PutResourcePolicy",
    "logs:UpdateLogDelivery",
    "rds:DescribeDBClusters",
    "rds:DescribeDBEngineVersions",
    "rds:DescribeDBInstanceAutomatedBackups",
    "rds:DescribeEngineDefaultParameters",
    "rds:DescribeEvents",
    "rds:DescribeOrderableDBInstanceOptions",
];

/// The statements of a policy or role of `deployer.yaml`.
fn statements(of: &Value) -> Vec<&Value> {
    let documents = of["Policies"].as_array().into_iter().flatten().map(|policy| &policy["PolicyDocument"]);
    let documents = documents.chain(of.get("PolicyDocument"));
    documents.flat_map(|document| document["Statement"].as_array().unwrap()).collect()
}

fn actions(statement: &Value) -> Vec<&str> {
    match &statement["Action"] {
        Value::Array(actions) => actions.iter().filter_map(Value::as_str).collect(),
        action => action.as_str().into_iter().collect(),
    }
}

#[test]
fn cloudformation_may_do_what_each_type_of_resource_takes() {
    let (template, deployer) = (Template::read(), Template::of_file("deployer.yaml"));
    let role = deployer.of_type("AWS::IAM::Role")["CloudFormationRole"];
    let policies = deployer.of_type("AWS::IAM::ManagedPolicy");
    let attached = role["ManagedPolicyArns"].as_array().unwrap();
    let attached = attached.iter().map(|policy| policies[policy["Ref"].as_str().unwrap()]);
    let all: Vec<_> = attached.chain([role]).flat_map(statements).collect();
    let allowed: BTreeSet<_> = all.iter().flat_map(|statement| actions(statement)).collect();
    for (name, resource) in template.whole["Resources"].as_object().unwrap() {
        let kind = resource["Type"].as_str().unwrap();
        let needed = NEEDED.iter().find(|(known, _)| *known == kind);
        let (_, needed) = needed.unwrap_or_else(|| panic!("{name}: nobody knows what a {kind} takes"));
        let missing: Vec<_> = needed.iter().filter(|action| !allowed.contains(*action)).collect();
        assert!(missing.is_empty(), "deployer.yaml does not allow {missing:?} for {name}");
    }
}

#[test]
fn whoever_deploys_may_do_by_name_what_has_one() {
    let deployer = Template::of_file("deployer.yaml");
    let resources =
        deployer.of_type("AWS::IAM::ManagedPolicy").into_iter().chain(deployer.of_type("AWS::IAM::Role"));
    for (name, resource) in resources {
        for statement in statements(resource) {
            assert_eq!(statement["Effect"], "Allow", "{name}");
            for action in actions(statement) {
                assert!(!action.contains('*'), "{name} allows {action}");
                let known = ON_EVERYTHING.contains(&action) || action.starts_with("ec2:Describe");
                assert!(statement["Resource"] != "*" || known, "{name} allows {action} on everything");
            }
        }
    }
}

/// Whoever may hand a role on may do what that role may.
#[test]
fn roles_are_handed_on_to_services_by_name() {
    let deployer = Template::of_file("deployer.yaml");
    let resources =
        deployer.of_type("AWS::IAM::ManagedPolicy").into_iter().chain(deployer.of_type("AWS::IAM::Role"));
    let mut found = 0;
    for statement in resources.flat_map(|(_, resource)| statements(resource)) {
        if actions(statement).contains(&"iam:PassRole") {
            found += 1;
            assert!(
                statement["Condition"]["StringEquals"]["iam:PassedToService"].is_string()
                    || statement["Condition"]["StringEquals"]["iam:PassedToService"].is_array()
            );
        }
    }
    assert_eq!(found, 2, "CloudFormation to the services, and whoever deploys to CloudFormation");
}

/// `sam delete` (1.170) asks for two stacks that it may have made beside ours, takes every function's code out of the bucket, and gives up, before it has
/// deleted the stack, where it may not.
#[test]
fn whoever_deploys_may_delete_by_sam() {
    let deployer = Template::of_file("deployer.yaml");
    let policy = deployer.of_type("AWS::IAM::ManagedPolicy")["DeployPolicy"];
    let allowed = |action: &str, on: &str| {
        let of_action =
            statements(policy).into_iter().filter(|statement| actions(statement).contains(&action));
        let resources = of_action.flat_map(|statement| match &statement["Resource"] {
            Value::Array(resources) => resources.clone(),
            resource => vec![resource.clone()],
        });
        let mut resources = resources.filter_map(|resource| resource["Fn::Sub"].as_str().map(str::to_owned));
        assert!(resources.any(|resource| resource.ends_with(on)), "sam delete needs {action} on {on}");
    };
    allowed("cloudformation:DescribeStacks", ":stack/${StackName}-*-CompanionStack/*");
    allowed("cloudformation:DescribeStacks", ":stack/${StackName}-*-WebFunctionCode/*");
    allowed("cloudformation:DeleteStack", ":stack/${StackName}/*");
    allowed("s3:DeleteObject", ":::${CodeBucket}/${StackName}/*");
    // Where sam puts the code.
    let config: toml::Table = text("samconfig.toml").parse().unwrap();
    let stack = config["default"]["global"]["parameters"]["stack_name"].as_str().unwrap();
    assert_eq!(config["default"]["deploy"]["parameters"]["s3_prefix"].as_str(), Some(stack));
    assert_eq!(deployer.whole["Parameters"]["StackName"]["Default"], stack);
}

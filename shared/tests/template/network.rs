//! The network that a database of the stack's own brings: who is where, who may talk to whom, and what can be reached.

use std::collections::{BTreeMap, BTreeSet};

use runplane::functions::FUNCTIONS;
use serde_json::{Value, json};

use crate::template::{Template, attribute, reference, substitution};

const ZONES: [&str; 3] = ["A", "B", "C"];

fn subnets() -> Value {
    let third = json!({ "Fn::If": ["HasThirdZone", reference("SubnetC"), reference("AWS::NoValue")] });
    json!([reference("SubnetA"), reference("SubnetB"), third])
}

#[test]
fn functions_are_in_the_private_subnets_of_the_stack_or_in_those_that_are_named() {
    let template = Template::read();
    let given = |parameter: &str| json!({ "Fn::Not": [{ "Fn::Equals": [{ "Fn::Join": ["", reference(parameter)] }, ""] }] });
    let new = json!({ "Fn::Equals": [reference("Database"), "NEW"] });
    let any = json!({ "Fn::Or": [new, given("SubnetIds"), given("SecurityGroupIds")] });
    assert_eq!(template.whole["Conditions"]["InVpc"], any);
    let own = json!({ "SubnetIds": subnets(), "SecurityGroupIds": [reference("FunctionsGroup")] });
    let named =
        json!({ "SubnetIds": reference("SubnetIds"), "SecurityGroupIds": reference("SecurityGroupIds") });
    let either = json!({ "Fn::If": ["NewDatabase", own, named] });
    let expected = json!({ "Fn::If": ["InVpc", either, reference("AWS::NoValue")] });
    for row in &FUNCTIONS {
        let (name, function) = template.function(row.name);
        assert_eq!(template.property(function, "VpcConfig"), &expected, "{name}");
    }
    for kind in ["AWS::RDS::DBSubnetGroup", "AWS::RDS::DBProxy"] {
        let (name, resource) = template.only(kind);
        let of = if kind.ends_with("Proxy") { "VpcSubnetIds" } else { "SubnetIds" };
        assert_eq!(resource[of], subnets(), "{name}");
    }
}

#[test]
fn each_zone_has_a_subnet_with_addresses_and_a_route_table_of_its_own() {
    let template = Template::read();
    let all = template.of_type("AWS::EC2::Subnet");
    assert_eq!(all.len(), 2 * ZONES.len());
    let mut addresses = BTreeSet::new();
    let associations = template.of_type("AWS::EC2::SubnetRouteTableAssociation");
    for (place, zone) in ZONES.iter().enumerate() {
        for (prefix, routes) in [("", format!("Routes{zone}")), ("Public", "PublicRoutes".to_owned())] {
            let name = format!("{prefix}Subnet{zone}");
            let subnet = all[name.as_str()];
            let in_zone = json!({ "Fn::Select": [place, { "Fn::GetAZs": "" }] });
            assert_eq!(subnet["AvailabilityZone"], in_zone, "{name}");
            assert!(
                addresses.insert(subnet["CidrBlock"].to_string()),
                "{name} has the addresses of another one"
            );
            assert_eq!(
                associations[format!("RoutesOf{name}").as_str()],
                &json!({ "SubnetId": reference(&name), "RouteTableId": reference(&routes) })
            );
        }
    }
    assert_eq!(associations.len(), all.len());
}

/// Only what has to translate addresses is where the internet begins.
#[test]
fn nothing_but_nats_is_in_a_public_subnet() {
    let template = Template::read();
    let mut places = BTreeMap::new();
    for (name, resource) in template.whole["Resources"].as_object().unwrap() {
        let kind = resource["Type"].as_str().unwrap();
        if resource["Properties"].to_string().contains(r#"{"Ref":"PublicSubnet"#) {
            places.entry(kind).or_insert_with(Vec::new).push(name.as_str());
        }
    }
    let kinds: Vec<_> = places.keys().copied().collect();
    assert_eq!(kinds, ["AWS::EC2::NatGateway", "AWS::EC2::SubnetRouteTableAssociation"]);
    for (name, subnet) in template.of_type("AWS::EC2::Subnet") {
        assert!(subnet.get("MapPublicIpOnLaunch").is_none(), "{name}");
    }
    let nats = template.of_type("AWS::EC2::NatGateway");
    assert_eq!(nats.len(), ZONES.len());
    for zone in ZONES {
        let nat = nats[format!("Nat{zone}").as_str()];
        assert_eq!(nat["SubnetId"], reference(&format!("PublicSubnet{zone}")), "Nat{zone}");
        assert_eq!(nat["AllocationId"], attribute(&format!("Address{zone}"), "AllocationId"), "Nat{zone}");
    }
}

#[test]
fn without_a_nat_no_route_leads_to_the_internet() {
    let template = Template::read();
    for (name, route) in template.of_type("AWS::EC2::Route") {
        let to = match name.strip_prefix("WayOut") {
            Some("A") => json!({ "NatGatewayId": reference("NatA") }),
            Some(zone) => {
                let own = reference(&format!("Nat{zone}"));
                json!({ "NatGatewayId": { "Fn::If": ["HasNatInEachZone", own, reference("NatA")] } })
            }
            None => json!({ "GatewayId": reference("InternetGateway") }),
        };
        let of =
            name.strip_prefix("WayOut").map_or("PublicRoutes".to_owned(), |zone| format!("Routes{zone}"));
        let mut expected = json!({ "RouteTableId": reference(&of), "DestinationCidrBlock": "0.0.0.0/0" });
        expected.as_object_mut().unwrap().append(&mut to.as_object().unwrap().clone());
        assert_eq!(route, &expected, "{name}");
    }
    let conditions = &template.whole["Conditions"];
    let new = json!({ "Fn::Equals": [reference("Database"), "NEW"] });
    let nats = |value: &str| json!({ "Fn::Equals": [reference("NatGateways"), value] });
    assert_eq!(conditions["HasNat"], json!({ "Fn::And": [new.clone(), { "Fn::Not": [nats("NONE")] }] }));
    assert_eq!(conditions["HasNatInEachZone"], json!({ "Fn::And": [new.clone(), nats("EACH_ZONE")] }));
    assert_eq!(conditions["HasEndpoints"], json!({ "Fn::And": [new.clone(), nats("NONE")] }));
    let third = json!({ "Fn::And": [new, { "Fn::Equals": [reference("NetworkZones"), 3] }] });
    assert_eq!(conditions["HasThirdZone"], third);
    let both =
        |one: &str, other: &str| json!({ "Fn::And": [{ "Fn::Condition": one }, { "Fn::Condition": other }] });
    assert_eq!(conditions["HasNatInThirdZone"], both("HasNatInEachZone", "HasThirdZone"));
    assert_eq!(conditions["HasThirdZoneBehindNat"], both("HasNat", "HasThirdZone"));
    assert_eq!(template.whole["Parameters"]["NatGateways"]["Default"], "NONE");
}

/// Every rule of a security group: port, and from or to whom.
fn rules(group: &Value, direction: &str) -> Vec<(Value, Value)> {
    let rule = |rule: &Value| {
        assert_eq!((&rule["IpProtocol"], &rule["FromPort"]), (&json!("tcp"), &rule["ToPort"]), "{rule}");
        let whom = [&rule["SourceSecurityGroupId"], &rule["CidrIp"]].into_iter().find(|whom| !whom.is_null());
        (rule["FromPort"].clone(), whom.unwrap().clone())
    };
    group[direction].as_array().into_iter().flatten().map(rule).collect()
}

#[test]
fn the_database_is_reached_by_functions_and_the_proxy_and_functions_by_nobody() {
    let template = Template::read();
    let groups = template.of_type("AWS::EC2::SecurityGroup");
    let from = |name: &str| rules(groups[name], "SecurityGroupIngress");
    let functions = || reference("FunctionsGroup");
    assert_eq!(from("FunctionsGroup"), []);
    let [condition, with_proxy, without] =
        groups["DatabaseGroup"]["SecurityGroupIngress"]["Fn::If"].as_array().unwrap().as_slice()
    else {
        panic!("{}", groups["DatabaseGroup"])
    };
    assert_eq!(condition, "HasProxy");
    let of = |rules: &Value| json!({ "SecurityGroupIngress": rules });
    // migrate goes past the proxy.
    let both = [(json!(5432), functions()), (json!(5432), reference("ProxyGroup"))];
    assert_eq!(rules(&of(with_proxy), "SecurityGroupIngress"), both);
    assert_eq!(rules(&of(without), "SecurityGroupIngress"), [(json!(5432), functions())]);
    assert_eq!(from("ProxyGroup"), [(json!(5432), functions())]);
    assert_eq!(from("EndpointsGroup"), [(json!(443), functions())]);
    assert_eq!(groups.len(), 4);

    let network = || reference("VpcCidr");
    for name in ["DatabaseGroup", "EndpointsGroup"] {
        // No rule would be one that allows everything.
        let nowhere = [(json!(1), json!("127.0.0.1/32"))];
        assert_eq!(rules(groups[name], "SecurityGroupEgress"), nowhere, "{name}");
    }
    assert_eq!(rules(groups["ProxyGroup"], "SecurityGroupEgress"), [(json!(5432), network())]);
    let [condition, with_nat, without] =
        groups["FunctionsGroup"]["SecurityGroupEgress"]["Fn::If"].as_array().unwrap().as_slice()
    else {
        panic!("{}", groups["FunctionsGroup"])
    };
    assert_eq!(condition, "HasNat");
    assert_eq!(with_nat[0]["CidrIp"], "0.0.0.0/0");
    let of = json!({ "SecurityGroupEgress": without });
    let expected = [(json!(5432), network()), (json!(443), json!("0.0.0.0/0"))];
    assert_eq!(rules(&of, "SecurityGroupEgress"), expected);
}

/// What an endpoint lets pass: actions with what they are on.
fn passes(statement: &Value, found: &mut BTreeSet<(String, String)>) {
    // Only where there is something to reach.
    let statement = statement["Fn::If"].get(1).unwrap_or(statement);
    assert_eq!((&statement["Effect"], &statement["Principal"]), (&json!("Allow"), &json!("*")));
    let list = |value: &Value| value.as_array().cloned().unwrap_or_else(|| vec![value.clone()]);
    for action in list(&statement["Action"]) {
        for resource in list(&statement["Resource"]) {
            found.insert((action.as_str().unwrap().to_owned(), resource.to_string()));
        }
    }
}

/// What functions call, by their roles: actions with what they are on.
fn calls(template: &Template) -> BTreeSet<(String, String)> {
    let mut found = BTreeSet::new();
    for row in &FUNCTIONS {
        let role = template.function(row.name).1["Role"]["Fn::GetAtt"].as_str().unwrap();
        let role = template.of_type("AWS::IAM::Role")[role.trim_end_matches(".Arn")];
        for statement in role["Policies"][0]["PolicyDocument"]["Statement"].as_array().unwrap() {
            let statement = statement["Fn::If"].get(1).unwrap_or(statement);
            if statement["Effect"] == "Deny" {
                continue;
            }
            let actions = statement["Action"].as_array().unwrap();
            let on = statement["Resource"].to_string();
            found.extend(actions.iter().map(|action| (action.as_str().unwrap().to_owned(), on.clone())));
        }
    }
    found
}

/// Calls under a function's role that do not come from its network.
fn comes_from_elsewhere(action: &str, on: &str) -> bool {
    // Lambda writes logs, the mappings receive messages, and SQS and Secrets Manager ask for keys.
    let of_the_mapping = ["sqs:ReceiveMessage", "sqs:DeleteMessage"];
    // How full the queue of the runs is, the sweep asks too.
    let of_the_others = action == "sqs:GetQueueAttributes" && !on.contains("RunsQueue");
    action.starts_with("logs:")
        || action.starts_with("kms:")
        || of_the_mapping.contains(&action)
        || of_the_others
}

/// Where functions have no way out, each call needs an endpoint; and an endpoint lets nothing else pass.
#[test]
fn without_a_nat_endpoints_let_pass_what_functions_call_and_no_more() {
    let template = Template::read();
    let endpoints = template.of_type("AWS::EC2::VPCEndpoint");
    let mut passed = BTreeSet::new();
    let mut services = BTreeMap::new();
    for (name, endpoint) in &endpoints {
        let policy = &endpoint["PolicyDocument"];
        let policy = if *name == "S3Endpoint" {
            // With a NAT there is more than our own to reach.
            assert_eq!(policy["Fn::If"][0], "HasNat");
            assert_eq!(policy["Fn::If"][1], reference("AWS::NoValue"));
            &policy["Fn::If"][2]
        } else {
            policy
        };
        for statement in policy["Statement"].as_array().unwrap() {
            passes(statement, &mut passed);
        }
        let service = endpoint["ServiceName"]["Fn::Sub"].as_str().unwrap();
        services.insert(service.trim_start_matches("com.amazonaws.${AWS::Region}."), *name);
        if *name != "S3Endpoint" {
            assert_eq!(endpoint["VpcEndpointType"], "Interface", "{name}");
            assert_eq!(
                endpoint["PrivateDnsEnabled"], true,
                "{name}: the SDK asks for the service by its own name"
            );
            assert_eq!(endpoint["SubnetIds"], subnets(), "{name}");
            assert_eq!(endpoint["SecurityGroupIds"], json!([reference("EndpointsGroup")]), "{name}");
        }
    }
    let expected = [
        ("events", "EventsEndpoint"),
        ("lambda", "LambdaEndpoint"),
        ("s3", "S3Endpoint"),
        ("secretsmanager", "SecretsEndpoint"),
        ("sqs", "SqsEndpoint"),
    ];
    assert_eq!(services, expected.into());

    let mut called = calls(&template);
    // Without a NAT the database is the stack's own, and so is its owner's secret.
    called.retain(|(action, on)| !comes_from_elsewhere(action, on) && !on.contains("OwnerPasswordSecretArn"));
    // CloudFormation lets migrate put its answer by an address that it has signed itself.
    let answers = substitution("arn:${AWS::Partition}:s3:::cloudformation-custom-resource-response-*/*");
    called.insert(("s3:PutObject".to_owned(), answers.to_string()));
    assert_eq!(passed, called);
}

#[test]
fn s3_is_reached_from_every_private_subnet_and_costs_nothing() {
    let template = Template::read();
    let endpoint = template.of_type("AWS::EC2::VPCEndpoint")["S3Endpoint"];
    assert_eq!(endpoint["VpcEndpointType"], "Gateway");
    let third = json!({ "Fn::If": ["HasThirdZone", reference("RoutesC"), reference("AWS::NoValue")] });
    assert_eq!(endpoint["RouteTableIds"], json!([reference("RoutesA"), reference("RoutesB"), third]));
}

/// migrate is called while the stack is made, and while it is deleted: it needs the database's owner's password, and CloudFormation its answer.
#[test]
fn functions_wait_for_a_way_to_what_they_call_and_go_before_it() {
    let template = Template::read();
    let join = |parts: &[Value]| json!({ "Fn::Join": ["/", parts] });
    let third = |of: Value| json!({ "Fn::If": ["HasThirdZone", of, reference("AWS::NoValue")] });
    let tables = ["A", "B", "C"].map(|zone| reference(&format!("RoutesOfSubnet{zone}")));
    let [first, second, last] = tables;
    let routes = join(&[reference("S3Endpoint"), first, second, third(last)]);
    let tags = &template.whole["Globals"]["Function"]["Tags"];
    assert_eq!(tags["routes"], json!({ "Fn::If": ["NewDatabase", routes, "none"] }));

    // Every endpoint that has an interface, those that are not always there as well.
    let mut by_endpoints = vec![reference("SqsEndpoint"), reference("SecretsEndpoint")];
    for name in ["LambdaEndpoint", "EventsEndpoint"] {
        let condition = &template.whole["Resources"][name]["Condition"];
        by_endpoints.push(json!({ "Fn::If": [condition, reference(name), reference("AWS::NoValue")] }));
    }
    let endpoints = template.of_type("AWS::EC2::VPCEndpoint");
    let interfaces = endpoints.values().filter(|endpoint| endpoint["VpcEndpointType"] == "Interface");
    assert_eq!(interfaces.count(), by_endpoints.len(), "functions do not wait for each of them");
    let by_endpoints = join(&by_endpoints);
    // What Ref says of a route no tag takes.
    let [first, second, last] = ["A", "B", "C"].map(|zone| attribute(&format!("WayOut{zone}"), "CidrBlock"));
    let by_nat = json!({ "Fn::If": ["HasNat", join(&[first, second, third(last)]), "none"] });
    assert_eq!(tags["ways-out"], json!({ "Fn::If": ["HasEndpoints", by_endpoints, by_nat] }));
}

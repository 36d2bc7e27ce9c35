//! The HTTP API: an integration for each function that answers requests, and a route and a permission for each of its routes.

use std::collections::{BTreeMap, BTreeSet};

use runplane::functions::{FUNCTIONS, Function};
use serde_json::{Value, json};

use crate::template::{Template, attribute, reference, substitution};

/// Those with a route: function, method, path.
fn routed() -> impl Iterator<Item = (&'static Function, &'static str, &'static str)> {
    FUNCTIONS.iter().flat_map(|row| row.routes().iter().map(move |route| (row, route.method, route.path)))
}

#[test]
fn every_route_leads_to_its_function_and_there_are_no_others() {
    let template = Template::read();
    let (api, _) = template.only("AWS::ApiGatewayV2::Api");
    let integrations = template.of_type("AWS::ApiGatewayV2::Integration");
    let mut found = BTreeMap::new();
    for (name, route) in template.of_type("AWS::ApiGatewayV2::Route") {
        assert_eq!(route["ApiId"], reference(api), "{name}");
        let target = route["Target"]["Fn::Sub"].as_str().unwrap_or_default();
        let integration = target.strip_prefix("integrations/${").and_then(|text| text.strip_suffix('}'));
        let integration =
            integration.unwrap_or_else(|| panic!("{name} leads to no integration: {}", route["Target"]));
        let properties = integrations.get(integration).unwrap_or_else(|| panic!("there is no {integration}"));
        let function =
            properties["IntegrationUri"]["Fn::GetAtt"].as_str().and_then(|arn| arn.strip_suffix(".Arn"));
        let binary =
            template.binary(function.unwrap_or_else(|| panic!("{integration} leads to no function")));
        let key = route["RouteKey"].as_str().unwrap();
        assert!(found.insert(key, binary).is_none(), "{key} is there twice");
    }
    let expected: BTreeMap<_, _> =
        routed().map(|(row, method, path)| (format!("{method} {path}"), row.name)).collect();
    assert_eq!(found, expected.iter().map(|(key, name)| (key.as_str(), *name)).collect());
    // One for each function, however many routes lead to it.
    let functions: BTreeSet<_> = expected.values().collect();
    assert_eq!(integrations.len(), functions.len(), "{:?}", integrations.keys());
}

#[test]
fn every_integration_hands_on_requests_in_the_format_that_the_functions_read() {
    let template = Template::read();
    for (name, integration) in template.of_type("AWS::ApiGatewayV2::Integration") {
        assert_eq!(integration["ApiId"], reference("Api"), "{name}");
        assert_eq!(integration["IntegrationType"], "AWS_PROXY", "{name}");
        assert_eq!(integration["PayloadFormatVersion"], "2.0", "{name}");
        // The API's own limit, which is the longest there is.
        assert!(integration.get("TimeoutInMillis").is_none(), "{name}");
    }
}

#[test]
fn the_api_may_invoke_each_function_for_its_own_routes_only() {
    let template = Template::read();
    let permission = |function: &str, method: &str, path: &str| {
        let path: Vec<_> =
            path.split('/').map(|part| if part.starts_with('{') { "*" } else { part }).collect();
        let arn = "arn:${AWS::Partition}:execute-api:${AWS::Region}:${AWS::AccountId}:${Api}";
        json!({
            "FunctionName": reference(function),
            "Action": "lambda:InvokeFunction",
            "Principal": "apigateway.amazonaws.com",
            "SourceArn": substitution(&format!("{arn}/*/{method}{}", path.join("/"))),
        })
    };
    let text = |value: &Value| value.to_string();
    let found: BTreeSet<_> = template.of_type("AWS::Lambda::Permission").into_values().map(text).collect();
    let expected: BTreeSet<_> = routed()
        .map(|(row, method, path)| text(&permission(template.function(row.name).0, method, path)))
        .collect();
    assert_eq!(found, expected);
}

/// No origin is allowed: browsers keep what the API answers from the pages of others.
#[test]
fn pages_of_other_sites_are_told_nothing() {
    let template = Template::read();
    let (_, api) = template.only("AWS::ApiGatewayV2::Api");
    assert_eq!(api.get("CorsConfiguration"), None);
    let preflight = |key: &str| key.starts_with("OPTIONS ") || key.starts_with("ANY ");
    for (name, route) in template.of_type("AWS::ApiGatewayV2::Route") {
        assert!(!preflight(route["RouteKey"].as_str().unwrap()), "{name}");
    }
}

#[test]
fn the_api_is_an_http_api_whose_one_stage_is_always_up_to_date() {
    let template = Template::read();
    let (api, properties) = template.only("AWS::ApiGatewayV2::Api");
    assert_eq!(properties["ProtocolType"], "HTTP");
    assert!(properties.get("Body").is_none(), "routes are resources of their own");
    let (_, stage) = template.only("AWS::ApiGatewayV2::Stage");
    assert_eq!(
        (&stage["ApiId"], &stage["StageName"], &stage["AutoDeploy"]),
        (&reference(api), &json!("$default"), &json!(true))
    );
    assert_eq!(template.whole["Outputs"]["ApiUrl"]["Value"], attribute(api, "ApiEndpoint"));
}

//! Every route of the table is handled, whether the gateway names it or not.

use runplane::auth::{Role, Roles};
use runplane::functions::Route;
use runplane::testing;
use serde_json::{Value, json};
use sqlx::postgres::{PgConnectOptions, PgPoolOptions};

use crate::FUNCTION;
use crate::handler::handle;

/// A request by a route, for something that does not exist and with a body that says nothing.
fn event(route: &Route, key: &str) -> String {
    let nobody = "0199e0c0-0000-7000-8000-0000000000ff";
    let parameter = route.path.split_once('{').map(|(_, rest)| rest.split('}').next().unwrap_or_default());
    let path = parameter
        .map_or_else(|| route.path.to_owned(), |name| route.path.replace(&format!("{{{name}}}"), nobody));
    let mut event: Value =
        serde_json::from_str(include_str!("../../../../events/catalog.json")).expect("JSON");
    event["routeKey"] = json!(key);
    event["rawPath"] = json!(path);
    event["rawQueryString"] = json!("");
    event["queryStringParameters"] = json!({});
    event["requestContext"]["routeKey"] = json!(key);
    event["requestContext"]["http"]["method"] = json!(route.method);
    event["requestContext"]["http"]["path"] = json!(path);
    event["pathParameters"] = parameter.map_or(Value::Null, |name| json!({ name: nobody }));
    event["body"] = json!("{}");
    event.to_string()
}

#[sqlx::test(migrator = "runplane::MIGRATOR")]
async fn every_route_of_the_table_is_handled(_pool: PgPoolOptions, options: PgConnectOptions) {
    let app = testing::app(options, FUNCTION).await;
    for route in FUNCTION.routes() {
        for key in [format!("{} {}", route.method, route.path), "$default".to_owned()] {
            let answer = testing::answer(&app, &handle, &event(route, &key)).await;
            let expected = match (route.method, route.path.contains('{')) {
                ("GET", false) => 200,
                // It reads no body.
                ("POST", true) if route.path.ends_with("/retry") => 404,
                ("POST", _) | ("PUT", _) => 400,
                // Without its name, which is the last chance to notice that it is another one.
                ("DELETE", _) if route.path == "/api/tenants/{tenant_id}" => 400,
                _ => 404,
            };
            assert_eq!(answer["status"], expected, "{} {} by {key}: {answer}", route.method, route.path);
        }
    }
}

/// Somebody who narrows a call by `tenant_id` is not to find that it was made for the tenant in the body.
#[sqlx::test(migrator = "runplane::MIGRATOR")]
async fn what_creates_takes_no_query(_pool: PgPoolOptions, options: PgConnectOptions) {
    let app = testing::app(options, FUNCTION).await;
    let created = include_str!("../../../../events/catalog.create_tenant.json");
    assert_eq!(testing::answer(&app, &handle, created).await["status"], 201);
    let creates = |route: &&Route| route.method == "POST" && !route.path.contains('{');
    for route in FUNCTION.routes().iter().filter(creates) {
        let mut event: Value = serde_json::from_str(created).expect("JSON");
        let key = json!(format!("POST {}", route.path));
        event["routeKey"] = key.clone();
        event["requestContext"]["routeKey"] = key;
        event["rawPath"] = json!(route.path);
        event["rawQueryString"] = json!("tenant_id=0199e0c0-0000-7000-8000-0000000000ff");
        event["queryStringParameters"] = json!({"tenant_id": "0199e0c0-0000-7000-8000-0000000000ff"});
        let answer = testing::answer(&app, &handle, &event.to_string()).await;
        let errors = json!([{"pointer": "/tenant_id", "detail": "is not a parameter of this request"}]);
        assert_eq!((&answer["status"], &answer["body"]["errors"]), (&json!(400), &errors), "{}", route.path);
    }
}

#[sqlx::test(migrator = "runplane::MIGRATOR")]
async fn what_came_by_no_route_is_a_defect(_pool: PgPoolOptions, options: PgConnectOptions) {
    let app = testing::app(options, FUNCTION).await;
    let nowhere =
        Route { method: "POST", path: "/api/tenants/nowhere/at/all", roles: Roles::of(&[Role::Operator]) };
    let answer = testing::answer(&app, &handle, &event(&nowhere, "$default")).await;
    assert_eq!((&answer["status"], &answer["body"]["code"]), (&json!(500), &json!("internal")), "{answer}");
}

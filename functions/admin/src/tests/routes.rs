//! Every route of the table is handled, whether the gateway names it or not.

use runplane::functions::Route;
use runplane::testing;
use serde_json::{Value, json};
use sqlx::postgres::{PgConnectOptions, PgPoolOptions};

use crate::FUNCTION;
use crate::handler::handle;

/// A request by a route, for something that does not exist and with a body that says nothing.
fn event(method: &str, path: &str, key: &str) -> String {
    let nobody = "0199e0c0-0000-7000-8000-0000000000ff";
    let parameter = path.split_once('{').map(|(_, rest)| rest.split('}').next().unwrap_or_default());
    let path = parameter.map_or_else(|| path.to_owned(), |name| path.replace(&format!("{{{name}}}"), nobody));
    let mut event: Value = serde_json::from_str(include_str!("../../../../events/admin.json")).expect("JSON");
    event["routeKey"] = json!(key);
    event["rawPath"] = json!(path);
    event["rawQueryString"] = json!("");
    event["queryStringParameters"] = json!({});
    event["requestContext"]["routeKey"] = json!(key);
    event["requestContext"]["http"]["method"] = json!(method);
    event["requestContext"]["http"]["path"] = json!(path);
    event["pathParameters"] = parameter.map_or(Value::Null, |name| json!({ name: nobody }));
    event["body"] = json!("{}");
    event.to_string()
}

#[sqlx::test(migrator = "runplane::MIGRATOR")]
async fn every_route_of_the_table_is_handled(_pool: PgPoolOptions, options: PgConnectOptions) {
    let app = testing::app(options, FUNCTION).await;
    for Route { method, path, .. } in FUNCTION.routes() {
        for key in [format!("{method} {path}"), "$default".to_owned()] {
            let answer = testing::answer(&app, &handle, &event(method, path, &key)).await;
            let expected = match (*method, path.contains('{')) {
                ("GET", _) => 200,
                ("POST", _) => 400,
                _ => 404,
            };
            assert_eq!(answer["status"], expected, "{method} {path} by {key}: {answer}");
        }
    }
}

#[sqlx::test(migrator = "runplane::MIGRATOR")]
async fn what_came_by_no_route_is_a_defect(_pool: PgPoolOptions, options: PgConnectOptions) {
    let app = testing::app(options, FUNCTION).await;
    let answer = testing::answer(&app, &handle, &event("POST", "/api/audit", "$default")).await;
    assert_eq!((&answer["status"], &answer["body"]["code"]), (&json!(500), &json!("internal")), "{answer}");
}

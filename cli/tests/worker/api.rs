//! The API: a server on this machine that asks the handlers of the functions.

use std::sync::Arc;

use axum::Router;
use axum::body::{Body, Bytes, to_bytes};
use axum::extract::Request;
use axum::http::Response;
use axum::http::request::Parts;
use lambda_http::Body as LambdaBody;
use runplane::app::App;
use runplane::config::ConfigError;
use runplane::db::{Db, Pooler};
use runplane::functions::{self, Function, Route};
use runplane::http::{Call, Reply};
use runplane::problem::Problem;
use serde_json::{Map, Value, json};
use sqlx::postgres::PgConnectOptions;

use crate::network::{Asked, Fate, Network};

#[path = "../../../functions/artifacts/src/handler.rs"]
mod artifacts;
#[path = "../../../functions/claim/src/handler.rs"]
mod claim;
#[path = "../../../functions/complete/src/handler.rs"]
mod complete;
#[allow(dead_code, reason = "a worker only lists them")]
#[path = "../../../functions/catalog/src/connections.rs"]
mod connections;
#[path = "../../../functions/heartbeat/src/handler.rs"]
mod heartbeat;
#[path = "../../../functions/release/src/handler.rs"]
mod release;
#[path = "../../../functions/secrets/src/handler.rs"]
mod secrets;
#[path = "../../../functions/steps/src/handler.rs"]
mod steps;

/// The functions that a worker asks, each with a connection of its own.
#[derive(Debug)]
struct Functions {
    apps: Vec<Result<Arc<App>, ConfigError>>,
    network: Network,
}

const NAMES: [&str; 8] =
    ["artifacts", "catalog", "claim", "complete", "heartbeat", "release", "secrets", "steps"];

/// Starts it on the database of these options; where it is.
pub async fn start(options: &PgConnectOptions, network: &Network) -> String {
    let app = |name: &str| {
        let function = functions::named(name);
        Ok(Arc::new(App::new(function, Db::new(options.clone(), function.plans, Pooler::None), None)))
    };
    let apps = NAMES.iter().map(|name| app(name)).collect();
    let functions = Arc::new(Functions { apps, network: network.clone() });
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("http://{}", listener.local_addr().unwrap());
    let router = Router::new().fallback(move |request: Request| pass_on(Arc::clone(&functions), request));
    tokio::spawn(async move { axum::serve(listener, router).await });
    url
}

/// Does to a request what the network does, and asks the API if it comes that far.
async fn pass_on(functions: Arc<Functions>, request: Request) -> Response<Body> {
    let (parts, body) = request.into_parts();
    let body = to_bytes(body, usize::MAX).await.unwrap();
    let what = format!("{} {}", parts.method, parts.uri.path_and_query().unwrap());
    let asked = Asked { what, body: serde_json::from_slice(&body).unwrap_or_default() };
    match functions.network.fate(asked) {
        None => functions.answer(&parts, &body).await,
        Some(Fate::AnswerLost) => {
            functions.answer(&parts, &body).await;
            let broken = futures_util::stream::iter([Err::<Bytes, _>(std::io::Error::other("lost"))]);
            Response::new(Body::from_stream(broken))
        }
        Some(Fate::Answered(status, body)) => answer(status, &body),
        Some(Fate::Later(status, seconds)) => {
            let mut answer = answer(status, &json!({ "message": "later" }));
            answer.headers_mut().insert("retry-after", seconds.into());
            answer
        }
        Some(Fate::Held(mut opened)) => {
            // Dropped with the gate, it counts as opened.
            let _ = opened.wait_for(|opened| *opened).await;
            functions.answer(&parts, &body).await
        }
    }
}

pub fn answer(status: u16, body: &Value) -> Response<Body> {
    let response = Response::builder().status(status).header("content-type", "application/json");
    response.body(Body::from(body.to_string())).unwrap()
}

impl Functions {
    async fn answer(&self, parts: &Parts, body: &[u8]) -> Response<Body> {
        let (method, path) = (parts.method.as_str(), parts.uri.path());
        for (name, app) in NAMES.iter().zip(&self.apps) {
            let function = functions::named(name);
            if let Some(route) = route_of(function, method, path) {
                let event = event(route, parts, body).to_string();
                let request = lambda_http::request::from_str(&event).unwrap();
                let response = match *name {
                    "artifacts" => runplane::http::answer(app, &artifacts::handle, request).await,
                    "catalog" => runplane::http::answer(app, &list_connections, request).await,
                    "claim" => runplane::http::answer(app, &claim::handle, request).await,
                    "complete" => runplane::http::answer(app, &complete::handle, request).await,
                    "heartbeat" => runplane::http::answer(app, &heartbeat::handle, request).await,
                    "release" => runplane::http::answer(app, &release::handle, request).await,
                    "secrets" => runplane::http::answer(app, &secrets::handle, request).await,
                    _ => runplane::http::answer(app, &steps::handle, request).await,
                };
                return response.map(|body| match body {
                    LambdaBody::Text(text) => Body::from(text),
                    _ => Body::empty(),
                });
            }
        }
        answer(404, &json!({ "message": "Not Found" }))
    }
}

/// Of the catalogue a worker asks nothing else.
async fn list_connections(app: Arc<App>, call: Call) -> Result<Reply, Problem> {
    connections::list(&app, &call).await
}

/// The route that a request comes by, one without a parameter before one with.
fn route_of(function: &'static Function, method: &str, path: &str) -> Option<&'static Route> {
    let fits = function.routes().iter().filter(|route| route.fits(method, path));
    fits.min_by_key(|route| route.path.contains('{'))
}

/// As API Gateway hands it to a function.
fn event(route: &Route, parts: &Parts, body: &[u8]) -> Value {
    let (path, query) = (parts.uri.path(), parts.uri.query().unwrap_or_default());
    let names = route.path.split('/').zip(path.split('/'));
    let parameters: Map<String, Value> = names
        .filter_map(|(name, value)| {
            Some((name.strip_prefix('{')?.strip_suffix('}')?.to_owned(), json!(value)))
        })
        .collect();
    let key = format!("{} {}", route.method, route.path);
    let http = json!({ "method": parts.method.as_str(), "path": path, "protocol": "HTTP/1.1", "sourceIp": "127.0.0.1", "userAgent": "" });
    let context = json!({
        "accountId": "000000000000", "apiId": "local", "domainName": "localhost", "domainPrefix": "local", "http": http,
        "requestId": "r-1", "routeKey": key, "stage": "$default", "time": "23/Nov/2026:08:00:00 +0000", "timeEpoch": 1795420800000_u64
    });
    let authorization = parts.headers.get("authorization").map(|value| value.to_str().unwrap());
    let headers: Map<String, Value> =
        [("content-type", Some("application/json")), ("authorization", authorization)]
            .into_iter()
            .filter_map(|(name, value)| Some((name.to_owned(), value?.into())))
            .collect();
    json!({
        "version": "2.0", "routeKey": key, "rawPath": path, "rawQueryString": query, "queryStringParameters": parameters_of(query), "headers": headers,
        "pathParameters": parameters, "requestContext": context, "isBase64Encoded": false, "body": String::from_utf8_lossy(body)
    })
}

/// The parameters of a query that has nothing to decode but what a cursor may have.
fn parameters_of(query: &str) -> Value {
    let pairs = query.split('&').filter_map(|pair| pair.split_once('='));
    pairs
        .map(|(name, value)| (name.to_owned(), json!(value.replace("%3D", "="))))
        .collect::<Map<_, _>>()
        .into()
}

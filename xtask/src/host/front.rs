//! HTTP in: Lambda's invoke API, and everything else as an API Gateway HTTP API would treat it.

use std::sync::Arc;
use std::time::Duration;

use axum::Router;
use axum::body::{Body, Bytes, to_bytes};
use axum::extract::{DefaultBodyLimit, Path, Request, State};
use axum::http::{Response, StatusCode};
use axum::routing::post;
use axum::serve::ListenerExt as _;
use serde_json::json;
use tokio::net::TcpListener;
use tokio::time::timeout;
use tokio_util::sync::CancellationToken;

use super::invocation::Failure;
use super::{Functions, answer, event};
use crate::routes::Routes;

/// API Gateway's limit of a request body.
const MAX_BODY: usize = 10 << 20;
/// API Gateway's limit of a call, waiting for an environment included.
const MAX_WAIT: Duration = Duration::from_secs(30);

#[derive(Debug, Clone)]
struct Front {
    routes: Arc<Routes>,
    functions: Arc<Functions>,
}

/// Answers requests on `listener` until `stop` says so.
pub(super) async fn serve(
    listener: TcpListener,
    routes: Routes,
    functions: Arc<Functions>,
    stop: CancellationToken,
) {
    let router = Router::new()
        .route("/2015-03-31/functions/{name}/invocations", post(invoke))
        .fallback(gateway)
        .layer(DefaultBodyLimit::max(MAX_BODY))
        .with_state(Front { routes: routes.into(), functions });
    let listener = listener.tap_io(|tcp| _ = tcp.set_nodelay(true));
    tokio::select! {
        () = stop.cancelled() => {}
        _ = axum::serve(listener, router) => {}
    }
}

/// Lambda's `Invoke`: waits for the answer, however long it stands in line.
async fn invoke(State(front): State<Front>, Path(name): Path<String>, payload: Bytes) -> Response<Body> {
    let Some(function) = front.functions.get(&name) else {
        let body = json!({ "Type": "User", "Message": format!("Function not found: {name}") });
        let mut response = json_response(StatusCode::NOT_FOUND, body.to_string());
        response.headers_mut().insert("x-amzn-errortype", ERROR_TYPE_NOT_FOUND);
        return response;
    };
    // Lambda's clients may leave the body out where the function does not care.
    let payload = if payload.is_empty() { Bytes::from_static(b"{}") } else { payload };
    match function.invoke(payload).await {
        Ok(answer) => json_response(StatusCode::OK, answer),
        Err(failure) => {
            let mut response = json_response(StatusCode::OK, failure.payload());
            response.headers_mut().insert("x-amz-function-error", UNHANDLED);
            response
        }
    }
}

const ERROR_TYPE_NOT_FOUND: http::HeaderValue = http::HeaderValue::from_static("ResourceNotFoundException");
const UNHANDLED: http::HeaderValue = http::HeaderValue::from_static("Unhandled");

/// An HTTP API: route, event, function, answer. Errors have API Gateway's own words, not ours.
async fn gateway(State(front): State<Front>, request: Request) -> Response<Body> {
    let (parts, body) = request.into_parts();
    let Some(matched) = front.routes.find(parts.method.as_str(), parts.uri.path()) else {
        return message(StatusCode::NOT_FOUND, "Not Found");
    };
    let Ok(body) = to_bytes(body, MAX_BODY).await else {
        return message(StatusCode::PAYLOAD_TOO_LARGE, "Request Entity Too Large");
    };
    let Some(function) = front.functions.get(&matched.route.function) else {
        return message(StatusCode::INTERNAL_SERVER_ERROR, "Internal Server Error");
    };
    let event = event::from_request(&matched, &parts, &body).to_string();
    match timeout(MAX_WAIT, function.invoke(event.into())).await {
        Ok(Ok(answer)) => answer::to_response(&answer)
            .unwrap_or_else(|| message(StatusCode::INTERNAL_SERVER_ERROR, "Internal Server Error")),
        Ok(Err(Failure::TimedOut(_))) | Err(_) => {
            message(StatusCode::SERVICE_UNAVAILABLE, "Service Unavailable")
        }
        Ok(Err(_)) => message(StatusCode::INTERNAL_SERVER_ERROR, "Internal Server Error"),
    }
}

fn message(status: StatusCode, text: &str) -> Response<Body> {
    json_response(status, json!({ "message": text }).to_string())
}

fn json_response(status: StatusCode, body: impl Into<Body>) -> Response<Body> {
    let mut response = Response::new(body.into());
    *response.status_mut() = status;
    response.headers_mut().insert("content-type", http::HeaderValue::from_static("application/json"));
    response
}

//! The Runtime API of one environment, on a port of its own: HTTP in, [`Call`]s out to the environment.

use axum::Router;
use axum::body::Body;
use axum::extract::{DefaultBodyLimit, Path, State};
use axum::http::{Response, StatusCode};
use axum::routing::{get, post};
use axum::serve::ListenerExt as _;
use bytes::Bytes;
use tokio::net::TcpListener;
use tokio::sync::{mpsc, oneshot};
use tokio::task::JoinSet;

/// Larger than any answer Lambda lets through (6 MB).
const MAX_ANSWER: usize = 16 << 20;

/// What a function asks of its environment.
#[derive(Debug)]
pub(super) enum Call {
    /// It wants the next event.
    Next(oneshot::Sender<Delivery>),
    /// It answers the invocation `request_id`; it is told whether that one was its own.
    Done { request_id: String, result: Result<Bytes, Bytes>, accepted: oneshot::Sender<bool> },
    /// It cannot start, and says why.
    InitError(Bytes),
}

/// An event, as the function gets it.
#[derive(Debug)]
pub(super) struct Delivery {
    pub request_id: String,
    pub function_arn: String,
    /// Milliseconds since 1970 at which the invocation's time is up.
    pub deadline_ms: u128,
    pub payload: Bytes,
}

/// The listener of an environment; it stops when this value is dropped.
#[derive(Debug)]
pub(super) struct RuntimeApi {
    /// `127.0.0.1:<port>`
    pub address: String,
    /// What the function calls.
    pub calls: mpsc::Receiver<Call>,
    _server: JoinSet<()>,
}

impl RuntimeApi {
    /// Listens on a free port. Fails when there is none.
    pub async fn start() -> std::io::Result<Self> {
        let listener = TcpListener::bind("127.0.0.1:0").await?;
        let address = listener.local_addr()?.to_string();
        let (sender, calls) = mpsc::channel(4);
        let router = Router::new()
            .route("/2018-06-01/runtime/invocation/next", get(next))
            .route("/2018-06-01/runtime/invocation/{id}/response", post(response))
            .route("/2018-06-01/runtime/invocation/{id}/error", post(error))
            .route("/2018-06-01/runtime/init/error", post(init_error))
            .layer(DefaultBodyLimit::max(MAX_ANSWER))
            .with_state(sender);
        let mut server = JoinSet::new();
        let listener = listener.tap_io(|tcp| _ = tcp.set_nodelay(true));
        server.spawn(async move { _ = axum::serve(listener, router).await });
        Ok(Self { address, calls, _server: server })
    }
}

type Calls = State<mpsc::Sender<Call>>;

/// Holds the request until there is an event. Hyper drops this future when the function hangs up, and with it the receiver, which tells the
/// environment that the event must go elsewhere.
async fn next(State(calls): Calls) -> Response<Body> {
    let (sender, delivery) = oneshot::channel();
    let _ = calls.send(Call::Next(sender)).await;
    let Ok(delivery) = delivery.await else { return status(StatusCode::GONE) };
    let response = Response::builder()
        .header("content-type", "application/json")
        .header("lambda-runtime-aws-request-id", &delivery.request_id)
        .header("lambda-runtime-deadline-ms", delivery.deadline_ms.to_string())
        .header("lambda-runtime-invoked-function-arn", &delivery.function_arn)
        .header("lambda-runtime-trace-id", trace_id(&delivery.request_id))
        .body(Body::from(delivery.payload));
    response.unwrap_or_else(|_| status(StatusCode::INTERNAL_SERVER_ERROR))
}

async fn response(State(calls): Calls, Path(id): Path<String>, body: Bytes) -> Response<Body> {
    done(calls, id, Ok(body)).await
}

async fn error(State(calls): Calls, Path(id): Path<String>, body: Bytes) -> Response<Body> {
    done(calls, id, Err(body)).await
}

async fn done(calls: mpsc::Sender<Call>, request_id: String, result: Result<Bytes, Bytes>) -> Response<Body> {
    let (accepted, answer) = oneshot::channel();
    let _ = calls.send(Call::Done { request_id, result, accepted }).await;
    match answer.await {
        Ok(true) => status(StatusCode::ACCEPTED),
        Ok(false) => status(StatusCode::BAD_REQUEST),
        Err(_) => status(StatusCode::GONE),
    }
}

async fn init_error(State(calls): Calls, body: Bytes) -> Response<Body> {
    let _ = calls.send(Call::InitError(body)).await;
    status(StatusCode::ACCEPTED)
}

fn status(status: StatusCode) -> Response<Body> {
    let mut response = Response::new(Body::empty());
    *response.status_mut() = status;
    response
}

/// An X-Ray trace id in the right form, unsampled.
fn trace_id(request_id: &str) -> String {
    let hex: String = request_id.chars().filter(char::is_ascii_hexdigit).collect();
    let (time, rest) = hex.split_at_checked(8).unwrap_or(("00000000", ""));
    format!("Root=1-{time}-{rest};Sampled=0")
}

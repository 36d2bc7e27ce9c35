//! An invocation on its way to a function, and what it may end with.

use bytes::Bytes;
use serde_json::json;
use tokio::sync::oneshot;

/// What an invocation ended with: the function's answer, or why there is none.
pub(super) type Outcome = Result<Bytes, Failure>;

/// One event for a function, and the caller who waits for its outcome.
#[derive(Debug)]
pub(super) struct Invocation {
    /// A UUID: the `Lambda-Runtime-Aws-Request-Id`.
    pub request_id: String,
    /// The event.
    pub payload: Bytes,
    /// Where the outcome goes; the caller may have given up waiting.
    pub reply: oneshot::Sender<Outcome>,
}

/// Why an invocation has no answer.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Failure {
    /// The host runs no function of this name.
    #[error("there is no function {0}")]
    UnknownFunction(String),
    /// The function answered with an error, which is the JSON payload here.
    #[error("the function failed: {}", String::from_utf8_lossy(.0))]
    Reported(Bytes),
    /// It overstepped its time limit of so many milliseconds and was killed.
    #[error("the function was killed after {0} ms")]
    TimedOut(u128),
    /// Its process ended before it answered; how, in words.
    #[error("the function died: {0}")]
    Exited(String),
    /// It could not be started, or ended before it asked for its first event; why, in words.
    #[error("the function does not start: {0}")]
    Init(String),
    /// It answered with something else than JSON.
    #[error("the function's answer is not JSON: {}", String::from_utf8_lossy(.0))]
    NotJson(Bytes),
    /// The host was shut down.
    #[error("the host was shut down")]
    ShutDown,
}

impl Failure {
    /// What Lambda's invoke API sends as the body beside `X-Amz-Function-Error`.
    pub(super) fn payload(&self) -> Bytes {
        let kind = match self {
            Self::Reported(payload) => return payload.clone(),
            Self::TimedOut(_) => "Sandbox.Timedout",
            Self::Init(_) => "Runtime.InitError",
            Self::NotJson(_) => "Runtime.InvalidResponse",
            Self::UnknownFunction(_) | Self::Exited(_) | Self::ShutDown => "Runtime.ExitError",
        };
        json!({ "errorType": kind, "errorMessage": self.to_string() }).to_string().into()
    }
}

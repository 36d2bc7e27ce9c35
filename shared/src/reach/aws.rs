//! What steps ask of AWS: by the credentials of the worker, each call once. Whether it is tried again is the step's to say.

use std::time::Duration;

use aws_config::SdkConfig;
use aws_config::retry::RetryConfig;
use aws_config::stalled_stream_protection::StalledStreamProtectionConfig;
use aws_config::timeout::TimeoutConfig;
use aws_smithy_runtime_api::client::orchestrator::HttpResponse;
use aws_smithy_runtime_api::client::result::SdkError;
use aws_smithy_types::error::metadata::ProvideErrorMetadata;

use tokio::sync::OnceCell;

use super::ReachFailure;
use crate::aws::{Found, of_function};

/// Until there is a line.
const CONNECT_TIMEOUT: Duration = Duration::from_secs(5);
/// What is waited at most because AWS asks for it.
const MOST_RETRY_AFTER: Duration = Duration::from_secs(3600);
/// The codes by which services say that they were asked too often.
const THROTTLED: [&str; 9] = [
    "EC2ThrottledException",
    "KmsThrottled",
    "KMSThrottlingException",
    "OverLimit",
    "RequestThrottled",
    "ThrottledException",
    "Throttling",
    "ThrottlingException",
    "TooManyRequestsException",
];

/// By credentials and in the region that are `found`.
pub async fn config(found: Found) -> SdkConfig {
    let config = found().await.into_builder();
    config
        .retry_config(RetryConfig::disabled())
        .timeout_config(TimeoutConfig::builder().connect_timeout(CONNECT_TIMEOUT).build())
        // An answer may take as long as the step may.
        .stalled_stream_protection(StalledStreamProtectionConfig::disabled())
        .build()
}

/// A client that is made when it is first needed.
#[derive(Debug)]
pub struct Lazily<C> {
    found: Found,
    client: OnceCell<C>,
}

impl<C> Lazily<C> {
    /// By credentials that will be `found`.
    pub fn new(found: Found) -> Self {
        Self { found, client: OnceCell::new() }
    }

    /// One that is there already.
    pub fn ready(client: C) -> Self {
        Self { found: of_function, client: OnceCell::new_with(Some(client)) }
    }

    /// The client, which `make` makes the first time.
    pub async fn get(&self, make: fn(&SdkConfig) -> C) -> &C {
        self.client.get_or_init(async || make(&config(self.found).await)).await
    }
}

/// What a call that failed is called here.
pub fn failure<E: ProvideErrorMetadata>(error: &SdkError<E, HttpResponse>) -> ReachFailure {
    let raw = error.raw_response();
    let status = raw.map_or(0, |response| response.status().as_u16());
    let retry_after = raw.and_then(|response| response.headers().get("retry-after"));
    let retry_after = retry_after.and_then(|seconds| seconds.parse().ok()).map(Duration::from_secs);
    let retry_after = retry_after.map(|pause| pause.min(MOST_RETRY_AFTER));
    match error {
        SdkError::TimeoutError(_) => ReachFailure::passing("timeout", "AWS did not answer in time"),
        SdkError::DispatchFailure(failure) if failure.is_user() => ReachFailure::new(
            "refused",
            "the request cannot be sent: its endpoint or its credentials are not usable",
        ),
        SdkError::DispatchFailure(_) => ReachFailure::passing("connect", "AWS could not be reached"),
        SdkError::ResponseError(_) if status >= 500 || raw.is_none() => ReachFailure::passing(
            "service_error",
            format!("AWS answered with something unreadable, status {status}"),
        ),
        SdkError::ResponseError(_) => {
            ReachFailure::new("refused", format!("AWS answered with something unreadable, status {status}"))
        }
        SdkError::ServiceError(service) => {
            let code = service.err().code().unwrap_or("an error without a code");
            let message = service.err().message().unwrap_or("no message");
            let message = format!("{code}: {message}");
            // SQS says `QueueDoesNotExist` behind a prefix.
            let short = code.rsplit(['.', '#']).next().unwrap_or(code);
            if status == 429 || THROTTLED.contains(&short) {
                return ReachFailure::passing("throttled", message).after(retry_after);
            }
            match short {
                _ if status >= 500 => ReachFailure::passing("service_error", message).after(retry_after),
                "ResourceNotFoundException" | "QueueDoesNotExist" | "NonExistentQueue" => {
                    ReachFailure::new("not_found", message)
                }
                "AccessDenied" | "AccessDeniedException" | "UnrecognizedClientException" => {
                    ReachFailure::new("access_denied", message)
                }
                _ => ReachFailure::new("refused", message),
            }
        }
        _ => ReachFailure::new("refused", "the request cannot be made"),
    }
}

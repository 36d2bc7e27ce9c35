//! Secrets Manager, as the environment reaches it.

use std::time::Duration;

use aws_config::BehaviorVersion;
use aws_config::timeout::TimeoutConfig;
use aws_sdk_secretsmanager::Client;
use aws_sdk_secretsmanager::error::{DisplayErrorContext, ProvideErrorMetadata as _};

/// A call, with what the SDK repeats.
const TIMEOUT: Duration = Duration::from_secs(30);

/// The one that is given, or one by the credentials of the environment.
pub(super) async fn client(given: Option<&Client>) -> Client {
    match given {
        Some(client) => client.clone(),
        None => {
            let timeouts = TimeoutConfig::builder().operation_timeout(TIMEOUT).build();
            let config = aws_config::defaults(BehaviorVersion::latest()).timeout_config(timeouts);
            Client::new(&config.load().await)
        }
    }
}

/// Why a call failed, in words for whoever deploys. All of the cause is for the log.
pub(super) fn said(secret: &str, error: &aws_sdk_secretsmanager::Error) -> String {
    tracing::error!(secret, error = %DisplayErrorContext(error), "Secrets Manager did not do as asked");
    match (error.code(), error.message()) {
        (Some(code), message) => format!("{code}: {}", message.unwrap_or("no message")),
        (None, _) => "it cannot be reached (in subnets: through a NAT or an endpoint)".to_owned(),
    }
}

//! Secrets Manager, as the environment reaches it.

use std::time::Duration;

use aws_config::timeout::TimeoutConfig;
use aws_sdk_secretsmanager::Client;
use aws_sdk_secretsmanager::Error;
use aws_sdk_secretsmanager::error::{DisplayErrorContext, ProvideErrorMetadata as _};
use tokio::time::{Instant, sleep};

use crate::aws;

/// A call, with what the SDK repeats.
const TIMEOUT: Duration = Duration::from_secs(30);
/// How long a refusal may be one of a role that was made a moment ago, as in a stack's first deployment: IAM spreads what it is told in seconds, and says
/// no until then. <https://docs.aws.amazon.com/IAM/latest/UserGuide/troubleshoot.html#troubleshoot_general_eventual-consistency>
const ROLE_SPREADS: Duration = Duration::from_secs(40);
/// Until a call that was refused is made again.
const PAUSE: Duration = Duration::from_secs(1);

/// The one that is given, or one by the credentials of the environment.
pub(super) async fn client(given: Option<&Client>) -> Client {
    match given {
        Some(client) => client.clone(),
        None => {
            let timeouts = TimeoutConfig::builder().operation_timeout(TIMEOUT).build();
            Client::new(&aws::of_function().await.into_builder().timeout_config(timeouts).build())
        }
    }
}

/// What `call` answers, or fails with when it has been refused for as long as a new role may be.
pub(super) async fn allowed<T>(call: impl AsyncFn() -> Result<T, Error>) -> Result<T, Error> {
    let until = Instant::now() + ROLE_SPREADS;
    loop {
        match call().await {
            Err(error) if error.code() == Some("AccessDeniedException") && Instant::now() < until => {
                tracing::warn!(error = %DisplayErrorContext(&error), "Secrets Manager refuses, as it does for seconds after a role was made: asking again");
                sleep(PAUSE).await;
            }
            answered => return answered,
        }
    }
}

/// Why a call failed, in words for whoever deploys. All of the cause is for the log.
pub(super) fn said(secret: &str, error: &Error) -> String {
    tracing::error!(secret, error = %DisplayErrorContext(error), "Secrets Manager did not do as asked");
    match (error.code(), error.message()) {
        (Some(code), message) => format!("{code}: {}", message.unwrap_or("no message")),
        (None, _) => "it cannot be reached (in subnets: through a NAT or an endpoint)".to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use std::sync::atomic::{AtomicUsize, Ordering};

    use aws_sdk_secretsmanager::error::ErrorMetadata;
    use aws_sdk_secretsmanager::operation::get_secret_value::GetSecretValueError;

    use super::*;

    fn refused(code: &str) -> Error {
        GetSecretValueError::generic(ErrorMetadata::builder().code(code).build()).into()
    }

    #[tokio::test(start_paused = true)]
    async fn a_role_that_was_just_made_is_waited_for() {
        let calls = AtomicUsize::new(0);
        let answer = allowed(async || match calls.fetch_add(1, Ordering::Relaxed) {
            0..10 => Err(refused("AccessDeniedException")),
            call => Ok(call),
        });
        assert_eq!(answer.await.unwrap(), 10);
    }

    #[tokio::test(start_paused = true)]
    async fn a_role_that_may_not_is_told_so_within_a_minute() {
        let began = Instant::now();
        let answer = allowed(async || Err::<(), _>(refused("AccessDeniedException"))).await;
        assert_eq!(answer.unwrap_err().code(), Some("AccessDeniedException"));
        assert!(began.elapsed() >= ROLE_SPREADS && began.elapsed() < Duration::from_secs(60));
    }

    #[tokio::test(start_paused = true)]
    async fn whatever_else_is_wrong_is_said_at_once() {
        let began = Instant::now();
        let answer = allowed(async || Err::<(), _>(refused("ResourceNotFoundException"))).await;
        assert!(answer.is_err() && began.elapsed() < PAUSE);
    }
}

//! Asking the control plane for what an execution begins with.

use std::time::Duration;

use tokio::time::sleep;
use tokio_util::sync::CancellationToken;

use crate::dag::execute::JournalError;

/// The pause before a control plane that is out of reach is asked again.
pub(super) const ASK_AGAIN_AFTER: Duration = Duration::from_secs(1);

/// The control plane's answer, however long it is out of reach; until it is time to leave.
pub(super) async fn asked<T, F: Future<Output = Result<T, JournalError>>>(
    leave: &CancellationToken,
    otherwise: &str,
    ask: impl Fn() -> F,
) -> Result<T, JournalError> {
    loop {
        match ask().await {
            Err(JournalError::Unavailable(detail)) if !leave.is_cancelled() => {
                tracing::warn!(error = detail, "{otherwise}: trying again");
                sleep(ASK_AGAIN_AFTER).await;
            }
            other => return other,
        }
    }
}

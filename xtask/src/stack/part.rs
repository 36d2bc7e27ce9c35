//! What all parts of a stack have in common: that they can end by themselves.

use std::time::Duration;

use anyhow::Result;
use tokio::task::JoinHandle;

use crate::process::Service;
use crate::{postgres, sqs};

/// A part that can end by itself.
pub(super) trait Part {
    /// Waits for its end and says how it ended.
    async fn end(&mut self) -> Result<String>;
}

impl Part for postgres::Server {
    async fn end(&mut self) -> Result<String> {
        Ok(self.ended().await?.to_string())
    }
}

impl Part for sqs::Server {
    async fn end(&mut self) -> Result<String> {
        Ok(self.ended().await?.to_string())
    }
}

impl Part for Service {
    async fn end(&mut self) -> Result<String> {
        Ok(self.ended().await?.to_string())
    }
}

impl Part for JoinHandle<Result<()>> {
    async fn end(&mut self) -> Result<String> {
        let ended = self.await;
        // Whatever ended it may still be there a moment later.
        tokio::time::sleep(Duration::from_secs(1)).await;
        Ok(match ended {
            Ok(Ok(())) => "without an error".to_owned(),
            Ok(Err(error)) => format!("{error:#}"),
            Err(panic) => panic.to_string(),
        })
    }
}

/// Waits for the end of `part` and says how it ended. Never returns for a part that does not run.
pub(super) async fn ended(part: &mut Option<impl Part>) -> Result<String> {
    match part {
        Some(part) => part.end().await,
        None => std::future::pending().await,
    }
}

//! `runplane audit …`

use chrono::{DateTime, Utc};
use clap::Subcommand;

use super::Paging;

/// What is done with the audit log.
#[derive(Debug, Subcommand)]
pub enum Command {
    /// What was done to the things of the tenant, or of all tenants; newest first
    List {
        /// Only this, such as version.approved
        #[arg(long)]
        action: Option<String>,
        /// Not older than this, such as 2026-01-31T12:00:00Z
        #[arg(long, value_name = "TIME")]
        since: Option<DateTime<Utc>>,
        /// Older than this
        #[arg(long, value_name = "TIME")]
        until: Option<DateTime<Utc>>,
        /// Which part
        #[command(flatten)]
        paging: Paging,
    },
}

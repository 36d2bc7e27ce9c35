//! `runplane keys …`

use chrono::{DateTime, TimeDelta, Utc};
use clap::Subcommand;
use uuid::Uuid;

use super::{Paging, Span};
use crate::failure::Failure;

/// What is done with API keys.
#[derive(Debug, Subcommand)]
pub enum Command {
    /// Those of the tenant, or of all tenants; newest first
    List(Paging),
    /// A new one, of the tenant. It is shown once
    Create(New),
    /// Make one worthless, everywhere within 60 seconds
    Revoke {
        /// Its id
        id: Uuid,
    },
    /// One for a database, without the API: prints SQL for its owner to run, and beside it the key. So a new deployment gets its first operator
    Generate(New),
}

/// A key that is to be.
#[derive(Debug, clap::Args)]
pub struct New {
    /// What people call it, in 1 to 100 characters
    #[arg(long)]
    pub name: String,
    /// What it is for: viewer, submitter, worker, approver, admin or operator; several
    #[arg(long = "role", value_name = "ROLE", required = true)]
    pub roles: Vec<String>,
    /// For every tenant, whatever --tenant says: an operator, or a worker that works for all
    #[arg(long)]
    pub across_tenants: bool,
    /// From then on it is worth nothing, such as 2027-01-31T12:00:00Z; up to 5 years ahead
    #[arg(long, value_name = "TIME", conflicts_with = "expires_in")]
    expires_at: Option<DateTime<Utc>>,
    /// After so long it is worth nothing, such as 90d
    #[arg(long, value_name = "SPAN")]
    expires_in: Option<Span>,
    /// It makes no more requests than that in the long run, wherever it is used; up to 10000
    #[arg(long, value_name = "N")]
    pub requests_per_second: Option<i32>,
}

impl New {
    /// When it expires, by the clock of this machine; None: it does not.
    ///
    /// # Errors
    /// [`Failure::Usage`] if that is beyond all calendars.
    pub fn expires_at(&self) -> Result<Option<DateTime<Utc>>, Failure> {
        let Some(Span(length)) = self.expires_in else { return Ok(self.expires_at) };
        let length = TimeDelta::from_std(length).ok();
        let time = length.and_then(|length| Utc::now().checked_add_signed(length));
        time.map(Some).ok_or_else(|| Failure::Usage("--expires-in is too long".to_owned()))
    }
}

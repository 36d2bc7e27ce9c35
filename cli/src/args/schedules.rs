//! `runplane schedules …`. A pipeline's name is looked up in the tenant.

use clap::Subcommand;
use uuid::Uuid;

use super::{Document, NameOrId, Paging};

/// What is done with schedules.
#[derive(Debug, Subcommand)]
pub enum Command {
    /// Those of the tenant, or of all tenants; newest first
    List {
        /// The one of this name
        #[arg(long)]
        name: Option<String>,
        /// Only those of this pipeline
        #[arg(long, value_name = "ID|NAME")]
        pipeline: Option<NameOrId>,
        /// Only those that are paused, or that are not
        #[arg(long, value_name = "true|false")]
        paused: Option<bool>,
        /// Which part
        #[command(flatten)]
        paging: Paging,
    },
    /// One, with its next five times
    Show {
        /// Its id
        id: Uuid,
    },
    /// A new one, of the tenant
    Create {
        /// 1 to 200 characters, once per tenant
        #[arg(long)]
        name: String,
        /// What it creates runs of
        #[arg(long, value_name = "ID|NAME")]
        pipeline: NameOrId,
        /// Minute, hour, day of month, month and day of week
        #[arg(long, value_name = "EXPRESSION")]
        cron: String,
        /// Whose clock counts, such as Europe/Berlin; UTC if left out
        #[arg(long, value_name = "NAME")]
        time_zone: Option<String>,
        /// What becomes of times that were missed: skip, latest or all; latest if left out
        #[arg(long, value_name = "POLICY")]
        missed_runs: Option<String>,
        /// Always this version, instead of the one that was approved last
        #[arg(long, value_name = "ID")]
        version: Option<Uuid>,
        /// A JSON object, or @ and a file of it
        #[arg(long, value_name = "JSON|@FILE")]
        parameters: Option<Document>,
        /// The queue of its runs
        #[arg(long)]
        queue: Option<String>,
        /// At most one run with this key at a time
        #[arg(long, value_name = "KEY")]
        concurrency_key: Option<String>,
        /// It is not due until it is resumed
        #[arg(long)]
        paused: bool,
    },
    /// Let it not be due any more
    Pause {
        /// Its id
        id: Uuid,
    },
    /// Let it be due again, from now on
    Resume {
        /// Its id
        id: Uuid,
    },
    /// Remove one; its runs stay
    Delete {
        /// Its id
        id: Uuid,
    },
}

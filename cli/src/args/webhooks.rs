//! `runplane webhooks …`

use clap::Subcommand;
use uuid::Uuid;

use super::{NameOrId, Paging};

/// What is done with webhooks.
#[derive(Debug, Subcommand)]
pub enum Command {
    /// Those of the tenant, or of all tenants; newest first
    List {
        /// The one of this name
        #[arg(long)]
        name: Option<String>,
        /// Which part
        #[command(flatten)]
        paging: Paging,
    },
    /// One, and how its deliveries go
    Show {
        /// Its id
        id: Uuid,
    },
    /// A new one, of the tenant: it is told of what happens from now on
    Create {
        /// 1 to 100 characters, once per tenant
        #[arg(long)]
        name: String,
        /// Where events are sent to: https://…
        #[arg(long, value_name = "URL")]
        to: String,
        /// The name of the secret that events are signed with; never the secret itself
        #[arg(long, value_name = "NAME")]
        secret_ref: String,
        /// Only these, with commas between: run.queued, run.running, run.succeeded, run.failed, run.cancelled
        #[arg(long, value_name = "TYPES", value_delimiter = ',')]
        event_types: Option<Vec<String>>,
        /// Only of this pipeline's runs: its id or name
        #[arg(long)]
        pipeline: Option<NameOrId>,
        /// Nothing is sent for now
        #[arg(long)]
        paused: bool,
    },
    /// Change one
    Set {
        /// Its id
        id: Uuid,
        /// What changes
        #[command(flatten)]
        changes: Changes,
    },
    /// Send nothing to it
    Pause {
        /// Its id
        id: Uuid,
    },
    /// Send to it again
    Resume {
        /// Its id
        id: Uuid,
    },
    /// Retry events that were given up, the oldest thousand
    Retry {
        /// Its id
        id: Uuid,
    },
    /// Remove one, with what it was still to be told
    Delete {
        /// Its id
        id: Uuid,
    },
}

/// What of a webhook may change. At least one.
#[derive(Debug, clap::Args)]
#[group(required = true, multiple = true)]
pub struct Changes {
    /// 1 to 100 characters, once per tenant
    #[arg(long)]
    pub name: Option<String>,
    /// Where events are sent to: https://…
    #[arg(long, value_name = "URL")]
    pub to: Option<String>,
    /// The name of the secret that events are signed with
    #[arg(long, value_name = "NAME")]
    pub secret_ref: Option<String>,
    /// Only these, with commas between
    #[arg(long, value_name = "TYPES", value_delimiter = ',')]
    pub event_types: Option<Vec<String>>,
    /// Every type
    #[arg(long, conflicts_with = "event_types")]
    pub all_event_types: bool,
    /// Only of this pipeline's runs: its id or name
    #[arg(long)]
    pub pipeline: Option<NameOrId>,
    /// Of every pipeline's runs
    #[arg(long, conflicts_with = "pipeline")]
    pub all_pipelines: bool,
    /// Whether nothing is sent
    #[arg(long, value_name = "true|false")]
    pub paused: Option<bool>,
}

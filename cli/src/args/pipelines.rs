//! `runplane pipelines …`. A name is looked up in the tenant.

use clap::Subcommand;

use super::{Limit, NameOrId, Paging};

/// What is done with pipelines.
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
    /// One
    Show {
        /// Its id or name
        pipeline: NameOrId,
    },
    /// A new one, of the tenant
    Create {
        /// 1 to 200 characters, once per tenant
        #[arg(long)]
        name: String,
        /// Up to 2000 characters
        #[arg(long)]
        description: Option<String>,
        /// The queue of its runs, unless they name another
        #[arg(long)]
        queue: Option<String>,
        /// How many of its runs may be RUNNING at once
        #[arg(long, value_name = "N")]
        max_running: Option<u32>,
        /// Its runs wait
        #[arg(long)]
        paused: bool,
    },
    /// Change one
    Set {
        /// Its id or name
        pipeline: NameOrId,
        /// What changes
        #[command(flatten)]
        changes: Changes,
    },
    /// Let its runs wait
    Pause {
        /// Its id or name
        pipeline: NameOrId,
    },
    /// Let its runs go on
    Resume {
        /// Its id or name
        pipeline: NameOrId,
    },
}

/// What of a pipeline may change. At least one.
#[derive(Debug, clap::Args)]
#[group(required = true, multiple = true)]
pub struct Changes {
    /// 1 to 200 characters, once per tenant
    #[arg(long)]
    pub name: Option<String>,
    /// Up to 2000 characters
    #[arg(long)]
    pub description: Option<String>,
    /// None any more
    #[arg(long, conflicts_with = "description")]
    pub no_description: bool,
    /// The queue of its runs, unless they name another
    #[arg(long)]
    pub queue: Option<String>,
    /// The default queue
    #[arg(long, conflicts_with = "queue")]
    pub no_queue: bool,
    /// How many of its runs may be RUNNING at once, or none for no limit
    #[arg(long, value_name = "N|none")]
    pub max_running: Option<Limit>,
    /// Whether its runs wait
    #[arg(long, value_name = "true|false")]
    pub paused: Option<bool>,
}

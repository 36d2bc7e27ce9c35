//! `runplane tenants …`

use clap::Subcommand;
use uuid::Uuid;

use super::{Limit, Paging};

/// What is done with tenants.
#[derive(Debug, Subcommand)]
pub enum Command {
    /// All of them, newest first
    List(Paging),
    /// One
    Show {
        /// Its id
        id: Uuid,
    },
    /// A new one
    Create {
        /// 1 to 200 characters
        #[arg(long)]
        name: String,
        /// How many of its runs may be RUNNING at once
        #[arg(long, value_name = "N")]
        max_running: Option<u32>,
        /// Its runs wait
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
    /// Let its runs wait
    Pause {
        /// Its id
        id: Uuid,
    },
    /// Let its runs go on
    Resume {
        /// Its id
        id: Uuid,
    },
    /// Delete one with everything that is its own. Given again after an interruption, it goes on
    Delete {
        /// Its id
        id: Uuid,
        /// Its name, exactly, so that it is not another one by mistake
        #[arg(long)]
        name: String,
    },
}

/// What of a tenant may change. At least one.
#[derive(Debug, clap::Args)]
#[group(required = true, multiple = true)]
pub struct Changes {
    /// 1 to 200 characters
    #[arg(long)]
    pub name: Option<String>,
    /// How many of its runs may be RUNNING at once, or none for no limit
    #[arg(long, value_name = "N|none")]
    pub max_running: Option<Limit>,
    /// Whether its runs wait
    #[arg(long, value_name = "true|false")]
    pub paused: Option<bool>,
}

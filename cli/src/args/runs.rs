//! `runplane runs …`

use chrono::{DateTime, Utc};
use clap::Subcommand;
use uuid::Uuid;

use super::{NameOrId, Paging, Pair, Parameter, Span};

/// What is done with runs.
#[derive(Debug, Subcommand)]
pub enum Command {
    /// Those of the tenant, or of all tenants; newest first
    List(Box<List>),
    /// One, with its steps, its attempts and what it waits for
    #[command(visible_alias = "get")]
    Show {
        /// Its id
        id: Uuid,
    },
    /// A new one, of the tenant
    Create(Box<Create>),
    /// Follow one until it has ended; the exit code says how
    Watch {
        /// Its id
        id: Uuid,
        /// How
        #[command(flatten)]
        watching: Watching,
    },
    /// What was logged about one, oldest first
    Logs(Logs),
    /// What one has left behind, oldest first
    Artifacts {
        /// Its id
        id: Uuid,
        /// Which part
        #[command(flatten)]
        paging: Paging,
    },
    /// A new run of the lineage of one that FAILED or was CANCELLED
    Retry(Box<Retry>),
    /// End one that has not ended
    Cancel {
        /// Its id
        id: Uuid,
        /// Why, in up to 1000 characters
        #[arg(long)]
        reason: Option<String>,
    },
}

/// Which runs.
#[derive(Debug, clap::Args)]
pub struct List {
    /// The pipeline's id, or its name in the tenant
    #[arg(long, value_name = "ID|NAME")]
    pub pipeline: Option<NameOrId>,
    /// The version's id, or with --pipeline its name
    #[arg(long, value_name = "ID|NAME")]
    pub version: Option<NameOrId>,
    /// QUEUED, RUNNING, SUCCEEDED, FAILED or CANCELLED; several: any of them
    #[arg(long)]
    pub status: Vec<String>,
    /// Of this queue
    #[arg(long)]
    pub queue: Option<String>,
    /// That have this label; several: all of them
    #[arg(long, value_name = "KEY=VALUE")]
    pub label: Vec<Pair>,
    /// Created later than this, such as 2026-01-31T12:00:00Z
    #[arg(long, value_name = "TIME")]
    pub created_after: Option<DateTime<Utc>>,
    /// Created earlier than this
    #[arg(long, value_name = "TIME")]
    pub created_before: Option<DateTime<Utc>>,
    /// Which part
    #[command(flatten)]
    pub paging: Paging,
}

/// A new run.
#[derive(Debug, clap::Args)]
pub struct Create {
    /// The version's id, or with --pipeline its name; it has to be APPROVED
    #[arg(long, value_name = "ID|NAME")]
    pub version: NameOrId,
    /// Whose version is named: the pipeline's id, or its name in the tenant
    #[arg(long, value_name = "ID|NAME")]
    pub pipeline: Option<NameOrId>,
    /// Its parameters
    #[command(flatten)]
    pub parameters: Parameters,
    /// push: SQS wakes the worker function; pull: it waits for a claim
    #[arg(long, value_name = "push|pull")]
    pub dispatch: Option<String>,
    /// Which workers may claim it
    #[arg(long)]
    pub queue: Option<String>,
    /// 0 to 9; 9 is claimed first
    #[arg(long, value_name = "N")]
    pub priority: Option<u8>,
    /// What it is found by again
    #[arg(long, value_name = "KEY=VALUE")]
    pub label: Vec<Pair>,
    /// What started it, in up to 30 characters
    #[arg(long, value_name = "WORD")]
    pub trigger_type: Option<String>,
    /// It is not claimed before, such as 2026-01-31T12:00:00Z
    #[arg(long, value_name = "TIME")]
    pub run_after: Option<DateTime<Utc>>,
    /// Cancelled if not started by then
    #[arg(long, value_name = "TIME")]
    pub start_by: Option<DateTime<Utc>>,
    /// At most one run of the tenant with this key is RUNNING at a time
    #[arg(long, value_name = "KEY")]
    pub concurrency_key: Option<String>,
    /// How many attempts it may have, 1 to 20
    #[arg(long, value_name = "N")]
    pub max_attempts: Option<u8>,
    /// How many of its leases may expire, 0 to 20
    #[arg(long, value_name = "N")]
    pub max_lost: Option<u8>,
    /// Calls with one key make one run [default: a new one, for this call and its repetitions]
    #[arg(long, value_name = "KEY")]
    pub idempotency_key: Option<String>,
    /// Follow it until it has ended, as `watch` does
    #[arg(long)]
    pub watch: bool,
}

/// A run again.
#[derive(Debug, clap::Args)]
pub struct Retry {
    /// The id of the run
    pub id: Uuid,
    /// Other parameters, instead of all that it had
    #[command(flatten)]
    pub parameters: Parameters,
    /// The id of another version of its pipeline
    #[arg(long, value_name = "ID")]
    pub version: Option<Uuid>,
    /// Where to begin: failed keeps what steps have done that SUCCEEDED
    #[arg(long, value_name = "start|failed")]
    pub from: Option<String>,
    /// Calls with one key make one run [default: a new one, for this call and its repetitions]
    #[arg(long, value_name = "KEY")]
    pub idempotency_key: Option<String>,
    /// Follow the new run until it has ended, as `watch` does
    #[arg(long)]
    pub watch: bool,
}

/// The parameters of a run.
#[derive(Debug, Default, clap::Args)]
pub struct Parameters {
    /// A parameter as JSON, over those of the file
    #[arg(long, value_name = "KEY=JSON")]
    pub param: Vec<Parameter>,
    /// A parameter that is a text, over those of the file
    #[arg(long, value_name = "KEY=TEXT")]
    pub param_text: Vec<Pair>,
    /// A file with a JSON object of parameters; - is the standard input
    #[arg(long, value_name = "FILE")]
    pub params_file: Option<String>,
}

/// Which lines of the log.
#[derive(Debug, clap::Args)]
pub struct Logs {
    /// The id of the run
    pub id: Uuid,
    /// Go on with what comes, until the run has ended
    #[arg(long, short)]
    pub follow: bool,
    /// Later than this, such as 2026-01-31T12:00:00Z
    #[arg(long, value_name = "TIME")]
    pub after: Option<DateTime<Utc>>,
    /// Earlier than this
    #[arg(long, value_name = "TIME", conflicts_with = "follow")]
    pub before: Option<DateTime<Utc>>,
}

/// How a run is followed.
#[derive(Clone, Debug, Default, clap::Args)]
pub struct Watching {
    /// No longer than this: 90s, 15m, 2h, 3d
    #[arg(long, value_name = "SPAN")]
    pub timeout: Option<Span>,
}

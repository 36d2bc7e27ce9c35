//! `runplane versions …`

use clap::Subcommand;
use uuid::Uuid;

use super::{NameOrId, Paging};

/// What is done with pipeline versions.
#[derive(Debug, Subcommand)]
pub enum Command {
    /// Those of the pipeline, the tenant, or all tenants; newest first
    List {
        /// The pipeline's id, or its name in the tenant
        #[arg(long, value_name = "ID|NAME")]
        pipeline: Option<NameOrId>,
        /// DRAFT, APPROVED or DEPRECATED; several: any of them
        #[arg(long)]
        status: Vec<String>,
        /// Which part
        #[command(flatten)]
        paging: Paging,
    },
    /// One, with its transitions
    Show {
        /// Its id
        id: Uuid,
        /// Print its dag_spec and nothing else
        #[arg(long)]
        dag_spec: bool,
    },
    /// A new DRAFT, of the tenant
    Create {
        /// The pipeline's id, or its name in the tenant
        #[arg(long, value_name = "ID|NAME")]
        pipeline: NameOrId,
        /// 1 to 50 characters, once per pipeline
        #[arg(long)]
        version: String,
        /// Its dag_spec; - is the standard input
        file: String,
        /// Approve it as well
        #[arg(long)]
        approve: bool,
        /// With --approve: why, in up to 2000 characters
        #[arg(long, requires = "approve")]
        comment: Option<String>,
        /// With --approve: who, in 1 to 200 characters
        #[arg(long, value_name = "WHO", requires = "approve")]
        by: Option<String>,
    },
    /// Another dag_spec for a DRAFT
    Edit {
        /// Its id
        id: Uuid,
        /// The dag_spec; - is the standard input
        file: String,
        /// Another name for the version
        #[arg(long)]
        version: Option<String>,
        /// Only if this is the revision it has
        #[arg(long, value_name = "N")]
        revision: Option<u64>,
    },
    /// A new DRAFT with the dag_spec of another version
    Copy {
        /// The id of that version
        id: Uuid,
        /// 1 to 50 characters, once per pipeline
        #[arg(long)]
        version: String,
        /// Another pipeline of the tenant: its id or name
        #[arg(long, value_name = "ID|NAME")]
        pipeline: Option<NameOrId>,
    },
    /// Let it run: a DRAFT after all its rules were checked, or what was deprecated
    Approve {
        /// Its id
        id: Uuid,
        /// Only if this is the revision it has
        #[arg(long, value_name = "N")]
        revision: Option<u64>,
        /// Who, and why
        #[command(flatten)]
        word: Word,
    },
    /// Let no new runs of it be created
    Deprecate {
        /// Its id
        id: Uuid,
        /// Who, and why
        #[command(flatten)]
        word: Word,
    },
}

/// What is kept with a transition.
#[derive(Clone, Debug, Default, clap::Args)]
pub struct Word {
    /// Why, in up to 2000 characters
    #[arg(long)]
    pub comment: Option<String>,
    /// Who, in 1 to 200 characters; whose API key it is takes precedence [default: $RUNPLANE_BY, else who is logged in]
    #[arg(long = "by", value_name = "WHO")]
    pub by: Option<String>,
}

//! `runplane connections …`

use clap::Subcommand;
use uuid::Uuid;

use super::{Document, Paging};

/// What is done with connections.
#[derive(Debug, Subcommand)]
pub enum Command {
    /// Those of the tenant, or of all tenants; newest first
    List {
        /// http, sql, lambda or sqs
        #[arg(long)]
        kind: Option<String>,
        /// Which part
        #[command(flatten)]
        paging: Paging,
    },
    /// One
    Show {
        /// Its id
        id: Uuid,
    },
    /// A new one, of the tenant
    Create {
        /// What steps call it, once per tenant
        #[arg(long)]
        name: String,
        /// http, sql, lambda or sqs
        #[arg(long)]
        kind: String,
        /// A JSON object, or @ and a file of it
        #[arg(long, value_name = "JSON|@FILE", default_value = "{}")]
        config: Document,
        /// The name of its secret; never the secret itself
        #[arg(long, value_name = "NAME")]
        secret_ref: Option<String>,
    },
    /// Remove one
    Delete {
        /// Its id
        id: Uuid,
    },
}

//! Which tenants, pipelines and versions are here once the import is done: what their parts may refer to.
//!
//! The catalogue is small next to the runs, and is held in memory without its dag_specs.

use std::collections::{HashMap, HashSet};

use uuid::Uuid;

/// A version, as far as its runs are concerned.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct KnownVersion {
    /// Whose it is.
    pub tenant: Uuid,
    /// Of which pipeline.
    pub pipeline: Uuid,
    /// Whether it is a DRAFT, of which nothing new may run.
    pub is_draft: bool,
}

/// What is here, or would be here after a `--dry-run`.
#[derive(Debug, Default)]
pub(super) struct Known {
    /// Tenants.
    pub tenants: HashSet<Uuid>,
    /// Pipelines and their tenants.
    pub pipelines: HashMap<Uuid, Uuid>,
    /// Versions.
    pub versions: HashMap<Uuid, KnownVersion>,
}

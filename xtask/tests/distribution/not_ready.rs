//! What is not ready for distribution by tenant, and why.

/// Why a statement, a key or a function names no tenant, and what would become of it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Why {
    /// It finds a row by the id of another one of the same tenant, which it has at hand: the tenant is added to the condition.
    ById,
    /// Its row conflicts by a key that lacks the tenant: the key gets it.
    ByKey,
    /// It looks at everybody's: each node is asked by itself, as if it were a cell.
    Everybody,
}

use Why::{ById, ByKey, Everybody};

/// Statements: the file, the tables in it that are reached by no tenant, and why. Those in Rust go by the file that they stand in.
#[rustfmt::skip]
pub const STATEMENTS: &[(&str, &[&str], Why)] = &[
    ("add_artifact", &["run_artifacts"], ByKey),
    ("complete_all", &["pipeline_runs", "pipeline_versions"], ById),
    ("create", &["pipelines"], ById),
    ("create_all", &["pipelines"], ById),
    ("create_version", &["pipeline_versions"], ByKey),
    ("delete_tenant_leases", &["pipeline_runs"], ById),
    ("delete_tenant_rest", &["connections", "deliveries", "pipelines"], ById),
    ("delete_tenant_runs", &["pipeline_runs", "run_artifacts", "run_attempts", "run_logs", "run_secrets", "run_steps"], ById),
    ("delete_tenant_schedules", &["schedules"], ById),
    ("delete_tenant_versions", &["pipeline_version_transitions", "pipeline_versions"], ById),
    ("due_schedules", &["pipelines"], ById),
    ("events_standing", &["deliveries"], Everybody),
    ("expire_deliveries", &["deliveries"], Everybody),
    ("fail", &["pipeline_runs", "pipeline_versions"], ById),
    ("get", &["pipeline_versions", "run_attempts", "run_steps"], ById),
    ("get_webhook", &["deliveries"], ById),
    ("heartbeat_all", &["pipeline_runs"], ById),
    ("holder", &["run_attempts"], ById),
    ("holders", &["run_attempts"], ById),
    ("kept_steps", &["pipeline_versions", "run_steps"], ById),
    ("list", &["pipeline_runs"], ById),
    ("list_artifacts", &["run_artifacts"], ById),
    ("list_by_status", &["pipeline_runs"], ById),
    ("list_logs", &["run_logs"], ById),
    ("load_steps", &["run_steps"], ById),
    ("lock_schedule", &["pipelines"], ById),
    ("mark_all_dispatched", &["pipeline_runs"], ById),
    ("note_ticked_schedule", &["schedules"], ById),
    ("retry", &["pipeline_versions", "run_secrets", "run_steps"], ById),
    ("retry_deliveries", &["deliveries"], ById),
    ("secrets", &["run_secrets"], ById),
    ("settle_deliveries", &["deliveries"], Everybody),
    ("shared/src/runs/retry.rs", &["pipeline_versions", "run_secrets"], ById),
    ("store_steps", &["run_steps"], ByKey),
    ("sweep_evidence", &["pipeline_runs", "run_artifacts", "run_logs", "run_steps"], ById),
    ("sweep_leases", &["pipeline_runs"], ById),
    ("sweep_next", &["deliveries", "pipeline_runs", "pipelines"], Everybody),
    ("sweep_parked", &["pipeline_runs"], Everybody),
    ("sweep_redispatches", &["pipeline_runs"], ById),
    ("sweep_retention", &["pipeline_runs"], ById),
    ("sweep_standing", &["pipeline_runs", "pipelines", "run_attempts"], Everybody),
    ("sweep_start_by", &["pipeline_runs"], ById),
    ("sweep_workers", &["pipeline_runs"], Everybody),
    ("take_deliveries", &["deliveries"], Everybody),
    ("take_dispatches", &["pipeline_runs", "pipelines"], ById),
    ("take_schedule", &["pipelines"], ById),
    ("update_schedule", &["schedules"], ById),
];

/// Why a key lacks the tenant.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum KeyWhy {
    /// Of a UUID of version 7 that Rust has made, which nobody has twice: `(tenant_id, id)` does.
    Unique,
    /// Of a number that each node would count by itself: `(tenant_id, id)` does.
    Numbered,
    /// Of the id of a run or a pipeline, which has the tenant: it is put in front.
    Parent,
}

use KeyWhy::{Numbered, Parent, Unique};

/// Keys, unique indexes and foreign keys of tables of tenants.
#[rustfmt::skip]
pub const KEYS: &[(&str, KeyWhy)] = &[
    ("connections_pkey", Unique),
    ("deliveries_pkey", Numbered),
    ("pipeline_runs_pkey", Unique),
    ("pipeline_version_transitions_pkey", Numbered),
    ("pipeline_versions_pipeline_id_version_key", Parent),
    ("pipeline_versions_pkey", Unique),
    ("pipelines_pkey", Unique),
    ("run_artifacts_pkey", Parent),
    ("run_artifacts_run_id_fkey", Parent),
    ("run_attempts_pkey", Parent),
    ("run_attempts_run_id_fkey", Parent),
    ("run_list_pkey", Unique),
    ("run_logs_pkey", Parent),
    ("run_logs_run_id_fkey", Parent),
    ("run_secrets_pkey", Parent),
    ("run_secrets_run_id_fkey", Parent),
    ("run_steps_pkey", Parent),
    ("run_steps_run_id_fkey", Parent),
    ("schedules_pkey", Unique),
];

/// Functions in the database that look at tables of tenants, and whose first argument is no tenant.
#[rustfmt::skip]
pub const FUNCTIONS: &[(&str, Why)] = &[
    ("claim_runs", Everybody),
    ("claim_runs_by_id", ById),
    ("claimed_before", Everybody),
    ("event_data", ById),
    ("lease_runs", ById),
    ("lock_expired", Everybody),
    ("next_in_turn", Everybody),
    ("see_worker", ById),
];

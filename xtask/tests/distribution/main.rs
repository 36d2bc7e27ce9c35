//! What distribution by tenant asks of the schema and of every statement (docs/scaling.md): that the tenant is in each key, and in what
//! each statement says of each table. What is not ready stands in [`not_ready`], with a reason; nothing else may join it unnoticed, and
//! what has become ready leaves it.

#![allow(clippy::unwrap_used, reason = "a test fails by panicking, in its helpers too")]

mod not_ready;
mod schema;
mod statement;
mod statements;

/// Tables that would be distributed, each row to the node of its tenant.
const OF_TENANTS: [&str; 14] = [
    "tenants",
    "pipelines",
    "pipeline_versions",
    "pipeline_version_transitions",
    "connections",
    "schedules",
    "pipeline_runs",
    "run_list",
    "run_attempts",
    "run_steps",
    "run_secrets",
    "run_logs",
    "run_artifacts",
    "deliveries",
];
/// Tables that would not: their rows may have no tenant, or are looked for before it is known. A claim of a run and its completion write
/// none of them, but for the worker's row once in a while.
const OF_ALL: [&str; 7] = [
    "api_keys",
    "api_key_budgets",
    "workers",
    "listeners",
    "listener_health",
    "audit_log",
    "tenant_deletions",
];

/// The column that says which tenant's a row is.
fn tenant_of(table: &str) -> Option<&'static str> {
    match table {
        "tenants" => Some("id"),
        table => OF_TENANTS.contains(&table).then_some("tenant_id"),
    }
}

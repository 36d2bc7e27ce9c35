//! API keys and the audit log on a real Postgres: what the verbs do, and what Postgres itself refuses.

#![allow(
    clippy::unwrap_used,
    reason = "a test may panic; clippy.toml allows it only in functions marked as tests"
)]

mod audit;
mod creates;
mod limits;
mod lists;
mod plans;
mod revokes;
mod support;

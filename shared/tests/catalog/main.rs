//! The verbs of the catalogue on a real Postgres, and what Postgres itself refuses.

#![allow(
    clippy::unwrap_used,
    reason = "a test may panic; clippy.toml allows it only in functions marked as tests"
)]

mod approvals;
mod backfill;
mod copies;
mod deletion_plans;
mod deletions;
mod isolation;
mod limits;
mod lists;
mod names;
mod plans;
mod psql;
mod races;
mod schedules;
mod support;
mod transitions;

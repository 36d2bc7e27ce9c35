//! The verbs on a real Postgres. Time is moved in SQL, never slept.

#![allow(
    clippy::unwrap_used,
    reason = "a test may panic; clippy.toml allows it only in functions marked as tests"
)]

mod answers;
mod artifacts;
mod bulk;
mod cancels;
mod claims;
mod creates;
mod evidence_plans;
mod gets;
mod journal;
mod keys;
mod large;
mod leases;
mod limit_storm;
mod limits;
mod list_plans;
mod lists;
mod logs;
mod marks;
mod next;
mod parameters;
mod parked;
mod plans;
mod retries;
mod retries_from_failed;
mod round_trips;
mod rows;
mod run_list;
mod same_statements;
mod steps;
mod steps_pages;
mod steps_shown;
mod support;
mod sweeps;
mod turns;
mod workers;

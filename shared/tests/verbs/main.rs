//! The verbs on a real Postgres. Time is moved in SQL, never slept.

#![allow(
    clippy::unwrap_used,
    reason = "a test may panic; clippy.toml allows it only in functions marked as tests"
)]

mod answers;
mod bulk;
mod cancels;
mod claims;
mod creates;
mod gets;
mod leases;
mod lists;
mod parameters;
mod plans;
mod retries;
mod round_trips;
mod support;
mod sweeps;

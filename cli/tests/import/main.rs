//! `runplane import` from a database of the replaced service into one of ours, on real Postgres.

#![allow(
    clippy::unwrap_used,
    reason = "a test may panic; clippy.toml allows it only in functions marked as tests"
)]

mod again;
mod beside_the_api;
mod lineage;
mod older;
mod ordinary;
mod quirks_of_runs;
mod quirks_of_the_catalogue;
mod refusals;
mod support;
mod take_queued;
mod verify;

//! The executor, on Postgres and with children of the worker.

#![allow(
    clippy::unwrap_used,
    reason = "a test may panic; clippy.toml allows it only in functions marked as tests"
)]

#[path = "../../../../shared/tests/dag/graph_of.rs"]
mod graph_of;
mod hostile;
mod hostile_runs;
mod killed;
mod made;
mod memory;
mod random;
#[path = "../../../../shared/tests/dag/reference.rs"]
mod reference;
mod support;
mod time;
mod watched;

//! The executor, on Postgres and with children of the worker.

#![allow(
    clippy::unwrap_used,
    reason = "a test may panic; clippy.toml allows it only in functions marked as tests"
)]

#[path = "../../../../shared/tests/dag/graph_of.rs"]
mod graph_of;
// Only there is memory limited, and can be looked at.
#[cfg(target_os = "linux")]
mod hostile;
#[cfg(target_os = "linux")]
mod hostile_runs;
mod killed;
mod made;
#[cfg(target_os = "linux")]
mod memory;
mod outside;
mod random;
#[path = "../../../../shared/tests/dag/reference.rs"]
mod reference;
mod secrets;
mod support;
mod time;
mod traces;
mod watched;

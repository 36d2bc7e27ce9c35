//! The executor as the worker has it: its evaluator is a child of this worker's own program, its journal is Postgres.

#![allow(
    clippy::unwrap_used,
    reason = "a test may panic; clippy.toml allows it only in functions marked as tests"
)]

#[path = "../../../../shared/tests/dag/graph_of.rs"]
mod graph_of;
mod hostile;
mod hostile_runs;
mod made;
mod memory;
mod random;
#[path = "../../../../shared/tests/dag/reference.rs"]
mod reference;
mod stage;
mod watched;

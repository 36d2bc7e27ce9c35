//! What is a valid dag_spec, and what is said of the others.

#![allow(
    clippy::unwrap_used,
    reason = "a test may panic; clippy.toml allows it only in functions marked as tests"
)]

mod connections;
mod expressions;
mod followed;
mod graph_of;
mod graphs;
mod hostile;
mod meant;
mod oracle;
mod parameters;
mod properties;
mod random;
mod reference;
mod references;
mod schemas;
mod shapes;
mod simulator;
mod steps;
mod support;
mod valid;
mod work;

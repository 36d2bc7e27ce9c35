//! Steps of type `sql`, on a real Postgres: what goes in, what comes out, and what stays behind.

#![allow(
    clippy::unwrap_used,
    reason = "a test may panic; clippy.toml allows it only in functions marked as tests"
)]

mod arguments;
mod bounds;
mod failing;
mod flood;
mod lines;
mod made_types;
mod read_only;
mod servers;
mod support;
mod tls;
mod types;

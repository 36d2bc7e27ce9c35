//! The executor, on Postgres and with children of the worker.

#![allow(
    clippy::unwrap_used,
    reason = "a test may panic; clippy.toml allows it only in functions marked as tests"
)]

mod killed;
mod support;
mod time;

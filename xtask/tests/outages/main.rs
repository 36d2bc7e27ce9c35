//! What a caller sees when Postgres or SQS is away: the functions as they are built, on the Runtime-API host, with a
//! Postgres of their own. The time limits are the contract's.
//!
//! They need the functions in `target/debug`: `cargo xtask test` builds them first, and so does `cargo build`.

#![allow(clippy::unwrap_used, reason = "a test fails by panicking, in its helpers too")]

mod armed;
mod configuration;
mod faults;
mod kills;
mod postgres;
mod sqs;
mod stage;

//! What others see of runs: their traces at a collector, and events on the event bus. The functions as they are built, on the Runtime-API host, with a
//! Postgres of their own, since a bus is told of everybody's runs.
//!
//! They need the functions in `target/debug`: `cargo xtask test` builds them first, and so does `cargo build`.

#![allow(clippy::unwrap_used, reason = "a test fails by panicking, in its helpers too")]

mod bus;
// The same that the tests of the functions have: what arrives is decoded in one way.
#[path = "../../../shared/src/testing/collector.rs"]
mod collector;
mod shop;
mod stage;
mod traces;

//! Deliveries on a database with the demo data, to a receiver in Python and to buses that answer as EventBridge does.

#![allow(
    clippy::unwrap_used,
    reason = "a test may panic; clippy.toml allows it only in functions marked as tests"
)]

mod buses;
mod guarded;
mod receiver;
mod support;
mod webhooks;

//! Events on a real Postgres: what is noted of which change, and what becomes of deliveries. Time is moved in SQL, never slept.

#![allow(
    clippy::unwrap_used,
    reason = "a test may panic; clippy.toml allows it only in functions marked as tests"
)]

mod again;
mod deliveries;
mod noted;
mod plans;
#[path = "../verbs/support.rs"]
#[expect(dead_code, reason = "the tests of the verbs need more of it")]
mod support;
mod telling;
mod webhooks;

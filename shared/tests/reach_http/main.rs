//! HTTP steps against real servers on this machine.

#![allow(clippy::unwrap_used, reason = "a test fails by panicking, in its helpers too")]

mod answers;
mod bounds;
mod redirects;
mod refusals;
mod requests;
mod server;
mod support;

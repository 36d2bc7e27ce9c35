//! Tokens of a real issuer on this machine, and forged ones.

#![allow(clippy::unwrap_used, reason = "a test fails by panicking, in its helpers too")]

mod accepted;
mod edge;
mod fetching;
mod forged;
mod issuer;
mod keys;
mod logs;
mod pinned;
mod providers;
mod refused;
mod support;
mod unwell;

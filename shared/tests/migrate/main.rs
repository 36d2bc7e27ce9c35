//! Bringing a database up: the schema, the functions' role, the first key, on a real Postgres. Secrets Manager is a server that takes what it is given.

#![allow(
    clippy::unwrap_used,
    reason = "a test may panic; clippy.toml allows it only in functions marked as tests"
)]

mod iam;
mod keys;
mod owner;
mod roles;
mod schema;
mod support;

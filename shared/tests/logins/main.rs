//! How a function proves to Postgres who it is, and Postgres to the function: TLS, and tokens of IAM. The database is a real one; what stands before it speaks
//! TLS and asks for a password, as RDS does.

#![allow(
    clippy::unwrap_used,
    reason = "a test may panic; clippy.toml allows it only in functions marked as tests"
)]

mod environment;
mod rds;
mod tls;
mod tokens;

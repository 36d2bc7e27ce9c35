//! The statements of the release before this one, on the schema of this one: during a deployment, and after a rollback, its functions run on that
//! (docs/decisions/0030). `statements.json` has all of them, as the release's `.sqlx` has them.
//!
//! When a version gets its heading in CHANGELOG.md, `RUNPLANE_WRITE_PREVIOUS=1 cargo test -p runplane --test previous` takes its statements down. Once: whoever
//! could take them down again would do so when a test below fails, which is what it is there for.

#![allow(
    clippy::unwrap_used,
    reason = "a test may panic; clippy.toml allows it only in functions marked as tests"
)]

mod hot;
mod meanings;
mod statements;

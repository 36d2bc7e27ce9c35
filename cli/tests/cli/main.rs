//! The program itself, against an API that plays recorded answers.

#![allow(clippy::unwrap_used, reason = "a test fails by panicking, in its helpers too")]

mod access;
mod catalog;
mod deletions;
mod documents;
mod failures;
mod keys;
mod lists;
mod runs;
mod support;
mod validate;
mod versions;
mod watch;

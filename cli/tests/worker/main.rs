//! `runplane worker`, against the functions' own handlers on a real Postgres, with a network in between that loses, delays and refuses.

#![allow(clippy::unwrap_used, reason = "a test fails by panicking, in its helpers too")]
#![cfg(unix)]

mod api;
mod ends;
mod network;
mod outages;
mod outside;
mod runs;
mod stop;
mod support;
mod waits;

//! `runplane import` from a database of the replaced service into one of ours, on real Postgres.

mod again;
mod older;
mod ordinary;
mod quirks;
mod refusals;
mod support;
mod take_queued;
mod verify;

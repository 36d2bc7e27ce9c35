//! The project's own commands (`cargo xtask …`): the local stack, and what runs on it.
//!
//! This crate does not depend on the domain crate: with stale query metadata that one does not compile, and the commands
//! here are what mends it.

pub mod api_keys;
pub mod bench;
pub mod cargo_lambda;
pub mod chaos;
pub mod cli;
pub mod conformance;
pub mod console;
pub mod data_folder;
pub mod database;
pub mod document;
pub mod example;
pub mod host;
pub mod lambda;
pub mod line;
pub mod mapping;
pub mod nobody;
pub mod node;
pub mod orphans;
pub mod outputs;
pub mod paths;
pub mod pgbouncer;
pub mod ports;
pub mod postgres;
pub mod process;
pub mod processes;
pub mod progress;
pub mod proxy;
pub mod python;
pub mod queues;
pub mod rehearse;
pub mod release;
pub mod routes;
pub mod schedule;
pub mod shop;
pub mod simulate;
pub mod sqs;
pub mod stack;
pub mod test;
pub mod venv;
pub mod warehouse;
mod webhooks;

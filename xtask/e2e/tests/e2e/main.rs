//! The end-to-end suite: the contract of the HTTP API, against whatever stack `RUNPLANE_URL` names.

mod answers;
mod bad_input;
mod bulk;
mod cancel;
mod catalog;
mod claims;
mod command_line;
mod dag;
mod get;
mod idempotency;
mod isolation;
mod leases;
mod life;
mod limits;
mod lists;
mod original_client;
mod parameters;
mod release;
mod retries;
mod shapes;
mod sweep;
mod waiting;
mod worker;
mod workers;

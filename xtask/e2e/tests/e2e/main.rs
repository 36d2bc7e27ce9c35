//! The end-to-end suite: the contract of the HTTP API, against whatever stack `RUNPLANE_URL` names.

mod answers;
mod bad_input;
mod claims;
mod get;
mod idempotency;
mod isolation;
mod life;
mod lists;
mod original_client;
mod shapes;
mod worker;

//! HTTP steps against real servers on this machine.

mod answers;
mod bounds;
mod redirects;
mod refusals;
mod requests;
mod server;
mod support;

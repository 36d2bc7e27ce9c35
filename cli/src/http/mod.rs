//! The HTTP API, as a client sees it.

mod answer;
mod base;
mod client;
mod key;
mod refusal;
mod request;
mod retry;

pub use answer::Answer;
pub use client::{Client, Miss};
pub use refusal::Refusal;
pub use request::Request;

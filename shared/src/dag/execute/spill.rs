//! Outputs that are too large for the database.

use std::fmt::Debug;
use std::pin::Pin;

/// What a call answers; the error is a sentence.
pub type Spilled<'a, T> = Pin<Box<dyn Future<Output = Result<T, String>> + Send + 'a>>;

/// Where outputs of more than 256 KiB are kept. Keys begin with the tenant and the run, so that they are found again by both.
pub trait Spill: Debug + Send + Sync {
    /// Stores an output. The same key again replaces it.
    fn put<'a>(&'a self, key: &'a str, json: Vec<u8>) -> Spilled<'a, ()>;

    /// The output that was stored.
    fn get<'a>(&'a self, key: &'a str) -> Spilled<'a, Vec<u8>>;
}

//! Running a dag_spec: what is ready is started, what has ended is stored, and what takes too long is handed back.

mod journal;

pub use journal::{Journal, JournalError, Stored};

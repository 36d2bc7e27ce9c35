//! The audit log: who did what, by which request. Entries are added in the transaction of what they tell about, and never changed or deleted.
//!
//! An entry has names, statuses, limits and ids. What may be a secret is not in it: no key, no parameter, no config.

mod limits;
mod list;
mod model;
mod record;

pub use limits::{Limits, limits_of_pipeline, limits_of_tenant};
pub use list::{AuditFilter, list};
pub use model::{Action, AuditEntry};
pub use record::{Entry, record};

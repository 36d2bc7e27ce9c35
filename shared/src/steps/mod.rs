//! The steps of a run: what is stored of them, and the verbs that do it.

mod model;

pub use model::{SkipReason, StepError, StepRecord, StepResults, StepStatus};

//! The steps of a run: what is stored of them, and the verbs that do it.

mod counts;
mod model;

pub use counts::counting;
pub use model::{SkipReason, StepError, StepRecord, StepResults, StepStatus};

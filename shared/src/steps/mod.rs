//! The steps of a run: what is stored of them, and the verbs that do it.
//!
//! | file | what is in it |
//! |---|---|
//! | `model` | a step or an item as it is stored, sent and answered |
//! | `check`, `store`, `lines` | storing results under a token, and what is told of them in the run's log |
//! | `load` | what was stored, page by page or all of it |
//! | `counts` | which rows still count in another attempt or another run |
//! | `outline` | ids, types and dependencies of a dag_spec |
//! | `summary` | the steps as a run shows them |
//! | `journal` | the executor's journal, straight to Postgres |

mod check;
mod counts;
mod journal;
mod lines;
mod load;
mod model;
mod outline;
mod store;
mod summary;

pub use check::MAX_STEPS;
pub use counts::counting;
pub use journal::PgJournal;
pub use load::{LoadError, StepPage, StepPlace, StepsAsked, load, load_all};
pub use model::{SkipReason, StepError, StepRecord, StepResults, StepStatus};
pub(crate) use outline::{Outline, is_opaque};
pub use store::{StoreStepsRequest, StoredSteps, store};
pub use summary::{ItemCounts, StepSummary};
pub(crate) use summary::{ItemGroup, StepRow, summaries};

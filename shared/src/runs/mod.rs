//! The verbs of a run: one file each, one statement on its good path, the tenants a caller may touch as first argument.
//!
//! A verb takes `&mut PgConnection` (never a pool: a pool of one would wait for itself) and answers with a small error
//! of its own. Zero rows are never silent: a second read says why.

mod cancel;
mod claim;
mod claim_by_ids;
mod complete;
mod complete_all;
mod create;
mod create_all;
mod fields;
mod get;
mod heartbeat;
mod heartbeat_all;
mod holder;
mod idempotency;
mod kept;
mod list;
mod mark_dispatched;
mod marks;
mod model;
mod parameters;
mod release;
mod retry;
mod rounds;
mod secrets;
mod summary;

pub use crate::cursor::{Cursor, InvalidCursor};
pub use cancel::{CancelError, CancelRequest, Cancelled, cancel};
pub use claim::{
    Claim, ClaimError, ClaimOptions, ClaimPair, ClaimReply, ClaimRequest, Claimed, ClaimedRun,
    ClaimedVersion, MAX_RUNS, claim,
};
pub use claim_by_ids::{claim_by_ids, exist};
pub use complete::{CompleteError, CompleteRefusal, CompleteReply, CompleteRequest, complete};
pub(crate) use complete::{cut, cut_after};
pub use complete_all::{Completion, complete_all};
pub use create::{CreateError, CreateRequest, Created, create};
pub use create_all::{CreatedSummary, Creation, Scheduled, create_all};
pub(crate) use fields::{Faults, MAX_JSON_BYTES, is_storable};
pub use get::{Attempt, GetError, PipelineVersion, RunDetails, WaitingFor, WaitingReason, get};
pub use heartbeat::{HeartbeatError, HeartbeatRefusal, HeartbeatReply, HeartbeatRequest, heartbeat};
pub use heartbeat_all::{Beat, heartbeat_all};
pub use holder::Standing;
pub use list::{ListFilter, Page, RunPage, list};
pub use mark_dispatched::{mark_all_dispatched, mark_dispatched};
pub use marks::Marks;
pub use model::{Dispatch, Labels, Outcome, Run, RunStatus};
pub(crate) use model::{run_from, run_if_any};
pub(crate) use parameters::{Checked, of_version};
pub(crate) use release::refusal_with_token;
pub use release::{ReleaseReply, ReleaseRequest, release};
pub use retry::{RetryError, RetryFrom, RetryRequest, retry};
pub use secrets::{SecretsReply, SecretsRequest, secrets};
pub use summary::RunSummary;
pub(crate) use summary::summary_from;

/// The lease of a claim that names none, in seconds.
pub const DEFAULT_LEASE_SECONDS: i32 = 300;

//! What can be done to runs, as proptest makes it up and shortens it.
//!
//! A run is called by the number of the step that was to create it, so that a step means the same after others were taken out. A
//! number that has led to no run stands for one that does not exist.

use std::fmt;

use runplane::runs::{Dispatch, Outcome, RunStatus};

/// What a run is called in a list of steps.
pub type Name = u16;

/// Which run a step is about.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Which {
    /// Called so, or the one before it.
    Named(Name),
    /// Of those that are QUEUED, RUNNING, or have ended, when the step is done: the latest, or the one before it, and so on round. None such:
    /// one that does not exist.
    Queued(u8),
    Running(u8),
    Ended(u8),
}

/// Whose run the caller takes it for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Reach {
    Own,
    Wrong,
    All,
}

/// What the caller comes with.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Token {
    /// Of the run's latest claim, whatever has become of it.
    Latest,
    /// Of the claim before that.
    Older,
    /// Of the latest claim of another run.
    Foreign,
    None,
}

/// What version a create request names.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Version {
    /// An APPROVED one of this pipeline of the tenant's.
    Approved(usize),
    Draft,
    OtherTenants,
    OfUnknownTenant,
}

#[derive(Clone)]
pub struct NewRun {
    pub name: Name,
    pub tenant: usize,
    pub version: Version,
    pub priority: Option<i32>,
    pub gpu: bool,
    pub dispatch: Dispatch,
    /// Minutes from now.
    pub run_after: Option<i64>,
    pub start_by: Option<i64>,
    pub max_attempts: Option<i32>,
    pub max_lost: i32,
    pub concurrency_key: Option<u8>,
    pub idempotency_key: Option<u8>,
}

impl fmt::Debug for NewRun {
    /// Without what is left out.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { name, tenant, version, dispatch, max_lost, .. } = self;
        write!(f, "{name}: {} of tenant {tenant}, {version:?}, max_lost {max_lost}", dispatch.as_str())?;
        let numbers = [
            ("priority", self.priority.map(i64::from)),
            ("run_after", self.run_after),
            ("start_by", self.start_by),
            ("max_attempts", self.max_attempts.map(i64::from)),
            ("concurrency_key", self.concurrency_key.map(i64::from)),
            ("idempotency_key", self.idempotency_key.map(i64::from)),
        ];
        for (name, number) in numbers {
            number.map_or(Ok(()), |number| write!(f, ", {name} {number}"))?;
        }
        if self.gpu { write!(f, ", queue gpu") } else { Ok(()) }
    }
}

/// What version a retry names.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum RetryOn {
    Same,
    Other,
    Draft,
    OtherPipelines,
}

/// One item of a create.
#[derive(Clone, Debug)]
pub enum Item {
    New(NewRun),
    /// The request that was to create `of`, once more with its key; or another one with that key.
    Again {
        name: Name,
        of: Name,
        changed: bool,
    },
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Again {
    No,
    Same,
    ByThisWorker,
}

#[derive(Clone, Debug)]
pub struct Wish {
    /// 0 or 1; None: all tenants.
    pub tenant: Option<usize>,
    pub worker: u8,
    /// 0: all queues.
    pub queues: u8,
    pub lease_minutes: i32,
    pub claim_id: Option<u8>,
    pub max_runs: i32,
    pub pushed_only: bool,
    /// By an environment that has claimed before, and remembers.
    pub remembers: bool,
    /// The last claim with a claim_id once more, as its worker does who got no answer; or by this worker, whoever made it.
    pub again: Again,
}

#[derive(Clone, Debug)]
pub struct Beat {
    pub run: Which,
    pub reach: Reach,
    pub token: Token,
    pub worker: Option<u8>,
    pub lease_minutes: Option<i32>,
}

#[derive(Clone, Debug)]
pub struct Report {
    pub run: Which,
    pub reach: Reach,
    pub token: Token,
    pub outcome: Outcome,
    pub retryable: bool,
    /// Instead: one of the last reports that were accepted, once more. Even: of a run that was claimed again since.
    pub late: Option<u8>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Sweep {
    Leases,
    StartBy,
    Parked,
    Redispatches,
    Take,
    Retention,
}

#[derive(Clone, Debug)]
pub enum Transition {
    Create {
        bulk: bool,
        items: Vec<Item>,
    },
    Claim(Wish),
    ClaimByIds {
        asked: Vec<(Reach, Which)>,
        worker: u8,
        lease_minutes: i32,
    },
    Heartbeat {
        bulk: bool,
        items: Vec<Beat>,
    },
    Complete {
        bulk: bool,
        items: Vec<Report>,
    },
    Release {
        run: Which,
        reach: Reach,
        token: Token,
        minutes: Option<i64>,
    },
    Cancel {
        run: Which,
        reach: Reach,
    },
    Retry {
        name: Name,
        of: Which,
        reach: Reach,
        idempotency_key: Option<u8>,
        from_failed: bool,
        on: RetryOn,
        /// What was asked for last, once more.
        again: bool,
    },
    StoreSteps {
        run: Which,
        reach: Reach,
        token: Token,
        steps: Vec<(u8, StepEnd)>,
    },
    Get {
        run: Which,
        reach: Reach,
    },
    List {
        tenant: Option<usize>,
        status: Option<RunStatus>,
        limit: i64,
    },
    Sweep {
        what: Sweep,
        tenant: Option<usize>,
    },
    /// SQS has taken what it was told of: mark all of it, or one with another tenant's id or its own.
    Mark {
        one: bool,
        wrong_tenant: bool,
    },
    BoundTenant {
        tenant: usize,
        max_running: Option<i32>,
        paused: bool,
    },
    BoundPipeline {
        pipeline: usize,
        max_running: Option<i32>,
        paused: bool,
    },
    /// Time passes.
    Pass {
        minutes: i64,
    },
}

/// Where a step stands when it is stored.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum StepEnd {
    Running,
    Succeeded(u8),
    Failed,
}

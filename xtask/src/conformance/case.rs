//! What is examined, case by case.

use std::sync::Arc;

use anyhow::{Context as _, Result};
use tokio::sync::Semaphore;
use tokio::task::JoinSet;

use super::finding::{Findings, Outcome};
use super::system::Context;
use super::{cancel, dead_worker, heartbeat, limit, lost_answer, repeat, tenants, zombie};

/// One thing that can go wrong, and how it has to end.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
#[expect(missing_docs, reason = "`expectation` says what each of them is")]
pub enum Case {
    Zombie,
    LateZombie,
    RepeatedComplete,
    AnotherOutcome,
    RepeatedCreate,
    RepeatedCreateLater,
    LostCreate,
    LostClaim,
    LostComplete,
    DeadWorker,
    Heartbeat,
    Tenants,
    Limit,
    Cancel,
}

impl Case {
    /// All of them, in the order of the table.
    pub const ALL: [Self; 14] = [
        Self::Zombie,
        Self::LateZombie,
        Self::RepeatedComplete,
        Self::AnotherOutcome,
        Self::RepeatedCreate,
        Self::RepeatedCreateLater,
        Self::LostCreate,
        Self::LostClaim,
        Self::LostComplete,
        Self::DeadWorker,
        Self::Heartbeat,
        Self::Tenants,
        Self::Limit,
        Self::Cancel,
    ];

    /// Its name in the table, and in an adapter's `not_offered`.
    pub fn name(self) -> &'static str {
        match self {
            Self::Zombie => "zombie",
            Self::LateZombie => "late zombie",
            Self::RepeatedComplete => "repeat: complete",
            Self::AnotherOutcome => "repeat: another outcome",
            Self::RepeatedCreate => "repeat: create",
            Self::RepeatedCreateLater => "repeat: create later",
            Self::LostCreate => "lost answer: create",
            Self::LostClaim => "lost answer: claim",
            Self::LostComplete => "lost answer: complete",
            Self::DeadWorker => "dead worker",
            Self::Heartbeat => "heartbeat",
            Self::Tenants => "two tenants",
            Self::Limit => "limit of 1",
            Self::Cancel => "cancel",
        }
    }

    /// What has to hold, in a sentence.
    pub fn expectation(self) -> &'static str {
        match self {
            Self::Zombie => {
                "A stalls past its lease, B takes over, A completes while B works: A is refused, B's result stands"
            }
            Self::LateZombie => "A completes after B has completed: nothing changes, and A is told",
            Self::RepeatedComplete => "complete sent twice: the second is answered as the first",
            Self::AnotherOutcome => "complete with another outcome afterwards: refused, the first stands",
            Self::RepeatedCreate => "create sent twice with one key: one run",
            Self::RepeatedCreateLater => {
                "create sent again with its key, after the run has ended: still one run"
            }
            Self::LostCreate => "connection cut before the answer, the same create again: one run",
            Self::LostClaim => {
                "connection cut before the answer, the same claim again: the same run, and no other is stuck"
            }
            Self::LostComplete => "connection cut before the answer, the same complete again: done, once",
            Self::DeadWorker => {
                "a worker never speaks again: its run can be claimed when its lease has ended, not before"
            }
            Self::Heartbeat => "a run that takes 2.5 leases and beats is not taken over",
            Self::Tenants => "another tenant's worker can do nothing with the run, even with its lease token",
            Self::Limit => "a limit of 1 under 8 claimers: never two at once, and all get done",
            Self::Cancel => "cancelled while RUNNING: the worker is told with its next heartbeat",
        }
    }

    async fn run(self, context: &Arc<Context>) -> Result<Outcome> {
        if let Some(why) = context.system.not_offered.get(self.name()) {
            return Ok(Outcome::NotOffered(why.clone()));
        }
        let outcome = match self {
            Self::Zombie => zombie::while_another_works(context).await,
            Self::LateZombie => zombie::after_another_completed(context).await,
            Self::RepeatedComplete => repeat::complete(context).await,
            Self::AnotherOutcome => repeat::another_outcome(context).await,
            Self::RepeatedCreate => repeat::create(context).await,
            Self::RepeatedCreateLater => repeat::create_after_the_end(context).await,
            Self::LostCreate => lost_answer::create(context).await,
            Self::LostClaim => lost_answer::claim(context).await,
            Self::LostComplete => lost_answer::complete(context).await,
            Self::DeadWorker => dead_worker::run(context).await,
            Self::Heartbeat => heartbeat::run(context).await,
            Self::Tenants => tenants::run(context).await,
            Self::Limit => limit::run(context).await,
            Self::Cancel => cancel::run(context).await,
        };
        outcome.with_context(|| format!("{}: {}", context.system.name, self.name()))
    }
}

/// How many cases are examined at once: most of the time is waiting for leases, and a peer's workers are processes.
const AT_ONCE: usize = 8;

/// Examines every case, some at once: each has a queue of its own. Fails when a
/// call is not answered, or by a server at fault: then there is no verdict.
pub async fn examine(context: Context) -> Result<Findings> {
    let context = Arc::new(context);
    let turns = Arc::new(Semaphore::new(AT_ONCE));
    let mut cases = JoinSet::new();
    for case in Case::ALL {
        let (context, turns) = (context.clone(), turns.clone());
        cases.spawn(async move {
            let _turn = turns.acquire().await?;
            case.run(&context).await.map(|outcome| (case, outcome))
        });
    }
    let mut outcomes = Vec::new();
    while let Some(ended) = cases.join_next().await {
        outcomes.push(ended??);
    }
    outcomes.sort_by_key(|(case, _)| *case);
    Ok(Findings { system: context.system.name.clone(), outcomes })
}

//! Each step against Postgres and against the model, and then the whole table against the model.

mod answers;
mod claims;
mod compare;
mod creates;
mod reads;
mod reports;
mod sweeps;

use std::cell::{Cell, RefCell};
use std::collections::BTreeMap;
use std::rc::Rc;

use proptest_state_machine::{ReferenceStateMachine, StateMachineTest};
use runplane::runs::{CompleteRequest, CreateRequest, Marks, Run as Answer, RunStatus};
use runplane::scope::Scope;
use uuid::Uuid;

use self::compare::Answered;
use self::creates::Retry;
use crate::counts::count;
use crate::generate::Guide;
use crate::reference::sweep::Told;
use crate::reference::{Clock, MINUTE, Model};
use crate::table::Lab;
use crate::transition::{Name, Reach, Token, Transition, Which, Wish};

thread_local! {
    static LAB: RefCell<Option<Rc<Lab>>> = const { RefCell::new(None) };
    static STEPS: Cell<u64> = const { Cell::new(0) };
}

/// From now on every case of this thread runs here.
pub fn enter(lab: Rc<Lab>) {
    LAB.set(Some(lab));
}

/// How many steps this thread has done.
pub fn steps() -> u64 {
    STEPS.get()
}

/// A case on its way.
pub struct Machine {
    lab: Rc<Lab>,
    model: Model,
    names: BTreeMap<Name, Uuid>,
    /// What was sent to create a run, with its key.
    requests: BTreeMap<Name, (CreateRequest, Option<String>)>,
    retried: Option<Retry>,
    /// The last one with a claim_id.
    last_claim: Option<Wish>,
    answered: BTreeMap<Uuid, Answered>,
    /// What was accepted of whoever completed a run, the latest last.
    reports: Vec<(Scope, Uuid, CompleteRequest)>,
    /// What SQS would be told.
    told: Vec<Told>,
    /// The memory of the environment that remembers, and whose turn it was last for each kind of claim.
    marks: Marks,
    turns: BTreeMap<(u8, bool), Uuid>,
    leases: BTreeMap<Uuid, i32>,
}

impl StateMachineTest for Machine {
    type SystemUnderTest = Machine;
    type Reference = Guide;

    fn init_test(_: &Guide) -> Machine {
        let lab = LAB.with_borrow(|lab| lab.clone().unwrap());
        lab.clear();
        let now = lab.verdict().now;
        let clock = Clock { before: now, after: now, offset: 0 };
        Machine {
            model: Model::new(lab.world.clone(), clock),
            lab,
            names: BTreeMap::new(),
            requests: BTreeMap::new(),
            retried: None,
            last_claim: None,
            answered: BTreeMap::new(),
            reports: Vec::new(),
            told: Vec::new(),
            marks: Marks::default(),
            turns: BTreeMap::new(),
            leases: BTreeMap::new(),
        }
    }

    fn apply(mut machine: Machine, _: &Guide, step: <Guide as ReferenceStateMachine>::Transition) -> Machine {
        STEPS.set(STEPS.get() + 1);
        machine.model.clock.before = machine.model.clock.after;
        match step {
            Transition::Create { bulk, items } => machine.create(bulk, &items),
            Transition::Claim(wish) => machine.claim(&wish),
            Transition::ClaimByIds { asked, worker, lease_minutes } => {
                machine.claim_by_ids(&asked, worker, lease_minutes);
            }
            Transition::Heartbeat { bulk, items } => machine.heartbeat(bulk, &items),
            Transition::Complete { bulk, items } => machine.complete(bulk, &items),
            Transition::Release { run, reach, token, minutes } => machine.release(run, reach, token, minutes),
            Transition::Cancel { run, reach } => machine.cancel(run, reach),
            Transition::Retry { name, of, reach, idempotency_key, from_failed, on, again } => {
                let request = machine.retry_request((of, reach), idempotency_key, from_failed, on);
                machine.retry(name, request, again);
            }
            Transition::StoreSteps { run, reach, token, steps } => {
                machine.store_steps(run, reach, token, &steps)
            }
            Transition::Get { run, reach } => machine.get(run, reach),
            Transition::List { tenant, status, limit } => machine.list(tenant, status, limit),
            Transition::Sweep { what, tenant } => machine.sweep(what, tenant),
            Transition::Mark { one, wrong_tenant } => machine.mark(one, wrong_tenant),
            Transition::BoundTenant { tenant, max_running, paused } => {
                machine.bound_tenant(tenant, max_running, paused);
            }
            Transition::BoundPipeline { pipeline, max_running, paused } => {
                machine.bound_pipeline(pipeline, max_running, paused);
            }
            Transition::Pass { minutes } => machine.pass(minutes),
        }
        machine.compare();
        machine
    }
}

impl Machine {
    /// The id of a run, or one that no run has.
    fn id(&self, which: Which) -> Uuid {
        let is_one = |status: RunStatus| match which {
            Which::Named(_) => false,
            Which::Queued(_) => status == RunStatus::Queued,
            Which::Running(_) => status == RunStatus::Running,
            Which::Ended(_) => !matches!(status, RunStatus::Queued | RunStatus::Running),
        };
        let found = match which {
            Which::Named(name) => self.names.range(..=name).next_back().map(|(_, id)| *id),
            Which::Queued(back) | Which::Running(back) | Which::Ended(back) => {
                let those = self.model.runs.values().filter(|run| is_one(run.facts.status));
                let those: Vec<_> = those.map(|run| run.facts.id).collect();
                let back = usize::from(back).checked_rem(those.len());
                back.map(|back| those[those.len() - 1 - back])
            }
        };
        found.unwrap_or(Uuid::from_u128(3))
    }

    fn scope(&self, id: Uuid, reach: Reach) -> Scope {
        let tenant = self.model.runs.get(&id).map_or(0, |run| self.model.world.tenant(run.facts.tenant_id));
        match reach {
            Reach::Own => Scope::Tenant(self.model.world.tenants[tenant]),
            Reach::Wrong => Scope::Tenant(self.model.world.tenants[1 - tenant]),
            Reach::All => Scope::All,
        }
    }

    /// The token that the caller comes with. What there is none of is made up.
    fn token(&self, id: Uuid, token: Token) -> Option<Uuid> {
        let tokens = self.model.runs.get(&id).map_or(&[][..], |run| &run.tokens);
        let found = match token {
            Token::None => return None,
            Token::Latest => tokens.last(),
            Token::Older => tokens.iter().nth_back(1),
            Token::Foreign => {
                self.model.runs.values().rfind(|run| run.facts.id != id).and_then(|run| run.tokens.last())
            }
        };
        Some(found.copied().unwrap_or(Uuid::from_u128(1)))
    }

    /// A time so many minutes from now, as a client sends it.
    fn in_minutes(&self, minutes: i64) -> chrono::DateTime<chrono::Utc> {
        let clock = self.model.clock;
        chrono::DateTime::from_timestamp_micros(clock.before - clock.offset + minutes * MINUTE).unwrap()
    }

    fn answered(&mut self, run: Answer) {
        self.answered.insert(run.id, Answered::Run(Box::new(run)));
    }

    fn pass(&mut self, minutes: i64) {
        self.lab.pass(minutes);
        self.model.clock.offset += minutes * MINUTE;
        // What it remembers are times of Postgres.
        self.marks = Marks::default();
        self.turns.clear();
        // Leases have expired.
        self.look();
        count("pass", "ok");
    }
}

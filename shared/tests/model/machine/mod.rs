//! Each step against Postgres and against the model, and then the whole table against the model.

mod answers;
mod claims;
mod creates;
mod reads;
mod reports;
mod sweeps;

use std::cell::{Cell, RefCell};
use std::collections::BTreeMap;
use std::rc::Rc;

use proptest_state_machine::{ReferenceStateMachine, StateMachineTest};
use runplane::runs::{CreateRequest, HeartbeatReply, Marks, Run as Answer, RunStatus, RunSummary};
use runplane::scope::Scope;
use serde_json::{Value, json};
use uuid::Uuid;

use self::answers::{at, same_run, same_summary};
use self::creates::Retry;
use crate::counts::count;
use crate::generate::Guide;
use crate::reference::sweep::Told;
use crate::reference::{Clock, MINUTE, Model, Run, T, When};
use crate::table::{Lab, Row};
use crate::transition::{Name, Reach, Token, Transition, Which};

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

/// Something that a verb has answered. It has to be what is stored.
enum Answered {
    Run(Box<Answer>),
    Summary(RunSummary),
    Beat(HeartbeatReply),
}

/// A case on its way.
pub struct Machine {
    lab: Rc<Lab>,
    model: Model,
    names: BTreeMap<Name, Uuid>,
    /// What was sent to create a run, with its key.
    requests: BTreeMap<Name, (CreateRequest, Option<String>)>,
    retried: Option<Retry>,
    answered: BTreeMap<Uuid, Answered>,
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
            answered: BTreeMap::new(),
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
            Transition::Retry { name, of, reach, idempotency_key, from_failed, other_version, again } => {
                let request = machine.retry_request(of, reach, idempotency_key, from_failed, other_version);
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
    /// Reads the clock and the invariants, after a verb and before the model is asked about it.
    fn look(&mut self) {
        let verdict = self.lab.verdict();
        self.model.clock.after = verdict.now + self.model.clock.offset;
        assert!(verdict.broken.is_empty(), "invariants are broken: {:?}", verdict.broken);
        let bounds = self.model.world.tenants.iter().zip(self.model.tenants);
        let of_pipelines =
            self.model.world.pipelines.iter().map(|pipeline| &pipeline.id).zip(self.model.pipelines);
        for (id, bounds) in bounds.chain(of_pipelines) {
            let of = |leases: &BTreeMap<Uuid, i32>| leases.get(id).copied().unwrap_or(0);
            let (before, now) = (of(&self.leases), of(&verdict.leases));
            // A limit that is lowered ends nothing.
            let may = bounds.max_running.map_or(i32::MAX, |max| max.max(before));
            assert!(
                now <= may,
                "{id} has {now} live leases, had {before}, and may have {:?}",
                bounds.max_running
            );
        }
        self.leases = verdict.leases;
    }

    /// Compares the table with the model, and what was answered with the table; takes over the times that Postgres has made.
    fn compare(&mut self) {
        let rows = self.lab.rows();
        let ids: Vec<_> = rows.iter().map(|row| row.facts.id).collect();
        assert!(
            self.model.runs.keys().eq(ids.iter()),
            "there are the runs {ids:?}, and not {:?}",
            self.model.runs.keys()
        );
        let clock = self.model.clock;
        let mut random = Vec::new();
        for (run, row) in self.model.runs.values_mut().zip(rows) {
            compare_run(run, &row, clock);
            let pause = match run[T::Available] {
                Some(When::Now { from, to }) => (to > 0).then_some(from < to),
                _ => None,
            };
            for (time, found) in run.times.iter_mut().zip(&row.times) {
                *time = found.map(|found| When::At(found.timestamp_micros() + clock.offset));
            }
            if let Some(is_random) = pause {
                assert!(run[T::DispatchDue].is_none_or(|due| Some(due) == run[T::Available]), "{run:?}");
                if is_random {
                    random.push(run.facts.id);
                }
            }
        }
        for (id, answered) in std::mem::take(&mut self.answered) {
            let run = &self.model.runs[&id];
            match answered {
                Answered::Run(answer) => same_run(run, &answer, clock.offset),
                Answered::Summary(answer) => same_summary(run, &answer, clock.offset),
                Answered::Beat(answer) => {
                    let times =
                        [answer.heartbeat_at, answer.lease_expires_at].map(|time| at(time, clock.offset));
                    assert_eq!(times.map(Some), [run[T::Heartbeat], run[T::LeaseExpires]], "of a heartbeat");
                    assert_eq!((answer.run_id, answer.tenant_id), (id, run.facts.tenant_id));
                    assert_eq!(answer.attempt, run.facts.attempt);
                }
            }
        }
        for id in random {
            keep_clear(&self.lab, self.model.runs.get_mut(&id).unwrap(), clock);
        }
    }

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

fn compare_run(run: &Run, row: &Row, clock: Clock) {
    if run.facts != row.facts {
        let (expected, found) = (json!(run.facts), json!(row.facts));
        let fields =
            expected.as_object().unwrap().iter().filter(|(field, value)| found[field.as_str()] != **value);
        let fields: Vec<_> =
            fields.map(|(field, value)| format!("{field} {} and not {value}", found[field])).collect();
        panic!("run {} has {}", run.facts.id, fields.join(", "));
    }
    for (time, found) in T::ALL.into_iter().zip(&row.times) {
        let found = found.map(|found| found.timestamp_micros() + clock.offset);
        let agrees = match (run[time], found) {
            (None, None) => true,
            (Some(expected), Some(found)) => clock.agrees(expected, found),
            _ => false,
        };
        assert!(
            agrees,
            "run {} has {time:?} {found:?} and not {:?}; now is {clock:?}",
            run.facts.id, run[time]
        );
    }
    let ended: Value = run
        .ended
        .iter()
        .map(|one| {
            json!([one.claim_number, one.attempt, one.outcome, one.token, one.claimed_by, one.error_code])
        })
        .collect();
    assert_eq!(row.ended, ended, "attempts of run {}", run.facts.id);
    let steps = run.steps.iter().map(|(id, step)| json!([id, step.run_attempt, step.status, step.output]));
    assert_eq!(row.steps, steps.collect::<Value>(), "steps of run {}", run.facts.id);
}

/// A random delay may end where time passes to. Then it ends a little later, so that it is known whether it has ended.
fn keep_clear(lab: &Lab, run: &mut Run, clock: Clock) {
    let delay = run[T::Available].unwrap().known() - clock.after;
    if delay.rem_euclid(MINUTE) < MINUTE / 4 {
        lab.wait_longer(run.facts.id);
        for time in [T::Available, T::DispatchDue] {
            run[time] = run[time].map(|at| at.plus(MINUTE / 2));
        }
    }
}

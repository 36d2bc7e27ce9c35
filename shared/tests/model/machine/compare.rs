//! After each step: the invariants, the whole table against the model, and the answers against the table.

use std::collections::BTreeMap;

use runplane::runs::{HeartbeatReply, Run as Answer, RunSummary};
use serde_json::{Value, json};
use uuid::Uuid;

use super::Machine;
use super::answers::{at, same_run, same_summary};
use crate::reference::{Clock, MINUTE, Run, T, When};
use crate::table::{Lab, Row};

/// Something that a verb has answered. It has to be what is stored.
pub(super) enum Answered {
    Run(Box<Answer>),
    Summary(RunSummary),
    Beat(HeartbeatReply),
}

impl Machine {
    /// Reads the clock and the invariants, after a verb and before the model is asked about it.
    pub(super) fn look(&mut self) {
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
    pub(super) fn compare(&mut self) {
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

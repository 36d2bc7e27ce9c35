//! What a call, and a run, does one after the other.

use super::costs::BULK;
use super::{Assumed, Costs};

/// Who works.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Style {
    /// The worker on Lambda, woken by SQS; clients create one by one.
    Pushed,
    /// Workers outside claim and complete one by one; their steps are their own.
    Outside,
    /// Workers outside, by a hundred; clients create by a hundred.
    OutsideInBulk,
}

/// A kind of environment.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Function {
    /// `create`
    Create,
    /// `get`
    Get,
    /// `claim`
    Claim,
    /// `complete`
    Complete,
    /// `worker`
    Worker,
}

/// One thing that is done.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum Stage {
    /// A statement that keeps a core for so many seconds on average, and writes so many bytes of WAL; with any, it is committed.
    Statement { core: f64, wal: f64 },
    /// Nothing but time, in seconds.
    Pause(f64),
    /// A part of the run's work: seconds on average.
    Work(f64),
    /// The run has its lease.
    Claimed,
}

/// The plans of a style.
#[derive(Debug, Clone)]
pub struct Plans {
    of: [Vec<Stage>; 5],
    /// Runs of one call.
    pub size: u32,
}

impl Plans {
    /// For a style.
    pub fn new(style: Style, costs: &Costs, assumed: &Assumed) -> Self {
        let size = if style == Style::OutsideInBulk { BULK } else { 1 };
        let (create, pair) = match style {
            Style::OutsideInBulk => (costs.create_bulk, costs.pair_bulk),
            Style::Pushed | Style::Outside => (costs.create, costs.pair),
        };
        let runs = f64::from(size);
        let statement = |core: f64, wal: f64| Stage::Statement {
            core: core * runs / assumed.core_speed,
            wal: wal * runs,
        };
        let half = statement(pair / 2.0, costs.pair_wal / 2.0);
        let write = statement(costs.write(), costs.pair_wal / 2.0);
        let call = |stages: &[Stage]| {
            let pause = [Stage::Pause(assumed.call_ms / 2e3)];
            [&pause, stages, &pause].concat()
        };

        let created = statement(create, costs.create_wal);
        let sent = [created, Stage::Pause(assumed.sqs_ms / 1e3), write];
        let steps = f64::from(assumed.steps.max(1));
        let step = [Stage::Work(assumed.work_seconds / steps), write];
        let step = if assumed.steps == 0 { &step[..1] } else { &step };
        let worked = [&[half, Stage::Claimed], step.repeat(steps as usize).as_slice(), &[half]].concat();
        Self {
            of: [
                call(if style == Style::Pushed { &sent } else { &sent[..1] }),
                call(&[Stage::Statement { core: costs.read / assumed.core_speed, wal: 0.0 }]),
                call(&[half, Stage::Claimed]),
                call(&[half]),
                call(&worked),
            ],
            size,
        }
    }

    /// What a function does.
    pub fn of(&self, function: Function) -> &[Stage] {
        &self.of[function as usize]
    }

    /// Core time of one run in seconds, and its WAL in bytes, with what its client asks.
    pub fn of_a_run(&self, style: Style) -> (f64, f64) {
        let functions: &[Function] = match style {
            Style::Pushed => &[Function::Create, Function::Worker],
            Style::Outside | Style::OutsideInBulk => &[Function::Create, Function::Claim, Function::Complete],
        };
        let sum = |of: &[Function], figure: fn(&Stage) -> f64| {
            of.iter().flat_map(|function| self.of(*function)).map(figure).sum::<f64>()
        };
        let core = |stage: &Stage| if let Stage::Statement { core, .. } = stage { *core } else { 0.0 };
        let wal = |stage: &Stage| if let Stage::Statement { wal, .. } = stage { *wal } else { 0.0 };
        let gets = f64::from(GETS) * sum(&[Function::Get], core);
        let runs = f64::from(self.size);
        ((sum(functions, core) + gets) / runs, sum(functions, wal) / runs)
    }
}

/// How often a client asks how that goes which one call of it has created: one run, or a hundred.
pub const GETS: u32 = 2;

#[cfg(test)]
mod tests {
    use super::*;

    const COSTS: Costs = Costs {
        create: 400e-6,
        pair: 1000e-6,
        create_bulk: 40e-6,
        pair_bulk: 80e-6,
        read: 100e-6,
        create_wal: 2000.0,
        pair_wal: 2200.0,
    };

    #[test]
    fn a_run_costs_what_its_statements_do() {
        let assumed = Assumed { steps: 3, ..Assumed::default() };
        let near = |style, micros: f64, bytes: f64| {
            let (core, wal) = Plans::new(style, &COSTS, &assumed).of_a_run(style);
            assert!((core * 1e6 - micros).abs() < 1e-6 && (wal - bytes).abs() < 1e-6, "{core} {wal}");
        };
        // create, mark, claim and completion, three steps, two gets
        near(Style::Pushed, 400.0 + 500.0 + 1000.0 + 1500.0 + 200.0, 2000.0 + 1100.0 + 2200.0 + 3300.0);
        near(Style::Outside, 400.0 + 1000.0 + 200.0, 4200.0);
        near(Style::OutsideInBulk, 40.0 + 80.0 + 2.0, 4200.0);
    }

    #[test]
    fn a_faster_core_is_kept_for_a_shorter_time() {
        let core = |core_speed| {
            let assumed = Assumed { core_speed, ..Assumed::default() };
            Plans::new(Style::Pushed, &COSTS, &assumed).of_a_run(Style::Pushed).0
        };
        assert!((core(1.0) / core(2.0) - 2.0).abs() < 1e-9);
    }
}

//! One simulation: most of a minute, after some seconds in which everything fills up.

use std::collections::VecDeque;

use fastrand::Rng;

use super::environments::{Environments, Found, Limits, Why};
use super::event::{Clock, Event};
use super::plan::{Function, GETS, Plans, Stage, Style};
use super::{Assumed, Costs, Load};
use crate::bench::stats::percentile;

/// Seconds that are not counted.
const WARM_UP: f64 = 15.0;
/// Seconds that are.
const COUNTED: f64 = 30.0;
/// When the burst comes, if there is one.
pub const BURST_AT: f64 = WARM_UP + 5.0;
/// When a caller that was refused asks again.
const AGAIN: f64 = 1.0;
/// Until a worker outside that has nothing to do looks again: half a second on average.
const LOOKS_EVERY: f64 = 1.0;
/// Of the work of a run: how far it scatters (the standard deviation of its logarithm).
const SCATTER: f64 = 1.0;

/// What is simulated.
#[derive(Debug, Clone, Copy)]
pub struct Setting {
    /// Who works.
    pub style: Style,
    /// When runs come.
    pub load: Load,
    /// Cores of Postgres.
    pub cores: u32,
    /// What Lambda and Postgres give.
    pub limits: Limits,
}

/// What came of it, within the seconds that count.
#[derive(Debug, Clone, PartialEq)]
pub struct Outcome {
    /// Requests to the HTTP API in its busiest second.
    pub requests: u32,
    /// Environments that were busy at once, at most.
    pub busy: u32,
    /// Connections in the end.
    pub connections: u32,
    /// Of the time of all cores, in percent.
    pub cores_busy: f64,
    /// Bytes a second.
    pub wal: f64,
    /// Milliseconds of a create, what it waited because it was refused included: the median and the 99th of a hundred.
    pub create_ms: [f64; 2],
    /// Milliseconds from a run's creation to its claim.
    pub wait_ms: [f64; 2],
    /// Calls that were refused because Lambda had no environment, and because Postgres took no connection.
    pub refused: [u32; 2],
    /// Runs that waited in the end: for a worker, a core or an environment.
    pub backlog: u32,
}

#[derive(Debug, Clone, Copy)]
struct Task {
    function: Function,
    /// Of its plan, the next one.
    stage: usize,
    /// When its runs were created, or when the call was made where they are not yet.
    since: f64,
    /// Of a worker: which environment.
    environment: usize,
}

struct World<'a> {
    setting: &'a Setting,
    assumed: &'a Assumed,
    plans: Plans,
    random: Rng,
    clock: Clock,
    tasks: Vec<Task>,
    free: Vec<usize>,
    environments: Environments,
    /// Runs that each environment of a worker still has.
    batches: Vec<u32>,
    free_batches: Vec<usize>,
    /// Messages: when their runs were created.
    messages: VecDeque<f64>,
    /// Statements that wait for a core.
    line: VecDeque<usize>,
    cores_busy: u32,
    core_seconds: f64,
    wal: f64,
    creates: Vec<f64>,
    waits: Vec<f64>,
    refused: [u32; 2],
    of_second: u32,
    second: u64,
    requests: u32,
}

/// Simulates a setting. The same seed has the same outcome.
pub fn simulate(setting: &Setting, costs: &Costs, assumed: &Assumed, seed: u64) -> Outcome {
    let mut world = World {
        setting,
        assumed,
        plans: Plans::new(setting.style, costs, assumed),
        random: Rng::with_seed(seed),
        clock: Clock::default(),
        tasks: Vec::new(),
        free: Vec::new(),
        environments: Environments::new(setting.limits),
        batches: Vec::new(),
        free_batches: Vec::new(),
        messages: VecDeque::new(),
        line: VecDeque::new(),
        cores_busy: 0,
        core_seconds: 0.0,
        wal: 0.0,
        creates: Vec::new(),
        waits: Vec::new(),
        refused: [0; 2],
        of_second: 0,
        second: 0,
        requests: 0,
    };
    world.next_arrival();
    while let Some(event) = world.clock.next(WARM_UP + COUNTED) {
        world.happens(event);
    }
    world.outcome()
}

impl World<'_> {
    fn happens(&mut self, event: Event) {
        match event {
            Event::Arrival => self.arrive(),
            Event::Call(task) => self.call(task),
            Event::Started(task) | Event::GoOn(task) => self.go_on(task),
            Event::Done(task) => self.done(task),
        }
    }

    /// As often as in the burst, of which those outside of it do not come: so the rate may change at any time.
    fn next_arrival(&mut self) {
        let calls = self.setting.load.highest() / f64::from(self.plans.size);
        let pause = self.exponential(1.0 / calls);
        self.clock.after(pause, Event::Arrival);
    }

    fn arrive(&mut self) {
        let (load, now) = (self.setting.load, self.clock.now());
        if self.random.f64() < load.rate_at(now) / load.highest() {
            let task = self.task(Function::Create, now);
            self.call(task);
            for _ in 0..GETS {
                let pause = self.random.f64() * 2.0 * self.assumed.work_seconds;
                let get = self.task(Function::Get, now);
                self.clock.after(pause, Event::Call(get));
            }
        }
        self.next_arrival();
    }

    fn task(&mut self, function: Function, since: f64) -> usize {
        let task = Task { function, stage: 0, since, environment: usize::MAX };
        match self.free.pop() {
            Some(at) => {
                self.tasks[at] = task;
                at
            }
            None => {
                self.tasks.push(task);
                self.tasks.len() - 1
            }
        }
    }

    /// A request to the API, which gets an environment, or comes again a second later.
    fn call(&mut self, task: usize) {
        let now = self.clock.now();
        if self.counts() {
            if now as u64 != self.second {
                (self.second, self.of_second) = (now as u64, 0);
            }
            self.of_second += 1;
            self.requests = self.requests.max(self.of_second);
        }
        match self.environments.take(self.tasks[task].function, now) {
            Found::Warm => self.go_on(task),
            Found::Cold => self.clock.after(self.assumed.cold_ms / 1e3, Event::Started(task)),
            Found::Refused(why) => {
                self.refuse(why);
                self.clock.after(AGAIN, Event::Call(task));
            }
        }
    }

    fn refuse(&mut self, why: Why) {
        if self.counts() {
            self.refused[why as usize] += 1;
        }
    }

    /// Messages that wait go to workers, as long as there are any: one each, or as many as share an environment when none is left.
    fn work(&mut self) {
        while !self.messages.is_empty() {
            let found = self.environments.take(Function::Worker, self.clock.now());
            let start = match found {
                Found::Warm => 0.0,
                Found::Cold => self.assumed.cold_ms / 1e3,
                Found::Refused(why) => {
                    // Who finds Lambda's limit waits in SQS, and nobody is told.
                    if why == Why::Connections {
                        self.refuse(why);
                    }
                    return;
                }
            };
            let batch = self.messages.len().min(self.assumed.batch as usize);
            let environment = self.free_batches.pop().unwrap_or_else(|| {
                self.batches.push(0);
                self.batches.len() - 1
            });
            self.batches[environment] = batch as u32;
            for since in self.messages.drain(..batch).collect::<Vec<_>>() {
                let task = self.task(Function::Worker, since);
                self.tasks[task].environment = environment;
                self.clock.after(start, Event::Started(task));
            }
        }
    }

    /// The next stages of a task, up to the first that takes time.
    fn go_on(&mut self, task: usize) {
        loop {
            let Task { function, stage, since, .. } = self.tasks[task];
            let Some(&stage) = self.plans.of(function).get(stage) else { return self.end(task) };
            self.tasks[task].stage += 1;
            match stage {
                Stage::Pause(seconds) => return self.clock.after(seconds, Event::GoOn(task)),
                Stage::Work(mean) => {
                    let seconds = self.lognormal(mean);
                    return self.clock.after(seconds, Event::GoOn(task));
                }
                Stage::Statement { .. } => return self.wait_for_a_core(task),
                Stage::Claimed => {
                    if self.counts() {
                        self.waits.push(1e3 * (self.clock.now() - since));
                    }
                }
            }
        }
    }

    fn wait_for_a_core(&mut self, task: usize) {
        if self.cores_busy == self.setting.cores {
            return self.line.push_back(task);
        }
        self.cores_busy += 1;
        self.execute(task);
    }

    fn execute(&mut self, task: usize) {
        let Task { function, stage, .. } = self.tasks[task];
        let Some(&Stage::Statement { core, wal }) = self.plans.of(function).get(stage - 1) else { return };
        let seconds = self.exponential(core);
        if self.counts() {
            self.core_seconds += seconds;
            self.wal += wal;
        }
        self.clock.after(seconds, Event::Done(task));
    }

    /// The statement has left its core; what it wrote has still to get to the disks.
    fn done(&mut self, task: usize) {
        match self.line.pop_front() {
            Some(next) => self.execute(next),
            None => self.cores_busy -= 1,
        }
        let Task { function, stage, .. } = self.tasks[task];
        let commits = matches!(self.plans.of(function)[stage - 1], Stage::Statement { wal, .. } if wal > 0.0);
        if commits {
            self.clock.after(self.assumed.commit_ms / 1e3, Event::GoOn(task));
        } else {
            self.go_on(task);
        }
    }

    fn end(&mut self, task: usize) {
        let Task { function, since, environment, .. } = self.tasks[task];
        self.free.push(task);
        if function == Function::Worker {
            self.batches[environment] -= 1;
            if self.batches[environment] > 0 {
                return;
            }
            self.free_batches.push(environment);
        }
        self.environments.give_back(function);
        let now = self.clock.now();
        match (function, self.setting.style) {
            (Function::Create, style) => {
                if self.counts() {
                    self.creates.push(1e3 * (now - since));
                }
                if style == Style::Pushed {
                    self.messages.push_back(now);
                } else {
                    // Whoever is free looks again, and again.
                    let claim = self.task(Function::Claim, now);
                    let pause = self.random.f64() * LOOKS_EVERY;
                    self.clock.after(pause, Event::Call(claim));
                }
            }
            (Function::Claim, _) => {
                let complete = self.task(Function::Complete, since);
                let work = self.lognormal(self.assumed.work_seconds);
                self.clock.after(work, Event::Call(complete));
            }
            (Function::Get | Function::Complete | Function::Worker, _) => {}
        }
        self.work();
    }

    fn counts(&self) -> bool {
        self.clock.now() >= WARM_UP
    }

    fn exponential(&mut self, mean: f64) -> f64 {
        -mean * (1.0 - self.random.f64()).ln()
    }

    fn lognormal(&mut self, mean: f64) -> f64 {
        let (u, v) = (1.0 - self.random.f64(), self.random.f64());
        let normal = (-2.0 * u.ln()).sqrt() * (std::f64::consts::TAU * v).cos();
        mean * (SCATTER * normal - SCATTER * SCATTER / 2.0).exp()
    }

    fn outcome(self) -> Outcome {
        let of = |figures: &[f64]| [50, 99].map(|percent| percentile(figures, percent).unwrap_or(f64::NAN));
        Outcome {
            requests: self.requests,
            busy: self.environments.most_busy,
            connections: self.environments.live(),
            cores_busy: 100.0 * self.core_seconds / (COUNTED * f64::from(self.setting.cores)),
            wal: self.wal / COUNTED,
            create_ms: of(&self.creates),
            wait_ms: of(&self.waits),
            refused: self.refused,
            backlog: (self.messages.len() + self.line.len()) as u32,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Of one core of which a run takes a millisecond: create, claim and completion.
    const COSTS: Costs = Costs {
        create: 400e-6,
        pair: 600e-6,
        create_bulk: 40e-6,
        pair_bulk: 60e-6,
        read: 0.0,
        create_wal: 2000.0,
        pair_wal: 2000.0,
    };
    const PLENTY: Limits = Limits { concurrency: 100_000, connections: 100_000 };

    fn outcome(style: Style, rate: f64, cores: u32, limits: Limits, seed: u64) -> Outcome {
        let setting = Setting { style, load: Load { rate, burst_at: None }, cores, limits };
        let assumed = Assumed { work_seconds: 1.0, steps: 0, ..Assumed::default() };
        simulate(&setting, &COSTS, &assumed, seed)
    }

    #[test]
    fn one_seed_has_one_outcome() {
        let of = |seed| outcome(Style::Pushed, 50.0, 2, PLENTY, seed);
        assert_eq!(of(1), of(1));
        assert_ne!(of(1), of(2));
    }

    #[test]
    fn cores_are_busy_by_rate_times_service_time() {
        let found = outcome(Style::Outside, 500.0, 1, PLENTY, 1);
        assert!((found.cores_busy - 50.0).abs() < 2.0, "{found:?}");
        assert!((found.wal / (500.0 * 4000.0) - 1.0).abs() < 0.04, "{found:?}");
    }

    #[test]
    fn environments_are_busy_by_rate_times_duration() {
        let found = outcome(Style::Pushed, 200.0, 8, PLENTY, 1);
        // A second of work each, and at most half as many again at once.
        assert!((200..320).contains(&found.busy), "{found:?}");
        assert!(found.connections >= found.busy && found.refused == [0, 0], "{found:?}");
    }

    /// M/M/1 at half its load: twice the service time, of which half is waiting.
    #[test]
    fn a_line_in_front_of_one_core_is_as_long_as_theory_says() {
        let assumed = Assumed { call_ms: 0.0, commit_ms: 0.0, cold_ms: 0.0, ..Assumed::default() };
        let costs = Costs { create: 1e-3, pair: 0.0, create_wal: 0.0, ..COSTS };
        let load = Load { rate: 500.0, burst_at: None };
        let setting = Setting { style: Style::Outside, load, cores: 1, limits: PLENTY };
        let found = simulate(&setting, &costs, &assumed, 1);
        // The sojourn time is exponential with a mean of 2 ms: its median is 2 ln 2, its 99th 2 ln 100.
        assert!((found.create_ms[0] - 1.386).abs() < 0.15, "{found:?}");
        assert!((found.create_ms[1] - 9.21).abs() < 1.0, "{found:?}");
    }

    #[test]
    fn more_than_the_cores_can_do_piles_up() {
        let found = outcome(Style::Outside, 1200.0, 1, PLENTY, 1);
        assert!(found.cores_busy > 99.0 && found.backlog > 5_000, "{found:?}");
    }

    #[test]
    fn messages_wait_where_workers_are_few_and_share_environments() {
        let limits = Limits { concurrency: 100, connections: 1000 };
        let found = outcome(Style::Pushed, 400.0, 8, limits, 1);
        // 80 workers with a run each would do 80 a second: ten each do all of them, in batches as long as their longest run.
        assert!(found.busy <= 100 && found.wait_ms[0] > 100.0, "{found:?}");
        let found = outcome(Style::Pushed, 2000.0, 8, limits, 1);
        assert!(found.backlog > 10_000, "{found:?}");
    }

    #[test]
    fn a_connection_too_few_is_told() {
        let limits = Limits { concurrency: 1000, connections: 3 };
        let found = outcome(Style::Outside, 500.0, 8, limits, 1);
        assert!(found.refused[1] > 0 && found.refused[0] == 0 && found.connections == 3, "{found:?}");
    }

    #[test]
    fn a_burst_lengthens_the_line() {
        let of = |burst_at| {
            let load = Load { rate: 400.0, burst_at };
            let setting = Setting { style: Style::Outside, load, cores: 1, limits: PLENTY };
            simulate(&setting, &COSTS, &Assumed::default(), 1).create_ms[1]
        };
        assert!(of(Some(BURST_AT)) > 10.0 * of(None));
    }
}

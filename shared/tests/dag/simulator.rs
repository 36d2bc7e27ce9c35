//! Drives `dag::plan::next` through a whole run, in a time of its own: no thread, no clock, no sleeping. What may never happen is asserted as it goes.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use chrono::{DateTime, TimeDelta, Utc};
use runplane::dag::plan::{self, End, Next, Progress, Task, Verdict};
use runplane::dag::spec::{Spec, Step, StepKind};

use crate::reference::{Oracle, Place};

/// What became of a run.
#[derive(Debug)]
pub struct Trace {
    /// How each step has ended, by its id.
    pub ends: BTreeMap<String, End>,
    /// How many attempts each step or item has had, and the error of the last one if it failed. Only of those that have ended.
    pub works: BTreeMap<Place, (usize, Option<String>)>,
    /// The attempts of each step, those of all its items together, the ones that were left in between too.
    pub attempts: BTreeMap<String, usize>,
    /// Steps that have failed before their first attempt, with their errors.
    pub unbegun: BTreeMap<String, String>,
    pub verdict: Verdict,
    /// The most steps that were worked on at once.
    pub busiest: usize,
}

/// A run under way.
pub struct Simulator<'a> {
    spec: &'a Spec,
    oracle: &'a Oracle,
    progress: Vec<Progress>,
    now: u64,
    /// What will happen, by when; the number keeps those of one moment in their order.
    events: BTreeMap<(u64, usize), Event>,
    number: usize,
    /// Attempts so far, and whether a wait has begun.
    attempts: BTreeMap<(usize, usize), (usize, bool)>,
    trace: Trace,
}

#[derive(Clone, Copy)]
enum Event {
    Begun(usize),
    Attempted(usize, usize),
}

fn time(milliseconds: u64) -> DateTime<Utc> {
    DateTime::UNIX_EPOCH + TimeDelta::milliseconds(milliseconds as i64)
}

impl<'a> Simulator<'a> {
    pub fn new(spec: &'a Spec, oracle: &'a Oracle) -> Self {
        let trace = Trace {
            ends: BTreeMap::new(),
            works: BTreeMap::new(),
            attempts: BTreeMap::new(),
            unbegun: BTreeMap::new(),
            verdict: Verdict::Succeeded,
            busiest: 0,
        };
        let progress = vec![Progress::Pending; spec.steps.len()];
        let (events, attempts) = (BTreeMap::new(), BTreeMap::new());
        Self { spec, oracle, progress, now: 0, events, number: 0, attempts, trace }
    }

    /// Until all steps have ended.
    pub fn run(mut self) -> Trace {
        // Each round lets something happen: a begin, an attempt, a wait, the end of a pause.
        for _ in 0..100_000 {
            let next = plan::next(self.spec, &self.progress, time(self.now));
            assert_eq!(next, plan::next(self.spec, &self.progress, time(self.now)), "the same question");
            self.end(&next);
            if let Some(verdict) = &next.verdict {
                assert!(next.begin.is_empty() && next.start.is_empty() && self.events.is_empty());
                self.trace.verdict = verdict.clone();
                return self.trace;
            }
            assert_fair(self.spec, &self.progress, &next, time(self.now));
            let mut changed = false;
            for &step in &next.begin {
                changed |= self.begin(step);
            }
            for &(step, task) in &next.start {
                self.start(step, task);
            }
            let busy = self.progress.iter().filter(|progress| is_busy(progress)).count();
            assert!(busy <= self.spec.max_parallel, "{busy} of {} steps at once", self.spec.max_parallel);
            self.trace.busiest = self.trace.busiest.max(busy);
            if !changed {
                self.advance(&next);
            }
        }
        panic!("it does not end: {:?}", self.progress);
    }

    fn end(&mut self, next: &Next) {
        for &(place, end) in &next.ended {
            let step = &self.spec.steps[place];
            self.assert_ready(step);
            match &self.progress[place] {
                Progress::Pending => {
                    assert!(matches!(end, End::Skipped(_)) || step.kind == StepKind::Noop);
                }
                Progress::Open(tasks) => assert!(!tasks.contains(&Task::Working), "thrown away: {tasks:?}"),
                other => panic!("a step ends that is {other:?}"),
            }
            self.close(place, end);
        }
    }

    fn close(&mut self, place: usize, end: End) {
        let id = &self.spec.steps[place].id;
        assert_eq!(self.trace.ends.insert(id.clone(), end), None, "step {id} ends twice");
        let attempts = self.attempts.iter().filter(|((step, _), _)| *step == place);
        self.trace.attempts.insert(id.clone(), attempts.map(|(_, (attempts, _))| attempts).sum());
        self.progress[place] = Progress::Ended(end);
    }

    fn assert_ready(&self, step: &Step) {
        for &on in &step.depends_on {
            assert!(
                matches!(self.progress[on], Progress::Ended(_)),
                "{} before {}",
                step.id,
                self.spec.steps[on].id
            );
        }
    }

    /// True: it has begun, as there was nothing to ask.
    fn begin(&mut self, place: usize) -> bool {
        let step = &self.spec.steps[place];
        assert_eq!(self.progress[place], Progress::Pending, "step {} begins twice", step.id);
        self.assert_ready(step);
        if step.condition.is_none() && step.for_each.is_none() {
            self.progress[place] = Progress::Open(vec![Task::Due]);
            return true;
        }
        self.progress[place] = Progress::Beginning;
        self.happens(self.now + place as u64 % 3, Event::Begun(place));
        false
    }

    fn start(&mut self, place: usize, task: usize) {
        let Progress::Open(tasks) = &mut self.progress[place] else {
            panic!("starts without having begun, or after its end: {:?}", self.progress[place]);
        };
        match tasks[task] {
            Task::Due => {}
            Task::At(due) => assert!(due <= time(self.now), "starts too early"),
            other => panic!("starts while it is {other:?}"),
        }
        tasks[task] = Task::Working;
        if let Some(for_each) = &self.spec.steps[place].for_each {
            let working = tasks.iter().filter(|task| **task == Task::Working).count();
            assert!(working <= for_each.max_parallel, "{working} items of {}", for_each.max_parallel);
        }
        let (attempts, waits) = self.attempts.entry((place, task)).or_default();
        if !*waits {
            *attempts += 1;
        }
        let takes = self.oracle.attempt(&self.place(place, task), self.attempts[&(place, task)].0).takes;
        self.happens(self.now + takes, Event::Attempted(place, task));
    }

    fn place(&self, step: usize, task: usize) -> Place {
        let one = &self.spec.steps[step];
        (one.id.clone(), one.for_each.is_some().then_some(task))
    }

    fn happens(&mut self, at: u64, event: Event) {
        self.number += 1;
        self.events.insert((at, self.number), event);
    }

    /// To what happens next.
    fn advance(&mut self, next: &Next) {
        let wake_at = next.wake_at.map(|time| {
            let at = time.timestamp_millis() as u64;
            assert!(at > self.now, "woken for what may start already");
            at
        });
        let first = self.events.first_key_value().map(|((at, _), _)| *at);
        let at = match (first, wake_at) {
            (Some(first), Some(wake_at)) => first.min(wake_at),
            (one, other) => one.or(other).unwrap_or_else(|| panic!("stuck: {:?}", self.progress)),
        };
        self.now = at;
        if first == Some(at) {
            let (_, event) = self.events.pop_first().unwrap();
            match event {
                Event::Begun(place) => self.begun(place),
                Event::Attempted(place, task) => self.attempted(place, task),
            }
        }
    }

    fn begun(&mut self, place: usize) {
        let step = &self.spec.steps[place];
        if step.condition.is_some() {
            match self.oracle.conditions.get(&step.id).unwrap_or(&Ok(true)) {
                Ok(true) => {}
                Ok(false) => return self.close(place, End::Skipped(runplane::steps::SkipReason::Condition)),
                Err(error) => return self.unbegun(place, error),
            }
        }
        let count = match &step.for_each {
            None => 1,
            Some(for_each) => match for_each.items.as_array() {
                Some(items) => items.len(),
                None => match self.oracle.items.get(&step.id).unwrap_or(&Ok(0)) {
                    Ok(count) => *count,
                    Err(error) => return self.unbegun(place, error),
                },
            },
        };
        self.progress[place] = Progress::Open(vec![Task::Due; count]);
    }

    fn unbegun(&mut self, place: usize, error: &str) {
        self.trace.unbegun.insert(self.spec.steps[place].id.clone(), error.to_owned());
        self.close(place, End::Failed);
    }

    /// As the executor does it: another attempt after a pause, the rest of a wait, or the end.
    fn attempted(&mut self, place: usize, task: usize) {
        let (spec, name) = (self.spec, self.place(place, task));
        let step = &spec.steps[place];
        let (attempts, waits) = self.attempts[&(place, task)];
        let error = self.oracle.attempt(&name, attempts).error;
        let to = match error {
            Some(error) => {
                self.attempts.insert((place, task), (attempts, false));
                let passes = step.kind == StepKind::Artifact && error == "unavailable";
                let again = step.retry.on.as_ref().map_or(passes, |names| names.contains(&error));
                if again && attempts < step.retry.max_attempts {
                    let delay: Duration = step.retry.delay(attempts, 0.5);
                    Task::At(time(self.now + delay.as_millis() as u64))
                } else {
                    self.trace.works.insert(name, (attempts, Some(error)));
                    Task::Failed
                }
            }
            None if step.kind == StepKind::Wait && !waits => {
                self.attempts.insert((place, task), (attempts, true));
                Task::At(time(self.now + place as u64 * 7 % 40))
            }
            None => {
                self.trace.works.insert(name, (attempts, None));
                Task::Succeeded
            }
        };
        let Progress::Open(tasks) = &mut self.progress[place] else { panic!("ended while it was worked on") };
        assert_eq!(tasks[task], Task::Working);
        tasks[task] = to;
    }
}

/// Whether it takes one of the places that `max_parallel` gives.
fn is_busy(progress: &Progress) -> bool {
    match progress {
        Progress::Beginning => true,
        Progress::Open(tasks) => tasks.contains(&Task::Working),
        Progress::Pending | Progress::Ended(_) => false,
    }
}

/// Those of its tasks that may start, if it goes on at all.
fn due(step: &Step, progress: &Progress, now: DateTime<Utc>) -> BTreeSet<usize> {
    let Progress::Open(tasks) = progress else { return BTreeSet::new() };
    let tolerated = step.for_each.as_ref().map_or(0, |for_each| for_each.tolerated_failures);
    if tasks.iter().filter(|task| **task == Task::Failed).count() > tolerated {
        return BTreeSet::new();
    }
    let is_due = |task: &Task| matches!(task, Task::Due) || matches!(task, Task::At(time) if *time <= now);
    (0..tasks.len()).filter(|task| is_due(&tasks[*task])).collect()
}

/// Who is first in the list starts first, and nobody waits while there is a place. `progress`: with what `next` says has ended.
fn assert_fair(spec: &Spec, progress: &[Progress], next: &Next, now: DateTime<Utc>) {
    let started: BTreeSet<usize> =
        next.begin.iter().copied().chain(next.start.iter().map(|(step, _)| *step)).collect();
    let newly: Vec<usize> = started.iter().copied().filter(|place| !is_busy(&progress[*place])).collect();
    let mut busy = progress.iter().filter(|progress| is_busy(progress)).count() + newly.len();
    for (place, step) in spec.steps.iter().enumerate().filter(|(place, _)| !started.contains(place)) {
        let has_ended = |on: &usize| matches!(progress[*on], Progress::Ended(_));
        let could = match &progress[place] {
            // Whatever was to be skipped has been by now.
            Progress::Pending => step.depends_on.iter().all(has_ended),
            open => !is_busy(open) && !due(step, open, now).is_empty(),
        };
        if could {
            assert!(newly.iter().all(|other| *other < place), "{newly:?} start before step {place}");
            assert!(busy >= spec.max_parallel, "step {place} waits, and only {busy} are worked on");
            busy = busy.max(spec.max_parallel);
        }
    }
    for (place, step) in spec.steps.iter().enumerate() {
        let Progress::Open(tasks) = &progress[place] else { continue };
        let starts: BTreeSet<usize> =
            next.start.iter().filter(|(step, _)| *step == place).map(|(_, task)| *task).collect();
        let due = due(step, &progress[place], now);
        assert!(starts.is_subset(&due), "{starts:?} start, and only {due:?} may");
        let left: Vec<usize> = due.difference(&starts).copied().collect();
        let most = step.for_each.as_ref().map_or(1, |for_each| for_each.max_parallel);
        let working = tasks.iter().filter(|task| **task == Task::Working).count() + starts.len();
        if let Some(first) = left.first()
            && working > 0
        {
            assert!(starts.iter().all(|start| start < first), "{starts:?} start before item {first}");
            assert!(working >= most, "item {first} waits, and only {working} of {most} are worked on");
        }
    }
}

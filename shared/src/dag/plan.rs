//! Planning: from a spec and what has become of its steps to what is to be done next. Nothing is run here and nothing is stored, and the same
//! question has the same answer.

use chrono::{DateTime, Utc};

use super::spec::{RunIf, Spec, Step, StepKind};
use crate::steps::SkipReason;

/// How far a step is.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub enum Progress {
    /// Has not begun.
    #[default]
    Pending,
    /// Is being asked whether it runs, and for which items.
    Beginning,
    /// Runs: once, or once for each item, in their order.
    Open(Vec<Task>),
    /// Has ended.
    Ended(End),
}

/// How far a step that runs is, or one of its items.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Task {
    /// May start.
    Due,
    /// May start, or go on, at this time: the pause before its next attempt, or a wait.
    At(DateTime<Utc>),
    /// Is being worked on.
    Working,
    /// Has ended well.
    Succeeded,
    /// Has failed, and is not tried again.
    Failed,
}

/// How a step has ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum End {
    /// Well.
    Succeeded,
    /// Badly, after its last attempt.
    Failed,
    /// It was not to run.
    Skipped(SkipReason),
}

/// How a run has ended.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Verdict {
    /// No step has failed without being allowed to.
    Succeeded,
    /// These steps have, by their places.
    Failed(Vec<usize>),
}

/// What is to be done next.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Next {
    /// These steps have ended, in the order in which they did: those that are skipped, that do nothing, or whose items have all ended.
    pub ended: Vec<(usize, End)>,
    /// These are to be asked for their `if` and their items.
    pub begin: Vec<usize>,
    /// These are to be started: steps by their places, and which of their tasks.
    pub start: Vec<(usize, usize)>,
    /// When the first of those that wait may go on.
    pub wake_at: Option<DateTime<Utc>>,
    /// All steps have ended.
    pub verdict: Option<Verdict>,
}

/// What is to be done at `now`, when the steps are that far. One [`Progress`] for each step of the spec.
pub fn next(spec: &Spec, progress: &[Progress], now: DateTime<Utc>) -> Next {
    let mut next = Next::default();
    let mut ends: Vec<Option<End>> = progress
        .iter()
        .map(|progress| match progress {
            Progress::Ended(end) => Some(*end),
            Progress::Pending | Progress::Beginning | Progress::Open(_) => None,
        })
        .collect();
    let mut ready = vec![false; spec.steps.len()];
    // Whoever ends may let others end: a chain of steps that do nothing takes one call.
    loop {
        let known = next.ended.len();
        for (place, step) in spec.steps.iter().enumerate() {
            if ends[place].is_some() {
                continue;
            }
            let end = match &progress[place] {
                Progress::Pending => match gate(spec, step, &ends) {
                    Some(Gate::Skip(reason)) => Some(End::Skipped(reason)),
                    Some(Gate::Run) if step.kind == StepKind::Noop => Some(End::Succeeded),
                    Some(Gate::Run) => {
                        ready[place] = true;
                        None
                    }
                    None => None,
                },
                Progress::Open(tasks) => end_of(step, tasks),
                Progress::Beginning | Progress::Ended(_) => None,
            };
            if let Some(end) = end {
                ends[place] = Some(end);
                next.ended.push((place, end));
            }
        }
        if next.ended.len() == known {
            break;
        }
    }
    if ends.iter().all(Option::is_some) {
        next.verdict = Some(verdict(spec, &ends));
        return next;
    }
    let mut slots =
        spec.max_parallel.saturating_sub(progress.iter().filter(|progress| works(progress)).count());
    for place in (0..spec.steps.len()).filter(|place| ends[*place].is_none()) {
        match &progress[place] {
            Progress::Pending if ready[place] && slots > 0 => {
                slots -= 1;
                next.begin.push(place);
            }
            Progress::Open(tasks) => {
                let working = works(&progress[place]);
                if working || slots > 0 {
                    let before = next.start.len();
                    start(place, &spec.steps[place], tasks, now, &mut next.start);
                    slots -= usize::from(!working && next.start.len() > before);
                }
                wake(&spec.steps[place], tasks, now, &mut next.wake_at);
            }
            Progress::Pending | Progress::Beginning | Progress::Ended(_) => {}
        }
    }
    next
}

/// Whether a step may run.
enum Gate {
    Run,
    Skip(SkipReason),
}

/// None: a step before it has not ended.
fn gate(spec: &Spec, step: &Step, ends: &[Option<End>]) -> Option<Gate> {
    let (mut failed, mut skipped) = (false, false);
    for &on in &step.depends_on {
        match ends[on]? {
            End::Succeeded => {}
            End::Failed => failed |= !spec.steps[on].continue_on_error,
            End::Skipped(SkipReason::UpstreamFailed) => failed = true,
            End::Skipped(_) => skipped = true,
        }
    }
    Some(match step.run_if {
        RunIf::AllSuccess | RunIf::NoneFailed if failed => Gate::Skip(SkipReason::UpstreamFailed),
        RunIf::AllSuccess if skipped => Gate::Skip(SkipReason::UpstreamSkipped),
        RunIf::OneFailed if !failed => Gate::Skip(SkipReason::NotNeeded),
        RunIf::AllSuccess | RunIf::NoneFailed | RunIf::OneFailed | RunIf::AllDone => Gate::Run,
    })
}

/// Whether more of its items have failed than may.
fn has_failed(step: &Step, tasks: &[Task]) -> bool {
    let tolerated = step.for_each.as_ref().map_or(0, |for_each| for_each.tolerated_failures);
    tasks.iter().filter(|task| **task == Task::Failed).count() > tolerated
}

/// None: it goes on.
fn end_of(step: &Step, tasks: &[Task]) -> Option<End> {
    if has_failed(step, tasks) {
        // What is under way is not thrown away.
        return (!tasks.contains(&Task::Working)).then_some(End::Failed);
    }
    let all = tasks.iter().all(|task| matches!(task, Task::Succeeded | Task::Failed));
    all.then_some(End::Succeeded)
}

/// Whether it takes one of the places that `max_parallel` gives. One that waits does not.
fn works(progress: &Progress) -> bool {
    match progress {
        Progress::Beginning => true,
        Progress::Open(tasks) => tasks.contains(&Task::Working),
        Progress::Pending | Progress::Ended(_) => false,
    }
}

/// Its tasks that may start, in their order.
fn start(place: usize, step: &Step, tasks: &[Task], now: DateTime<Utc>, started: &mut Vec<(usize, usize)>) {
    if has_failed(step, tasks) {
        return;
    }
    let most = step.for_each.as_ref().map_or(1, |for_each| for_each.max_parallel);
    let working = tasks.iter().filter(|task| **task == Task::Working).count();
    let due = tasks.iter().enumerate().filter(|(_, task)| match task {
        Task::Due => true,
        Task::At(time) => *time <= now,
        Task::Working | Task::Succeeded | Task::Failed => false,
    });
    started.extend(due.take(most.saturating_sub(working)).map(|(task, _)| (place, task)));
}

fn wake(step: &Step, tasks: &[Task], now: DateTime<Utc>, wake_at: &mut Option<DateTime<Utc>>) {
    if has_failed(step, tasks) {
        return;
    }
    for task in tasks {
        if let Task::At(time) = task
            && *time > now
        {
            *wake_at = Some(wake_at.map_or(*time, |first| first.min(*time)));
        }
    }
}

fn verdict(spec: &Spec, ends: &[Option<End>]) -> Verdict {
    let failed: Vec<_> = (0..spec.steps.len())
        .filter(|place| ends[*place] == Some(End::Failed) && !spec.steps[*place].continue_on_error)
        .collect();
    if failed.is_empty() { Verdict::Succeeded } else { Verdict::Failed(failed) }
}

#[cfg(test)]
mod tests;

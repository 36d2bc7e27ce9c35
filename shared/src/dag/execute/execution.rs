//! The loop: plan, start, wait for what ends, store it, and plan again.

use std::collections::{BTreeSet, HashMap};
use std::sync::{Arc, Weak};
use std::time::Duration;

use chrono::{DateTime, TimeDelta, Utc};
use serde_json::Value;
use tokio::task::{Id, JoinError, JoinSet};
use tokio::time::{Instant, sleep, sleep_until};
use tokio_util::sync::CancellationToken;
use tracing::Instrument as _;

use super::attempt::{self, EXPRESSION_FAILED, Failure, One, Outcome, Tools};
use super::begin::{self, Begun};
use super::ending::{self, Whole};
use super::resume::{self, ResumeError, Resumed};
use super::state::{self, State, TaskState};
use super::{Ended, Journal, JournalError, MAX_CONTEXT_BYTES, RUN_TIMEOUT, Stored, Work, context};
use crate::dag::evaluate::{Context, Evaluators, Turns};
use crate::dag::plan::{self, End, Progress, Task, Verdict};
use crate::dag::spec::{Spec, Step, StepKind};
use crate::steps::{SkipReason, StepError, StepRecord, StepResults, StepStatus};

/// A pause that is shorter is waited out here; a longer one is handed back, so that nobody pays for it.
const PATIENCE: TimeDelta = TimeDelta::seconds(5);
/// When it is stored that a step has begun, unless something else is stored before: so that one sees what takes long.
const SHOWN_AFTER: Duration = Duration::from_secs(1);
/// How often it is stored for how long a run has been worked on, while nothing ends.
const SHOWN_EVERY: Duration = Duration::from_secs(60);
/// The pause before a control plane that is out of reach is asked again.
const ASK_AGAIN_AFTER: Duration = Duration::from_secs(1);
/// Records of one store, at most.
const MAX_RECORDS: usize = 1000;

/// A run under way.
pub(super) struct Execution<J> {
    spec: Arc<Spec>,
    tools: Arc<Tools<J>>,
    turns: Turns,
    leave: CancellationToken,
    ends_at: Option<Instant>,
    progress: Vec<Progress>,
    states: Vec<State>,
    /// What expressions see that are under way, by the steps that are seen.
    contexts: HashMap<Vec<usize>, Weak<Context>>,
    /// What an earlier claim has left of steps that have not ended.
    left: HashMap<(usize, usize), (TaskState, Task)>,
    working: JoinSet<Event>,
    /// Who works on what, in case of a panic.
    names: HashMap<Id, (usize, Option<usize>)>,
    /// What has to be stored, in this order.
    results: Vec<StepRecord>,
    /// Steps and items whose beginning is not stored, and until when it need not be.
    begun: BTreeSet<(usize, Option<usize>)>,
    show_at: Option<Instant>,
    /// How long the run has been worked on, and since when it is being worked on now.
    worked: Duration,
    works_since: Option<Instant>,
    /// Outputs so far.
    bytes: usize,
    has_started: bool,
    is_out_of_time: bool,
}

/// What a task tells.
struct Event {
    step: usize,
    what: What,
}

enum What {
    Begun(Begun),
    Attempted(usize, Outcome),
}

impl<J: Journal> Execution<J> {
    /// From what is stored of it.
    pub(super) async fn begin(
        work: Work<J>,
        spec: Spec,
        evaluators: Arc<Evaluators>,
    ) -> Result<Self, JournalError> {
        let Work { run, journal, leave, ends_at, untouched, spill, .. } = work;
        let stored = if untouched { Stored::default() } else { load(&*journal, &leave).await? };
        let worked = Duration::from_millis(u64::try_from(stored.worked_ms).unwrap_or_default());
        let resumed = loop {
            match resume::resume(&spec, run.attempt, stored.clone(), spill.as_deref()).await {
                Ok(resumed) => break resumed,
                Err(ResumeError::NoBucket(detail)) => return Err(JournalError::Refused(detail)),
                Err(ResumeError::Unreadable(detail)) if leave.is_cancelled() => {
                    return Err(JournalError::Unavailable(detail));
                }
                Err(ResumeError::Unreadable(detail)) => {
                    tracing::warn!(error = detail, "an output was not read: trying again");
                    sleep(ASK_AGAIN_AFTER).await;
                }
            }
        };
        let Resumed { progress, states, tasks: left, bytes } = resumed;
        Ok(Self {
            spec: Arc::new(spec),
            tools: Arc::new(Tools::new(run, journal, evaluators, spill)),
            turns: Turns::default(),
            leave,
            ends_at,
            progress,
            states,
            contexts: HashMap::new(),
            left,
            working: JoinSet::new(),
            names: HashMap::new(),
            results: Vec::new(),
            begun: BTreeSet::new(),
            show_at: None,
            worked,
            works_since: None,
            bytes,
            has_started: false,
            is_out_of_time: false,
        })
    }

    fn now(&self) -> DateTime<Utc> {
        self.tools.run.clock.now()
    }

    /// Until all steps have ended, or nothing more can be done here.
    pub(super) async fn run(mut self) -> Result<Ended, JournalError> {
        loop {
            let has_ended = self.progress.iter().all(|progress| matches!(progress, Progress::Ended(_)));
            if !has_ended && self.time_left().is_zero() {
                return self.time_out().await;
            }
            let next = plan::next(&self.spec, &self.progress, self.now());
            let mut as_planned = true;
            for (step, end) in next.ended {
                // An output may turn out too large: what follows from its success does not follow then.
                as_planned = self.end(step, end).await == end;
                if !as_planned {
                    break;
                }
            }
            if !as_planned {
                continue;
            }
            if !self.results.is_empty() {
                self.store().await?;
                if self.take_events() {
                    continue;
                }
            }
            if let Some(verdict) = next.verdict {
                return Ok(self.finish(verdict).await);
            }
            let mut changed = false;
            for step in next.begin {
                changed |= self.ask(step);
            }
            for (step, task) in next.start {
                self.start(step, task);
            }
            self.count_work();
            if changed {
                continue;
            }
            if self.working.is_empty() {
                let Some(until) = next.wake_at.filter(|_| !self.is_out_of_time) else {
                    return Ok(Ended::HandBack { until: None });
                };
                let is_long = until - self.now() > PATIENCE;
                if is_long || !self.has_time(pause(until, self.now())) {
                    return Ok(Ended::HandBack { until: Some(until) });
                }
            }
            if let Some(ended) = self.wait(next.wake_at).await? {
                return Ok(ended);
            }
        }
    }

    /// Until something has ended, or may go on, or it is time to leave.
    async fn wait(&mut self, wake_at: Option<DateTime<Utc>>) -> Result<Option<Ended>, JournalError> {
        let pause = wake_at.map(|until| pause(until, self.now()));
        let left = self.time_left();
        tokio::select! {
            Some(joined) = self.working.join_next_with_id() => {
                self.handle(joined);
                self.take_events();
            }
            () = sleep(pause.unwrap_or_default()), if pause.is_some() => {}
            () = sleep_until(self.show_at.unwrap_or_else(Instant::now)), if self.show_at.is_some() => {
                self.show();
                self.store().await?;
            }
            () = self.leave.cancelled() => {
                self.stop().await;
                // They begin again, and are stored for the time that they have taken.
                self.show();
                self.store().await?;
                return Ok(Some(Ended::HandBack { until: None }));
            }
            () = sleep(left), if !self.working.is_empty() => return self.time_out().await.map(Some),
        }
        self.count_work();
        Ok(None)
    }

    /// Handles what has ended meanwhile. False: nothing has.
    fn take_events(&mut self) -> bool {
        let mut any = false;
        while let Some(joined) = self.working.try_join_next_with_id() {
            self.handle(joined);
            any = true;
        }
        any
    }

    /// Begins a step. True: it has begun, as there was nothing to ask.
    fn ask(&mut self, step: usize) -> bool {
        let spec = Arc::clone(&self.spec);
        let one = &spec.steps[step];
        if !self.fits(one) {
            return false;
        }
        if begin::is_simple(one) {
            self.open(step, None);
            return true;
        }
        let context = match self.context_of(step) {
            Ok(context) => context,
            Err(error) => {
                self.fail(step, error);
                return true;
            }
        };
        self.progress[step] = Progress::Beginning;
        let tools = Arc::clone(&self.tools);
        self.spawn(step, None, async move {
            What::Begun(begin::begin(&tools.evaluators, &spec.steps[step], &context).await)
        });
        false
    }

    /// Makes its tasks, as far as an earlier claim has left them.
    fn open(&mut self, step: usize, items: Option<Arc<Vec<Value>>>) {
        let count = items.as_ref().map_or(1, |items| items.len());
        let left = (0..count).map(|task| self.left.remove(&(step, task)));
        let (tasks, progress) = left.map(|left| left.unwrap_or((TaskState::default(), Task::Due))).unzip();
        let now = self.now();
        let state = &mut self.states[step];
        state.items = items;
        state.tasks = tasks;
        state.started_at.get_or_insert(now);
        self.progress[step] = Progress::Open(progress);
    }

    /// Starts an attempt, or the rest of one after a wait.
    fn start(&mut self, step: usize, task: usize) {
        let spec = Arc::clone(&self.spec);
        let one = &spec.steps[step];
        if !self.fits(one) {
            return;
        }
        let context = match self.context_of(step) {
            Ok(context) => context,
            Err(error) => return self.fail(step, error),
        };
        let now = self.now();
        let items = self.states[step].items.clone();
        let state = &mut self.states[step].tasks[task];
        if state.waits_until.is_none() {
            state.attempts += 1;
        }
        state.started_at.get_or_insert(now);
        let item = items.as_ref().and_then(|items| items.get(task)).map(|item| (task, item.clone()));
        let waited_until = state.waits_until;
        let attempt = One { item, waited_until, ends_at: self.ends_at };
        self.set(step, task, Task::Working);
        let part = items.is_some().then_some(task);
        self.begun.insert((step, part));
        if part.is_some() && !self.states[step].is_known {
            self.begun.insert((step, None));
        }
        let soon = Instant::now() + SHOWN_AFTER;
        self.show_at = Some(self.show_at.map_or(soon, |at| at.min(soon)));
        let tools = Arc::clone(&self.tools);
        self.spawn(step, Some(task), async move {
            What::Attempted(task, attempt::attempt(&tools, &spec.steps[step], &context, &attempt).await)
        });
    }

    fn spawn(&mut self, step: usize, task: Option<usize>, work: impl Future<Output = What> + Send + 'static) {
        // Asking for `if` and items is no attempt: whoever had time for it alone would be handed back for ever.
        self.has_started |= task.is_some();
        let span = tracing::info_span!("step", step.id = self.spec.steps[step].id, step.item = task);
        let handle = self.working.spawn(async move { Event { step, what: work.await } }.instrument(span));
        self.names.insert(handle.id(), (step, task));
    }

    fn set(&mut self, step: usize, task: usize, to: Task) {
        if let Progress::Open(tasks) = &mut self.progress[step] {
            tasks[task] = to;
        }
    }

    fn handle(&mut self, joined: Result<(Id, Event), JoinError>) {
        let (step, what) = match joined {
            Ok((id, Event { step, what })) => {
                self.names.remove(&id);
                (step, what)
            }
            Err(error) => {
                // Stopped by us; else a panic, which is a defect of ours and fails this step alone.
                let Some((step, task)) = self.names.remove(&error.id()).filter(|_| error.is_panic()) else {
                    return;
                };
                tracing::error!(step.id = self.spec.steps[step].id, "the worker panicked in this step");
                let failure =
                    Failure::new("internal", "the worker went wrong in this step; its log says how");
                let what = match task {
                    None => What::Begun(Begun::Failed(failure.error)),
                    Some(task) => What::Attempted(task, Outcome::Failed(failure)),
                };
                (step, what)
            }
        };
        match what {
            What::Begun(Begun::Open(items)) => self.open(step, items),
            What::Begun(Begun::Skipped) => self.skip(step),
            What::Begun(Begun::Failed(error)) => self.fail(step, error),
            What::Attempted(task, outcome) => self.attempted(step, task, outcome),
        }
    }

    fn attempted(&mut self, step: usize, task: usize, outcome: Outcome) {
        let now = self.now();
        let outcome = match outcome {
            Outcome::Done(output) if self.bytes + output.bytes > MAX_CONTEXT_BYTES => {
                let message =
                    format!("the outputs of the run would have more than {MAX_CONTEXT_BYTES} bytes of JSON");
                Outcome::Failed(Failure::new("context_too_large", message))
            }
            other => other,
        };
        let spec = Arc::clone(&self.spec);
        let one = &spec.steps[step];
        let state = &mut self.states[step].tasks[task];
        state.finished_at = Some(now);
        state.waits_until = None;
        let to = match outcome {
            Outcome::Done(output) => {
                self.bytes += output.bytes;
                state.output = Some(output);
                state.error = None;
                Task::Succeeded
            }
            Outcome::Wait(until) => {
                state.waits_until = Some(until);
                Task::At(until)
            }
            Outcome::Failed(failure) => {
                let again = state.attempts < one.retry.max_attempts && is_retried(one, &failure);
                state.error = Some(ending::bounded(failure.error));
                if again {
                    let delay = one.retry.delay(state.attempts, fastrand::f64());
                    Task::At(now + TimeDelta::from_std(delay).unwrap_or(TimeDelta::days(1)))
                } else {
                    Task::Failed
                }
            }
        };
        self.set(step, task, to);
        if let Progress::Open(tasks) = &self.progress[step]
            && !tasks.contains(&Task::Working)
        {
            // It may wait for long, and as many may wait as there are steps.
            self.states[step].context = None;
        }
        let is_item = self.states[step].items.is_some();
        // The end of a step that is no item's is recorded when the plan says that it has ended.
        if is_item || matches!(to, Task::At(_)) {
            let part = is_item.then_some(task);
            self.results.push(state::record(one, part, &self.states[step].tasks[task], to));
            self.known(step, part);
        }
    }

    /// Records the end of a step, which may turn out to be another one.
    async fn end(&mut self, step: usize, end: End) -> End {
        let spec = Arc::clone(&self.spec);
        let one = &spec.steps[step];
        let now = self.now();
        let whole = match end {
            End::Skipped(reason) => Whole::skipped(reason),
            End::Succeeded | End::Failed => {
                let tasks = match &self.progress[step] {
                    Progress::Open(tasks) => tasks.as_slice(),
                    Progress::Pending | Progress::Beginning | Progress::Ended(_) => &[],
                };
                // What waits for another attempt that will not come.
                for (task, at) in tasks.iter().enumerate() {
                    let state = &self.states[step].tasks[task];
                    if self.states[step].items.is_some()
                        && matches!(at, Task::At(_) | Task::Due)
                        && state.is_known
                    {
                        let record = state::blank(one, Some(task), StepStatus::Cancelled);
                        let attempts = i32::try_from(state.attempts).unwrap_or(i32::MAX);
                        self.results.push(StepRecord { attempts, finished_at: Some(now), ..record });
                    }
                }
                ending::whole(&self.tools, one, &self.states[step], tasks, end).await
            }
        };
        self.close(step, whole)
    }

    fn skip(&mut self, step: usize) {
        self.close(step, Whole::skipped(SkipReason::Condition));
    }

    /// A step that has failed without an attempt, or whatever its attempts have led to.
    fn fail(&mut self, step: usize, error: StepError) {
        self.close(step, Whole::failed(error, 0));
    }

    fn close(&mut self, step: usize, whole: Whole) -> End {
        let now = self.now();
        let state = &mut self.states[step];
        // It may be as long as all outputs of the run.
        (state.context, state.items) = (None, None);
        state.attempts = whole.attempts;
        let (status, reason) = state::status(whole.end);
        // A step that does nothing begins as it ends.
        if status != StepStatus::Skipped {
            state.started_at.get_or_insert(now);
        }
        let record = StepRecord {
            reason,
            attempts: i32::try_from(whole.attempts).unwrap_or(i32::MAX),
            output: whole
                .output
                .as_ref()
                .filter(|output| output.key.is_none())
                .map(|output| (*output.value).clone()),
            output_ref: whole.output.as_ref().and_then(|output| output.key.clone()),
            output_bytes: whole.output.as_ref().map(|output| output.bytes as i64),
            error: whole.error.clone(),
            started_at: state.started_at.filter(|_| status != StepStatus::Skipped),
            finished_at: Some(now),
            ..state::blank(&self.spec.steps[step], None, status)
        };
        state.end = Some(match whole.output {
            Some(output) => Ok(output.value),
            None => Err(whole.error),
        });
        self.progress[step] = Progress::Ended(whole.end);
        self.results.push(record);
        self.begun.retain(|(begun, _)| *begun != step);
        whole.end
    }

    /// What expressions of the step see: made once.
    fn context_of(&mut self, step: usize) -> Result<Arc<Context>, StepError> {
        if let Some(context) = &self.states[step].context {
            return Ok(Arc::clone(context));
        }
        // Steps behind the same ones see the same; those without expressions see nothing.
        let one = &self.spec.steps[step];
        let seen = if context::is_read(one) { one.ancestors.clone() } else { Vec::new() };
        let shared = self.contexts.get(&seen).and_then(Weak::upgrade);
        let context = match shared {
            Some(context) => context,
            None => {
                let context = Arc::new(self.context(&seen)?);
                self.contexts.retain(|_, known| known.strong_count() > 0);
                self.contexts.insert(seen, Arc::downgrade(&context));
                context
            }
        };
        self.states[step].context = Some(Arc::clone(&context));
        Ok(context)
    }

    fn context(&self, seen: &[usize]) -> Result<Context, StepError> {
        let steps = seen.iter().filter_map(|&place| {
            let seen = state::seen(&self.states[place], &self.progress[place])?;
            Some((self.spec.steps[place].id.clone(), seen))
        });
        let document = context::document(&self.tools.run, steps);
        self.tools.evaluators.context(&self.turns, &document).map_err(|error| StepError {
            error: EXPRESSION_FAILED.to_owned(),
            message: format!("the context cannot be written: {error}"),
        })
    }

    /// Whether an attempt would end in time. Whoever has begun nothing yet tries all the same, or it would never be tried.
    fn fits(&mut self, step: &Step) -> bool {
        let fits = step.kind == StepKind::Noop || !self.has_started || self.has_time(attempt::takes(step));
        self.is_out_of_time |= !fits;
        fits
    }

    fn has_time(&self, takes: Duration) -> bool {
        self.ends_at.is_none_or(|ends_at| Instant::now() + takes <= ends_at)
    }

    /// Time counts while anything is being worked on.
    fn count_work(&mut self) {
        match (self.working.is_empty(), self.works_since) {
            (false, None) => self.works_since = Some(Instant::now()),
            (true, Some(since)) => {
                self.worked += since.elapsed();
                self.works_since = None;
            }
            (true, None) | (false, Some(_)) => {}
        }
    }

    fn worked(&self) -> Duration {
        self.worked + self.works_since.map_or(Duration::ZERO, |since| since.elapsed())
    }

    fn time_left(&self) -> Duration {
        self.spec.timeout.saturating_sub(self.worked())
    }

    /// Stops what is under way; what has ended by then counts.
    async fn stop(&mut self) {
        self.working.abort_all();
        while let Some(joined) = self.working.join_next_with_id().await {
            self.handle(joined);
        }
        self.begun.clear();
        self.count_work();
    }

    /// The run has worked for as long as it may: whatever is under way ends with it.
    async fn time_out(&mut self) -> Result<Ended, JournalError> {
        self.stop().await;
        let (now, seconds) = (self.now(), self.spec.timeout.as_secs());
        let message = format!("the run has worked for {seconds} s, and may not work longer");
        for (place, progress) in self.progress.iter().enumerate() {
            let Progress::Open(tasks) = progress else { continue };
            let state = &self.states[place];
            let error = Some(StepError { error: RUN_TIMEOUT.to_owned(), message: message.clone() });
            for (task, at) in
                tasks.iter().enumerate().filter(|(_, at)| !matches!(at, Task::Succeeded | Task::Failed))
            {
                let part = state.items.is_some().then_some(task);
                if part.is_some() && *at == Task::Due {
                    continue;
                }
                let record = state::record(&self.spec.steps[place], part, &state.tasks[task], Task::Failed);
                let record = StepRecord { status: StepStatus::Cancelled, finished_at: Some(now), ..record };
                self.results.push(StepRecord { error: error.clone(), ..record });
            }
        }
        self.store().await?;
        Ok(Ended::failed(RUN_TIMEOUT, message, true))
    }

    async fn finish(self, verdict: Verdict) -> Ended {
        match verdict {
            Verdict::Failed(places) => {
                let errors = places.iter().map(|&place| {
                    let error = match &self.states[place].end {
                        Some(Err(Some(error))) => Some(error),
                        _ => None,
                    };
                    (self.spec.steps[place].id.as_str(), self.states[place].attempts, error)
                });
                ending::failed(&errors.collect::<Vec<_>>())
            }
            Verdict::Succeeded => {
                let all: Vec<_> = (0..self.spec.steps.len()).collect();
                let Some(template) = &self.spec.output else { return Ended::Succeeded { output: None } };
                match self.context(&all) {
                    Ok(context) => ending::output(&self.tools, template, &context).await,
                    Err(error) => ending::no_output(&error),
                }
            }
        }
    }

    /// Stores what has to be, and what has begun meanwhile. Asks again while the control plane is out of reach: nothing that has ended may be lost.
    async fn store(&mut self) -> Result<(), JournalError> {
        for (step, part) in std::mem::take(&mut self.begun) {
            let one = &self.spec.steps[step];
            let record = match (part, &self.progress[step]) {
                (None, Progress::Open(_)) if self.states[step].items.is_some() => StepRecord {
                    started_at: self.states[step].started_at,
                    attempts: 1,
                    ..state::blank(one, None, StepStatus::Running)
                },
                (part, Progress::Open(tasks)) => {
                    let task = part.unwrap_or_default();
                    if tasks[task] != Task::Working {
                        continue;
                    }
                    state::record(one, part, &self.states[step].tasks[task], Task::Working)
                }
                _ => continue,
            };
            self.results.push(record);
            self.known(step, part);
        }
        self.show_at = (!self.working.is_empty()).then(|| Instant::now() + SHOWN_EVERY);
        let records = latest(std::mem::take(&mut self.results));
        let worked_ms = i64::try_from(self.worked().as_millis()).unwrap_or(i64::MAX);
        for steps in records.chunks(MAX_RECORDS) {
            let results = StepResults { steps: steps.to_vec(), worked_ms };
            while let Err(error) = self.tools.journal.store(&results).await {
                match error {
                    JournalError::Unavailable(detail) if !self.leave.is_cancelled() => {
                        tracing::warn!(error = detail, "results of steps were not stored: trying again");
                        tokio::select! {
                            () = sleep(ASK_AGAIN_AFTER) => {}
                            () = self.leave.cancelled() => {}
                        }
                    }
                    error => return Err(error),
                }
            }
        }
        Ok(())
    }

    /// Has everything stored that is being worked on.
    fn show(&mut self) {
        for (step, progress) in self.progress.iter().enumerate() {
            let Progress::Open(tasks) = progress else { continue };
            let is_items = self.states[step].items.is_some();
            let working = tasks.iter().enumerate().filter(|(_, task)| **task == Task::Working);
            self.begun.extend(working.map(|(task, _)| (step, is_items.then_some(task))));
        }
    }

    /// Its beginning is stored.
    fn known(&mut self, step: usize, part: Option<usize>) {
        match part {
            None if self.states[step].items.is_some() => self.states[step].is_known = true,
            part => {
                if let Some(task) = self.states[step].tasks.get_mut(part.unwrap_or_default()) {
                    task.is_known = true;
                }
            }
        }
    }
}

/// Of several records of one step or item, the last.
fn latest(records: Vec<StepRecord>) -> Vec<StepRecord> {
    let mut seen = std::collections::HashSet::new();
    let mut kept: Vec<_> = records
        .into_iter()
        .rev()
        .filter(|record| seen.insert((record.step_id.clone(), record.item)))
        .collect();
    kept.reverse();
    kept
}

fn is_retried(step: &Step, failure: &Failure) -> bool {
    match &step.retry.on {
        Some(names) => names.contains(&failure.error.error),
        None => failure.passes,
    }
}

fn pause(until: DateTime<Utc>, now: DateTime<Utc>) -> Duration {
    (until - now).to_std().unwrap_or_default()
}

async fn load<J: Journal>(journal: &J, leave: &CancellationToken) -> Result<Stored, JournalError> {
    loop {
        match journal.load().await {
            Err(JournalError::Unavailable(detail)) if !leave.is_cancelled() => {
                tracing::warn!(error = detail, "stored results of steps were not read: trying again");
                sleep(ASK_AGAIN_AFTER).await;
            }
            other => return other,
        }
    }
}

//! The loop: plan, start, wait for what ends, store it, and plan again.
//!
//! | file | what is in it |
//! |---|---|
//! | `ended` | what becomes of it when something has ended |
//! | `storing` | what is stored, and when |
//! | `asking` | what it asks for when it begins |
//! | `contexts`, `time` | what expressions see; how long it has worked, and may |

mod asking;
mod contexts;
mod ended;
mod storing;
mod time;

use std::collections::{BTreeSet, HashMap};
use std::sync::{Arc, Weak};
use std::time::Duration;

use chrono::{DateTime, TimeDelta, Utc};
use serde_json::Value;
use tokio::task::{Id, JoinSet};
use tokio::time::{Instant, sleep, sleep_until};
use tokio_util::sync::CancellationToken;
use tracing::Instrument as _;

use asking::{ASK_AGAIN_AFTER, asked};

use super::attempt::{self, One, Outcome, Tools};
use super::begin::{self, Begun};
use super::ending;
use super::resume::{self, ResumeError, Resumed};
use super::state::{self, State, TaskState};
use super::{Ended, Journal, JournalError, RUN_TIMEOUT, Stored, Work};
use crate::dag::evaluate::{Context, Evaluators, Turns};
use crate::dag::params::secrets;
use crate::dag::plan::{self, Progress, Task, Verdict};
use crate::dag::spec::Spec;
use crate::reach::mask::Mask;
use crate::steps::{StepError, StepRecord, StepStatus};
use crate::traces;

/// A pause that is shorter is waited out here; a longer one is handed back, so that nobody pays for it.
const PATIENCE: TimeDelta = TimeDelta::seconds(5);
/// When it is stored that a step has begun, unless something else is stored before: so that one sees what takes long.
const SHOWN_AFTER: Duration = Duration::from_secs(1);
/// How often it is stored for how long a run has been worked on, while nothing ends.
const SHOWN_EVERY: Duration = Duration::from_secs(60);
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
        let Work { mut run, journal, leave, ends_at, untouched, spill, reach, .. } = work;
        let mask = Mask::default();
        if !spec.secrets.is_empty() {
            let ask = || journal.secret_parameters();
            let secret = asked(&leave, "secret parameters were not read", ask).await?;
            if let Value::Object(params) = &mut run.params {
                secrets::put_back(params, secret);
            }
            secrets::standing(&spec.secrets, &run.params).into_iter().for_each(|text| mask.add(text));
        }
        let stored = if untouched {
            Stored::default()
        } else {
            asked(&leave, "stored results of steps were not read", || journal.load()).await?
        };
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
            tools: Arc::new(Tools::new(run, journal, evaluators, spill, reach, mask)),
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
        let traced = traces::step(&self.tools.run, one, items.is_some().then_some(task), state.attempts);
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
            let attempt = attempt::attempt(&tools, &spec.steps[step], &context, &attempt);
            let outcome = attempt.instrument(traced.clone()).await;
            if let Outcome::Failed(failure) = &outcome {
                traces::failed(&traced, &failure.error.error);
            }
            What::Attempted(task, outcome)
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
}

fn pause(until: DateTime<Utc>, now: DateTime<Utc>) -> Duration {
    (until - now).to_std().unwrap_or_default()
}

//! Some children, kept between evaluations.

use std::ffi::OsString;
use std::path::PathBuf;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use serde_json::Value;
use serde_json::value::RawValue;
use tokio::sync::Semaphore;

use super::child::Child;
use super::protocol::Answer;

/// What one evaluation may take, and how many there are at once.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Limits {
    /// The memory of a child, in bytes: its stack of 32 MiB, the contexts it remembers and what it evaluates.
    pub memory_bytes: u64,
    /// How long one template may take. A child that takes longer is killed.
    pub deadline: Duration,
    /// Children at once, at most. An expression that takes its whole time keeps one of them busy.
    pub children: usize,
}

impl Default for Limits {
    /// 192 MiB, 5 s, two children: with the worker beside them they fit into 512 MB.
    fn default() -> Self {
        Self { memory_bytes: 192 * 1024 * 1024, deadline: Duration::from_secs(5), children: 2 }
    }
}

/// Evaluates templates in children of this process.
#[derive(Debug)]
pub struct Evaluators {
    program: PathBuf,
    arguments: Vec<OsString>,
    limits: Limits,
    idle: Mutex<Vec<Child>>,
    places: Semaphore,
    contexts: AtomicU64,
}

/// What the evaluations of one run share: they take turns. So a run whose expressions take all their time, however many there are at once, keeps
/// one child busy, and the other ones are there for the other runs of its worker.
#[derive(Clone, Debug)]
pub struct Turns(Arc<Semaphore>);

impl Default for Turns {
    fn default() -> Self {
        Self(Arc::new(Semaphore::new(1)))
    }
}

/// What expressions may read: sent to a child once, however many expressions read it.
#[derive(Debug)]
pub struct Context {
    turns: Turns,
    id: u64,
    document: Box<RawValue>,
}

impl Context {
    pub(super) fn id(&self) -> u64 {
        self.id
    }

    pub(super) fn document(&self) -> &RawValue {
        &self.document
    }
}

/// One question.
#[derive(Clone, Copy, Debug)]
pub struct Ask<'a> {
    /// What is read.
    pub context: &'a Context,
    /// An object whose fields are put into the context for this question alone.
    pub beside: Option<&'a Value>,
    /// The template.
    pub template: &'a Value,
    /// How long the value may be as compact JSON, in bytes.
    pub max_bytes: usize,
}

/// Why a template gave no value.
#[derive(Debug, thiserror::Error)]
pub enum EvaluateError {
    /// It cannot be evaluated, or gives no JSON.
    #[error("{0}")]
    Failed(String),
    /// The value is longer than it may be.
    #[error("the value is longer than {most} bytes of JSON")]
    TooLarge {
        /// How long it may be.
        most: usize,
    },
    /// It took longer than it may, and was stopped.
    #[error("the expressions took longer than {} s, and were stopped", .0.as_secs())]
    TooSlow(Duration),
    /// Its child has ended.
    #[error("the expressions needed more than {} MiB of memory, or nest too deeply, and were stopped", .0 / 1024 / 1024)]
    Ended(u64),
    /// No child could be started: the machine is short of something.
    #[error("expressions cannot be evaluated: {0}")]
    NotStarted(std::io::Error),
}

impl Evaluators {
    /// Children are started as `program arguments… <bytes>`, which has to call [`serve`](super::serve) with those bytes and do nothing else;
    /// none before the first evaluation.
    pub fn new(program: PathBuf, arguments: Vec<String>, limits: Limits) -> Self {
        Self {
            program,
            arguments: arguments.into_iter().map(OsString::from).collect(),
            limits,
            idle: Mutex::new(Vec::new()),
            places: Semaphore::new(limits.children),
            contexts: AtomicU64::new(0),
        }
    }

    /// A context for several evaluations of the run that has these turns.
    ///
    /// # Errors
    /// [`serde_json::Error`]: it cannot be written as JSON, which does not happen.
    pub fn context(&self, turns: &Turns, document: &Value) -> Result<Context, serde_json::Error> {
        let document = serde_json::value::to_raw_value(document)?;
        Ok(Context { turns: turns.clone(), id: self.contexts.fetch_add(1, Ordering::Relaxed), document })
    }

    /// The value of a template. Waits for its turn within its run, and while all children are busy. Dropping this kills the child that is at it.
    ///
    /// # Errors
    /// [`EvaluateError`]; no other evaluation is affected.
    pub async fn evaluate(&self, ask: Ask<'_>) -> Result<Value, EvaluateError> {
        let (Ok(_turn), Ok(_place)) = (ask.context.turns.0.acquire().await, self.places.acquire().await)
        else {
            return Err(EvaluateError::NotStarted(std::io::ErrorKind::Other.into()));
        };
        if let Some(child) = self.idle(ask.context.id) {
            match self.ask(child, &ask).await {
                // It may have died of what it remembers, or while nobody looked: a new one decides.
                Err(EvaluateError::Ended(_)) => {}
                answer => return answer,
            }
        }
        let child = Child::start(&self.program, &self.arguments, self.limits.memory_bytes);
        self.ask(child.map_err(EvaluateError::NotStarted)?, &ask).await
    }

    /// Keeps the child, unless it is of no use any more.
    async fn ask(&self, mut child: Child, ask: &Ask<'_>) -> Result<Value, EvaluateError> {
        match tokio::time::timeout(self.limits.deadline, child.ask(ask)).await {
            // Dropping it kills it.
            Err(_) => Err(EvaluateError::TooSlow(self.limits.deadline)),
            Ok(Err(_)) => Err(EvaluateError::Ended(self.limits.memory_bytes)),
            Ok(Ok(answer)) => {
                self.keep(child);
                match answer {
                    Answer::Value(json) => serde_json::from_str(json.get()).map_err(|error| {
                        EvaluateError::Failed(format!("the expression gives no JSON: {error}"))
                    }),
                    Answer::Failed(detail) => Err(EvaluateError::Failed(detail)),
                    Answer::TooLarge(_) => Err(EvaluateError::TooLarge { most: ask.max_bytes }),
                }
            }
        }
    }

    /// One that knows the context, or else any.
    fn idle(&self, context: u64) -> Option<Child> {
        let mut idle = self.idle.lock().unwrap_or_else(|poisoned| poisoned.into_inner());
        let place = idle.iter().position(|child| child.knows(context)).or(idle.len().checked_sub(1))?;
        Some(idle.swap_remove(place))
    }

    fn keep(&self, child: Child) {
        self.idle.lock().unwrap_or_else(|poisoned| poisoned.into_inner()).push(child);
    }
}

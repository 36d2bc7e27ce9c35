//! Random DAGs through the executor: they end as the reference says, also when they are handed back and when their worker dies, wherever that happens.

use std::pin::pin;
use std::sync::atomic::AtomicUsize;
use std::sync::{Arc, Mutex};
use std::task::Poll;
use std::time::Duration;

use proptest::strategy::{Strategy, ValueTree as _};
use proptest::test_runner::TestRunner;
use runplane::app::App;
use runplane::dag::evaluate::Evaluators;
use runplane::dag::execute::{Ended, Journal as _, Work, execute};
use runplane::runs::Claim;
use runplane::steps::StepRecord;
use serde_json::{Value, json};
use sqlx::postgres::{PgConnectOptions, PgPoolOptions};
use tokio_util::sync::CancellationToken;
use uuid::Uuid;

use crate::made;
use crate::reference::{self, Oracle};
use crate::support::{app, claimed, evaluators_within, journal, lose, run_of, stored, work};
use crate::watched::{Seen, Watched};

const SPECS: usize = 60;
/// After so many claims a run is let go to its end.
const MOST_CLAIMS: usize = 40;

/// Where a run is stopped.
#[derive(Clone, Copy, Debug)]
enum Stop {
    Never,
    /// The worker is asked to leave, after so many calls of its journal.
    Leaves(usize),
    /// The worker dies, when its executor was polled so often.
    Dies(usize),
}

/// A run under test.
struct Run {
    app: Arc<App>,
    evaluators: Arc<Evaluators>,
    id: Uuid,
    seen: Arc<Seen>,
}

impl Run {
    /// Executes it until it ends or is stopped. None: it has been stopped.
    async fn once(&self, claim: &Claim, stop: Stop) -> Option<Ended> {
        let leave = CancellationToken::new();
        let journal = Arc::new(Watched {
            inner: journal(&self.app, claim),
            seen: Arc::clone(&self.seen),
            refused: Mutex::default(),
            calls: AtomicUsize::new(0),
            leave_after: if let Stop::Leaves(calls) = stop { calls } else { usize::MAX },
            leave: leave.clone(),
        });
        let work = Work { leave, ..work(claim, Arc::clone(&journal)) };
        let mut execution = pin!(execute(work, &self.evaluators));
        let mut polls = if let Stop::Dies(polls) = stop { polls } else { usize::MAX };
        let ended = std::future::poll_fn(|context| {
            if polls == 0 {
                return Poll::Ready(None);
            }
            polls -= 1;
            execution.as_mut().poll(context).map(Some)
        });
        match ended.await.map(Result::unwrap) {
            Some(Ended::HandBack { until }) => {
                journal.hand_back(until).await.unwrap();
                None
            }
            Some(ended) => Some(ended),
            None => {
                lose(&self.app, self.id).await;
                None
            }
        }
    }
}

/// What `.steps | map_values(.status)` gives in a step.
fn sees(list: &[Value], place: usize, expected: &reference::Outcome) -> Value {
    let mut open = reference::depends_on(list, place);
    let mut seen = serde_json::Map::new();
    while let Some(id) = open.pop() {
        let place = list.iter().position(|step| reference::id(step) == id).unwrap();
        if seen.insert(id.clone(), json!(expected.steps[&id].status)).is_none() {
            open.extend(reference::depends_on(list, place));
        }
    }
    Value::Object(seen)
}

/// Asserts that a run has ended as the reference says.
fn assert_as_told(spec: &Value, oracle: &Oracle, ended: &Ended, records: &[StepRecord]) {
    let expected = reference::outcome(spec, oracle);
    let list = spec["steps"].as_array().unwrap();
    for (place, step) in list.iter().enumerate() {
        let id = reference::id(step);
        let end = &expected.steps[id];
        let record = records.iter().find(|record| record.step_id == id && record.item.is_none());
        let record = record.unwrap_or_else(|| panic!("nothing is stored of {id}\n{spec}"));
        let error = record.error.as_ref().map(|error| error.error.clone());
        let why = record.reason.map(|reason| reason.as_str().to_owned()).or(error);
        assert_eq!((record.status.as_str(), why), (end.status, end.why.clone()), "{id}\n{spec}");
        let attempts = record.attempts as usize;
        assert!(end.attempts.contains(&attempts), "{id} has {attempts} attempts: {end:?}\n{spec}");
        let value = &step["with"]["value"];
        if end.status == "SUCCEEDED" && value == "${ .steps | map_values(.status) }" {
            let seen = sees(list, place, &expected);
            let output = match step["for_each"].is_object() {
                true => json!(vec![seen; *end.attempts.end()]),
                false => seen,
            };
            assert_eq!(record.output, Some(output), "{id}\n{spec}");
        }
    }
    let items = records.iter().filter(|record| record.item.is_some());
    for record in items.filter(|record| expected.steps[&record.step_id].status == "SUCCEEDED") {
        assert!(record.status.is_terminal(), "{record:?}\n{spec}");
    }
    match ended {
        Ended::Succeeded { output: None } => {
            assert!(expected.failed.is_empty(), "{:?}\n{spec}", expected.failed)
        }
        Ended::Failed { error_code, error_message, retryable: true } => {
            assert_eq!(error_code, "step_failed");
            let first = expected.failed.first().unwrap_or_else(|| panic!("{error_message}\n{spec}"));
            assert!(error_message.contains(&format!("step {first} failed ")), "{error_message}\n{spec}");
            for other in expected.failed.iter().skip(1).take(10) {
                assert!(error_message.contains(other.as_str()), "{other}: {error_message}\n{spec}");
            }
        }
        other => panic!("{other:?}\n{spec}"),
    }
}

/// Runs random specs, each stopped as `stop` says in each of its claims.
async fn assert_all_as_told(options: PgConnectOptions, stop: impl Fn(usize) -> Stop) {
    let app = app(options).await;
    let evaluators = evaluators_within(Duration::from_secs(20));
    let mut runner = TestRunner::default();
    let strategy = (made::seeds(), 1_u64..10);
    let mut stopped = 0;
    for _ in 0..SPECS {
        let (seeds, max_parallel) = strategy.new_tree(&mut runner).unwrap().current();
        let (spec, oracle) = made::spec(&seeds, max_parallel);
        let id = run_of(&app, &spec, json!({})).await;
        let seen = Arc::new(Seen::default());
        let run = Run { app: Arc::clone(&app), evaluators: Arc::clone(&evaluators), id, seen };
        let mut claims = 0;
        let (claim, ended) = loop {
            claims += 1;
            let claim = claimed(&app, id).await;
            let stop = if claims > MOST_CLAIMS { Stop::Never } else { stop(claims) };
            match run.once(&claim, stop).await {
                Some(ended) => break (claim, ended),
                None => stopped += 1,
            }
        };
        assert_eq!(*run.seen.faults.lock().unwrap(), [] as [String; 0], "{spec}");
        assert_as_told(&spec, &oracle, &ended, &stored(&app, &claim).await);
    }
    assert_eq!(stopped > 0, !matches!(stop(1), Stop::Never), "{stopped} times");
}

#[sqlx::test(migrator = "runplane::MIGRATOR")]
async fn any_dag_ends_as_the_reference_says(_pool: PgPoolOptions, options: PgConnectOptions) {
    assert_all_as_told(options, |_| Stop::Never).await;
}

#[sqlx::test(migrator = "runplane::MIGRATOR")]
async fn so_it_does_when_it_is_handed_back_anywhere(_pool: PgPoolOptions, options: PgConnectOptions) {
    assert_all_as_told(options, |_| Stop::Leaves(fastrand::usize(1..8))).await;
}

#[sqlx::test(migrator = "runplane::MIGRATOR")]
async fn so_it_does_when_its_worker_dies_anywhere(_pool: PgPoolOptions, options: PgConnectOptions) {
    assert_all_as_told(options, |claims| Stop::Dies(fastrand::usize(1..10 + claims))).await;
}

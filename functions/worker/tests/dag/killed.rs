//! A worker that dies, at every boundary of its steps and within them.

use std::collections::HashMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use chrono::{DateTime, Utc};
use runplane::app::App;
use runplane::catalog::Connection;
use runplane::dag::execute::{Ended, Journal, JournalError, Stored, execute};
use runplane::steps::{PgJournal, StepResults, StepStatus};
use serde_json::{Map, Value, json};
use sqlx::postgres::{PgConnectOptions, PgPoolOptions};
use tokio::sync::Notify;
use uuid::Uuid;

use crate::support::{app, claimed, evaluators, executed, journal, lose, run_of, stored, work};

/// Postgres, until its worker dies: at its n-th call that changes something, just before it or just after it.
#[derive(Debug)]
struct Dying {
    inner: PgJournal,
    calls: AtomicUsize,
    dies_at: usize,
    before: bool,
    died: Notify,
}

impl Dying {
    async fn call<T>(
        &self,
        change: impl Future<Output = Result<T, JournalError>>,
    ) -> Result<T, JournalError> {
        let is_last = self.calls.fetch_add(1, Ordering::SeqCst) == self.dies_at;
        if is_last && self.before {
            self.die().await;
        }
        let answer = change.await;
        if is_last {
            self.die().await;
        }
        answer
    }

    async fn die(&self) {
        self.died.notify_one();
        std::future::pending::<()>().await;
    }
}

impl Journal for Dying {
    async fn load(&self) -> Result<Stored, JournalError> {
        self.inner.load().await
    }

    async fn connection(&self, name: &str) -> Result<Option<Connection>, JournalError> {
        self.inner.connection(name).await
    }

    async fn secret_parameters(&self) -> Result<Map<String, Value>, JournalError> {
        self.inner.secret_parameters().await
    }

    async fn store(&self, results: &StepResults) -> Result<(), JournalError> {
        self.call(self.inner.store(results)).await
    }

    async fn hand_back(&self, until: Option<DateTime<Utc>>) -> Result<(), JournalError> {
        self.inner.hand_back(until).await
    }

    async fn artifact(
        &self,
        id: Uuid,
        artifact_type: &str,
        payload: &Map<String, Value>,
        source: &str,
    ) -> Result<(), JournalError> {
        self.call(self.inner.artifact(id, artifact_type, payload, source)).await
    }
}

/// Steps one behind the other and beside each other, items, a retry, a wait, and three that leave a trace outside.
fn spec() -> Value {
    let mark = |id: &str, after: &[&str]| {
        json!({"id": id, "type": "artifact", "depends_on": after,
            "with": {"artifact_type": "mark", "payload": {"step": id}}, "output": "${ .result.id }"})
    };
    json!({
        "steps": [
            "start",
            mark("one", &["start"]),
            {"id": "many", "type": "artifact", "depends_on": ["one"], "for_each": {"items": ["a", "b", "c"]},
             "with": {"artifact_type": "mark", "payload": {"item": "${ .item }"}}, "output": "${ .index }"},
            {"id": "shaky", "type": "fail", "depends_on": ["start"], "continue_on_error": true,
             "with": {"error": "x", "message": "y"}, "retry": {"max_attempts": 2, "delay_seconds": 0.001, "on": ["x"]}},
            {"id": "pause", "type": "wait", "depends_on": ["one"], "with": {"seconds": 0.001}},
            mark("two", &["many", "shaky", "pause"]),
            {"id": "sum", "type": "transform", "depends_on": ["two"], "with": {"value": "${ .steps.many.output | add }"}}
        ],
        "output": {"sum": "${ .steps.sum.output }", "shaky": "${ .steps.shaky.attempts }"}
    })
}

async fn artifacts(app: &App, run_id: Uuid) -> HashMap<String, i64> {
    let count = sqlx::query_as::<_, (String, i64)>(
        "select coalesce(payload ->> 'step', payload ->> 'item'), count(*) from run_artifacts where run_id = $1 group by 1",
    );
    let rows = app.call(async |conn| count.bind(run_id).fetch_all(conn).await).await;
    rows.expect("artifacts").into_iter().collect()
}

#[sqlx::test(migrator = "runplane::MIGRATOR")]
async fn whenever_a_worker_dies_the_next_one_goes_on_from_what_is_stored(
    _pool: PgPoolOptions,
    options: PgConnectOptions,
) {
    let (app, evaluators) = (app(options).await, evaluators());
    let mut deaths = 0;
    for before in [true, false] {
        for dies_at in 0.. {
            let run_id = run_of(&app, &spec(), json!({})).await;
            let claim = claimed(&app, run_id).await;
            let dying = Arc::new(Dying {
                inner: journal(&app, &claim),
                calls: AtomicUsize::new(0),
                dies_at,
                before,
                died: Notify::new(),
            });
            let first = execute(work(&claim, Arc::clone(&dying)), &evaluators);
            let survived = tokio::select! {
                ended = first => Some(ended.unwrap()),
                () = dying.died.notified() => None,
            };
            let at = format!("death at call {dies_at}, before it: {before}");
            let known = stored(&app, &claim).await;
            let ended = match survived {
                Some(ended) => ended,
                None => {
                    deaths += 1;
                    lose(&app, run_id).await;
                    let next = claimed(&app, run_id).await;
                    let ended = executed(&app, &next, &evaluators, None).await.unwrap();
                    let now = stored(&app, &next).await;
                    for record in known.iter().filter(|record| record.status.is_terminal()) {
                        let later =
                            now.iter().find(|now| (&now.step_id, now.item) == (&record.step_id, record.item));
                        let later = later.unwrap_or_else(|| panic!("{at}: {record:?} is gone"));
                        let same = (record.status, record.attempts, record.started_at, record.finished_at);
                        assert_eq!(
                            (later.status, later.attempts, later.started_at, later.finished_at),
                            same,
                            "{at}: {record:?}"
                        );
                    }
                    ended
                }
            };
            assert_eq!(ended, Ended::Succeeded { output: Some(json!({"sum": 3, "shaky": 2})) }, "{at}");
            // Whoever was in flight ran again under the same name: what it had left there is there once.
            let expected = ["one", "two", "a", "b", "c"].map(|name| (name.to_owned(), 1));
            assert_eq!(artifacts(&app, run_id).await, HashMap::from(expected), "{at}");
            if survived_to_the_end(&dying) {
                break;
            }
        }
    }
    assert!(deaths > 20, "it died {deaths} times");
}

fn survived_to_the_end(dying: &Dying) -> bool {
    dying.calls.load(Ordering::SeqCst) <= dying.dies_at
}

#[sqlx::test(migrator = "runplane::MIGRATOR")]
async fn a_worker_that_lost_its_lease_stores_nothing_more(_pool: PgPoolOptions, options: PgConnectOptions) {
    let (app, evaluators) = (app(options).await, evaluators());
    let run_id = run_of(&app, &spec(), json!({})).await;
    let zombie = claimed(&app, run_id).await;
    lose(&app, run_id).await;
    let next = claimed(&app, run_id).await;
    let stale = executed(&app, &zombie, &evaluators, None).await;
    assert!(matches!(stale, Err(JournalError::Lost(_))), "{stale:?}");
    assert_eq!(stored(&app, &next).await, []);
    let ended = executed(&app, &next, &evaluators, None).await.unwrap();
    assert!(matches!(ended, Ended::Succeeded { .. }), "{ended:?}");
    assert!(stored(&app, &next).await.iter().all(|record| record.status != StepStatus::Running));
}

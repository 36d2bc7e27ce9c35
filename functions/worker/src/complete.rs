//! Group commit: runs that end together are completed together. While one statement is under way, those that end meanwhile wait for the
//! next one; nobody waits for company.

use std::sync::Arc;

use runplane::app::App;
use runplane::db::is_unavailable;
use runplane::runs::{self, CompleteRefusal, CompleteRequest, Completion, RunSummary};
use runplane::scope::Scope;
use tokio::sync::{mpsc, oneshot};
use tokio::task::JoinHandle;
use tokio_util::sync::CancellationToken;
use uuid::Uuid;

use crate::lease::Pace;

/// Completions of one statement at most.
const AT_ONCE: usize = 100;

/// What came of a completion: an error of Postgres is that of everybody who was in the statement.
pub type Answer = Result<Result<RunSummary, CompleteRefusal>, Arc<sqlx::Error>>;

/// Takes completions until it and all its clones are dropped.
#[derive(Clone, Debug)]
pub struct Completer(mpsc::UnboundedSender<Report>);

#[derive(Debug)]
struct Report {
    scope: Scope,
    run_id: Uuid,
    request: CompleteRequest,
    /// Closed when nobody waits for the answer any more: the lease is lost.
    answer: oneshot::Sender<Answer>,
}

/// Starts one. Its task ends when the completer is gone and everything was answered. What does not reach Postgres is tried again until it
/// does, or `leave` is cancelled.
pub fn start(app: &Arc<App>, pace: Pace, leave: CancellationToken) -> (Completer, JoinHandle<()>) {
    let (reports, queue) = mpsc::unbounded_channel();
    let group = Group { app: Arc::clone(app), pace, leave, queue, waiting: Vec::new(), alone: 0 };
    (Completer(reports), tokio::spawn(group.run()))
}

impl Completer {
    /// Completes the run with others that end now.
    ///
    /// # Errors
    /// [`sqlx::Error`]; then it is unknown whether it took place.
    pub async fn complete(&self, scope: Scope, run_id: Uuid, request: CompleteRequest) -> Answer {
        let (answer, answered) = oneshot::channel();
        let crashed = || Arc::new(sqlx::Error::WorkerCrashed);
        self.0.send(Report { scope, run_id, request, answer }).map_err(|_| crashed())?;
        answered.await.map_err(|_| crashed())?
    }
}

struct Group {
    app: Arc<App>,
    pace: Pace,
    leave: CancellationToken,
    queue: mpsc::UnboundedReceiver<Report>,
    waiting: Vec<Report>,
    /// So many of those that wait go one by one: Postgres has refused them together.
    alone: usize,
}

impl Group {
    async fn run(mut self) {
        while !self.waiting.is_empty() || self.queue.recv_many(&mut self.waiting, AT_ONCE).await > 0 {
            // Whoever is as far as this one gets its word in first.
            tokio::task::yield_now().await;
            while let Ok(report) = self.queue.try_recv() {
                self.waiting.push(report);
            }
            self.waiting.retain(|report| !report.answer.is_closed());
            let size = if self.alone > 0 { 1 } else { AT_ONCE };
            let group: Vec<_> = self.waiting.drain(..self.waiting.len().min(size)).collect();
            if !group.is_empty() {
                self.complete(group).await;
            }
        }
    }

    async fn complete(&mut self, group: Vec<Report>) {
        let items: Vec<_> = group
            .iter()
            .map(|report| Completion { scope: report.scope, run_id: report.run_id, request: &report.request })
            .collect();
        let error = match self.app.call_in_time(async |conn| runs::complete_all(conn, &items).await).await {
            Ok(answers) => {
                self.alone = self.alone.saturating_sub(group.len());
                for (report, answer) in group.into_iter().zip(answers) {
                    if let Ok(run) = &answer {
                        self.app.metrics.completed(run.status, run.started_at, run.finished_at);
                    }
                    report.answer.send(Ok(answer)).ok();
                }
                return;
            }
            Err(error) => error,
        };
        self.app.db.discard().await;
        if is_unavailable(&error) && !self.leave.is_cancelled() {
            // The work is done, and only the report is missing. The token makes a report that arrived twice harmless.
            tracing::warn!(
                error = format!("{error:#}"),
                runs = group.len(),
                "completion did not reach Postgres: trying again"
            );
            self.waiting.splice(0..0, group);
            tokio::time::sleep(self.pace.retry_after).await;
        } else if !is_unavailable(&error) && group.len() > 1 {
            // It was about one of them: the others are not to suffer for it.
            tracing::warn!(
                error = format!("{error:#}"),
                runs = group.len(),
                "Postgres refused completions together: one by one"
            );
            self.alone = group.len();
            self.waiting.splice(0..0, group);
        } else {
            self.alone = self.alone.saturating_sub(group.len());
            let error = Arc::new(error);
            for report in group {
                report.answer.send(Err(Arc::clone(&error))).ok();
            }
        }
    }
}

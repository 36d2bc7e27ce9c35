//! A claimed run of a spec, and what executes it: on a real database, with the real child for expressions.

use std::sync::Arc;
use std::time::Duration;

use runplane::app::App;
use runplane::dag::ParamsCache;
use runplane::dag::evaluate::{Evaluators, Limits};
use runplane::dag::execute::{Ended, Journal, JournalError, RunContext, Work, execute};
use runplane::functions::{self, Function};
use runplane::reach::Reach;
use runplane::reach::secrets::Secrets;
use runplane::runs::{self, Claim};
use runplane::scope::Scope;
use runplane::steps::{PgJournal, StepRecord};
use runplane::testing;
use serde_json::{Value, json};
use sqlx::postgres::PgConnectOptions;
use tokio::time::Instant;
use tokio_util::sync::CancellationToken;
use uuid::{Uuid, uuid};

const FUNCTION: &Function = functions::named("worker");
const DEMO_TENANT: Uuid = uuid!("580115b4-a291-4917-8dbd-247cfa13e2d6");
const DEMO_PIPELINE: Uuid = uuid!("0199e0c0-0000-7000-8000-000000000011");

/// Children of the worker itself.
pub fn evaluators() -> Arc<Evaluators> {
    evaluators_within(Limits::default().deadline)
}

/// The same, with another time for each evaluation.
pub fn evaluators_within(deadline: Duration) -> Arc<Evaluators> {
    let program = env!("CARGO_BIN_EXE_worker").into();
    let limits = Limits { deadline, ..Limits::default() };
    Arc::new(Evaluators::new(program, vec!["evaluate".to_owned()], limits))
}

pub async fn app(options: PgConnectOptions) -> Arc<App> {
    testing::app(options, FUNCTION).await
}

/// A QUEUED run of the demo tenant with a spec of its own.
pub async fn run_of(app: &App, dag_spec: &Value, parameters: Value) -> Uuid {
    let version = Uuid::now_v7();
    let insert = sqlx::query(
        "insert into pipeline_versions (id, tenant_id, pipeline_id, version, status, dag_spec, approved_at)
         values ($1, $2, $3, $1::text, 'APPROVED', $4, now())",
    );
    let insert = insert.bind(version).bind(DEMO_TENANT).bind(DEMO_PIPELINE).bind(dag_spec);
    testing::execute(app, insert).await;
    let request = json!({"tenant_id": DEMO_TENANT, "pipeline_version_id": version, "parameters": parameters});
    let request = serde_json::from_value(request).expect("a request");
    let created = app.call(async |conn| runs::create(conn, &ParamsCache::default(), &request, None).await);
    created.await.expect("a run").run.id
}

pub async fn claimed(app: &App, run_id: Uuid) -> Claim {
    let claims =
        app.call(async |conn| runs::claim_by_ids(conn, &[(Scope::All, run_id)], "worker", 300).await).await;
    claims.expect("an answer").pop().expect("a claim")
}

pub fn journal(app: &Arc<App>, claim: &Claim) -> PgJournal {
    let run = &claim.run.run;
    PgJournal::new(Arc::clone(app), Scope::Tenant(run.tenant_id), run.id, claim.run.lease_token)
}

pub fn work<J: Journal>(claim: &Claim, journal: Arc<J>) -> Work<J> {
    let run = &claim.run.run;
    Work {
        run: RunContext::of(&claim.run),
        dag_spec: claim.pipeline_version.dag_spec.clone(),
        journal,
        leave: CancellationToken::new(),
        ends_at: None,
        untouched: run.claim_count == 1 && run.retry_of_run_id.is_none(),
        spill: None,
        reach: Arc::new(Reach::new(Secrets::of_environment(), runplane::aws::of_function)),
    }
}

/// Executes what is left of the run, by a worker with so much time.
pub async fn executed(
    app: &Arc<App>,
    claim: &Claim,
    evaluators: &Arc<Evaluators>,
    time_limit: Option<Duration>,
) -> Result<Ended, JournalError> {
    let ends_at = time_limit.map(|limit| Instant::now() + limit);
    execute(Work { ends_at, ..work(claim, Arc::new(journal(app, claim))) }, evaluators).await
}

/// As when the worker has died and its lease has expired.
pub async fn lose(app: &App, run_id: Uuid) {
    let lose = "update pipeline_runs set lease_expires_at = now() - interval '1 s', lost = 0 where id = $1";
    testing::execute(app, sqlx::query(lose).bind(run_id)).await;
}

/// Everything stored of the run's steps.
pub async fn stored(app: &Arc<App>, claim: &Claim) -> Vec<StepRecord> {
    let mut records = journal(app, claim).load().await.expect("records").records;
    records.sort_by(|a, b| (&a.step_id, a.item).cmp(&(&b.step_id, b.item)));
    records
}

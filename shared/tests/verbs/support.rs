//! What the tests of the verbs share: a tenant with a version, and runs in any state.

use runplane::dag::ParamsCache;
use runplane::runs::{self, Claim, ClaimError, ClaimOptions, CreateRequest, Marks, RunStatus};
use runplane::scope::Scope;
use runplane::steps::StepResults;
use sqlx::PgConnection;
use uuid::Uuid;

/// A tenant with an APPROVED version.
#[derive(Clone, Copy)]
pub struct World {
    pub tenant: Uuid,
    pub pipeline: Uuid,
    pub version: Uuid,
}

/// Seeds a tenant of its own.
pub async fn world(conn: &mut PgConnection) -> World {
    world_with(conn, "APPROVED", serde_json::json!({})).await
}

/// Seeds a tenant whose version has this status and this spec.
pub async fn world_with(conn: &mut PgConnection, status: &str, dag_spec: serde_json::Value) -> World {
    let world = World { tenant: Uuid::now_v7(), pipeline: Uuid::now_v7(), version: Uuid::now_v7() };
    sqlx::query(
        "with t as (insert into tenants (id, name) values ($1, 'T')),
              p as (insert into pipelines (id, tenant_id, name, queue) values ($2, $1, 'P', 'pipes'))
         insert into pipeline_versions (id, tenant_id, pipeline_id, version, status, dag_spec, approved_at)
         values ($3, $1, $2, '1', $4, $5, case when $4 <> 'DRAFT' then now() end)",
    )
    .bind(world.tenant)
    .bind(world.pipeline)
    .bind(world.version)
    .bind(status)
    .bind(dag_spec)
    .execute(conn)
    .await
    .unwrap();
    world
}

impl World {
    /// The smallest create request.
    pub fn request(self) -> CreateRequest {
        serde_json::from_value(serde_json::json!({
            "tenant_id": self.tenant, "pipeline_version_id": self.version,
        }))
        .unwrap()
    }
}

/// A claim without any wishes.
pub fn claim_by(worker: &str) -> ClaimOptions<'_> {
    ClaimOptions { worker, queues: None, lease_seconds: 300, claim_id: None, max_runs: 1, pushed_only: false }
}

/// A claim of one run.
pub async fn claim(
    conn: &mut PgConnection,
    scope: Scope,
    marks: &Marks,
    options: ClaimOptions<'_>,
) -> Result<Option<Claim>, ClaimError> {
    Ok(runs::claim(conn, scope, marks, options).await?.claims.pop())
}

/// A claim of the run that a message names, with a lease of 30 s.
pub async fn claim_by_id(conn: &mut PgConnection, scope: Scope, id: Uuid, worker: &str) -> Option<Claim> {
    runs::claim_by_ids(conn, &[(scope, id)], worker, 30).await.unwrap().pop()
}

/// A run as the tests put it into the table.
pub struct Row {
    pub status: RunStatus,
    /// On the row; also that of its last attempt if the run is QUEUED again.
    pub token: Uuid,
    pub claim_count: i32,
    /// Only for RUNNING.
    pub lease_alive: bool,
    /// Only for QUEUED: how the attempt under `token` ended.
    pub attempt_outcome: Option<&'static str>,
}

impl Row {
    /// A run of this status, claimed once, its lease alive.
    pub fn new(status: RunStatus) -> Self {
        Self { status, token: Uuid::new_v4(), claim_count: 1, lease_alive: true, attempt_outcome: None }
    }

    /// Inserts it; returns its id.
    pub async fn insert(&self, conn: &mut PgConnection, world: World) -> Uuid {
        let id = Uuid::now_v7();
        let claimed = self.status != RunStatus::Queued;
        let running = self.status == RunStatus::Running;
        sqlx::query(
            "insert into pipeline_runs (id, root_run_id, tenant_id, pipeline_id, pipeline_version_id, status, dispatch,
               claim_count, max_attempts, claimed_by, claimed_at, lease_token, lease_seconds, lease_expires_at, started_at,
               finished_at)
             values ($1, $1, $2, $3, $4, $5, 'pull', $6, 5,
               case when $7 then 'worker' end, case when $7 then now() - interval '1 min' end, case when $7 then $8 end,
               case when $7 then 300 end,
               case when $9 then now() + case when $10 then interval '4 min' else interval '-1 s' end end,
               case when $7 then now() - interval '1 min' end, case when $7 and not $9 then now() end)",
        )
        .bind(id)
        .bind(world.tenant)
        .bind(world.pipeline)
        .bind(world.version)
        .bind(self.status.as_str())
        .bind(self.claim_count)
        .bind(claimed)
        .bind(self.token)
        .bind(running)
        .bind(self.lease_alive)
        .execute(&mut *conn)
        .await
        .unwrap();
        if let Some(outcome) = self.attempt_outcome {
            sqlx::query(
                "insert into run_attempts (run_id, claim_number, tenant_id, attempt, outcome, lease_token, claimed_by, claimed_at)
                 values ($1, $2, $3, 1, $4, $5, 'worker', now())",
            )
            .bind(id)
            .bind(self.claim_count)
            .bind(world.tenant)
            .bind(outcome)
            .bind(self.token)
            .execute(conn)
            .await
            .unwrap();
        }
        id
    }
}

/// The whole row as JSON, to see whether anything changed.
pub async fn row(conn: &mut PgConnection, id: Uuid) -> serde_json::Value {
    sqlx::query_scalar("select to_jsonb(r) from pipeline_runs r where id = $1")
        .bind(id)
        .fetch_one(conn)
        .await
        .unwrap()
}

/// A run as create makes it, then changed by hand: `set <change>`.
pub async fn queued(conn: &mut PgConnection, world: World, set: &'static str) -> Uuid {
    let run = runs::create(conn, &ParamsCache::default(), &world.request(), None).await.unwrap().run;
    change(conn, run.id, set).await;
    run.id
}

/// Changes a run by hand: `set <change>`. Nothing for an empty one.
pub async fn change(conn: &mut PgConnection, id: Uuid, set: &'static str) {
    if !set.is_empty() {
        let sql = sqlx::AssertSqlSafe(format!("update pipeline_runs set {set} where id = $1"));
        assert_eq!(sqlx::query(sql).bind(id).execute(conn).await.unwrap().rows_affected(), 1);
    }
}

/// Lets the lease of a run expire.
pub async fn expire(conn: &mut PgConnection, id: Uuid) {
    change(conn, id, "lease_expires_at = now() - interval '1 s'").await;
}

/// The attempts of a run that ended badly, as the API shows them, and its row as read by a get.
pub async fn details(conn: &mut PgConnection, id: Uuid) -> runs::RunDetails {
    runs::get(conn, Scope::All, id).await.unwrap()
}

/// A run that is RUNNING, and the token of its claim.
pub async fn running(conn: &mut PgConnection, world: World) -> (Uuid, Uuid) {
    let held = Row::new(RunStatus::Running);
    (held.insert(conn, world).await, held.token)
}

/// What is stored of steps: of each the smallest record that its status allows, with the fields of `more` besides.
pub fn results(steps: serde_json::Value) -> StepResults {
    let mut steps: Vec<serde_json::Value> = serde_json::from_value(steps).unwrap();
    for step in &mut steps {
        let attempts = step.get("attempts").cloned().unwrap_or(serde_json::json!(1));
        step["attempts"] = attempts;
        if step["status"] == "FAILED" && step.get("error").is_none() {
            step["error"] = serde_json::json!({ "error": "broken", "message": "it broke" });
        }
        if step["status"] == "SKIPPED" && step.get("reason").is_none() {
            step["reason"] = serde_json::json!("condition");
        }
    }
    let results: StepResults = serde_json::from_value(serde_json::json!({ "steps": steps })).unwrap();
    results.check().unwrap();
    results
}

/// Everything that is stored of a run's steps, as text: `step[/item] status attempt-of-the-run output`.
pub async fn stored(conn: &mut PgConnection, run: Uuid) -> Vec<String> {
    sqlx::query_scalar(
        "select step_id || case when item >= 0 then '/' || item else '' end || ' ' || status || ' ' || run_attempt
                || coalesce(' ' || output::text, '')
         from run_steps where run_id = $1 order by step_id, item",
    )
    .bind(run)
    .fetch_all(conn)
    .await
    .unwrap()
}

/// The log of a run, as text: `level message`.
pub async fn told(conn: &mut PgConnection, run: Uuid) -> Vec<String> {
    sqlx::query_scalar(
        "select level || ' ' || message from run_logs where run_id = $1 order by created_at, id",
    )
    .bind(run)
    .fetch_all(conn)
    .await
    .unwrap()
}

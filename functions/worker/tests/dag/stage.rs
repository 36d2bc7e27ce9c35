//! A run of a spec on Postgres, and the evaluators.

use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use runplane::app::App;
use runplane::dag::ParamsCache;
use runplane::dag::evaluate::{Evaluators, Limits};
use runplane::functions::{self, Function};
use runplane::runs::{self, Claim};
use runplane::scope::Scope;
use runplane::testing::execute;
use serde_json::{Value, json};
use uuid::{Uuid, uuid};

pub const WORKER: &Function = functions::named("worker");
const DEMO_TENANT: Uuid = uuid!("580115b4-a291-4917-8dbd-247cfa13e2d6");

/// Evaluators in children of the worker's own program.
pub fn evaluators(deadline: Duration) -> Arc<Evaluators> {
    let program = PathBuf::from(env!("CARGO_BIN_EXE_worker"));
    let limits = Limits { deadline, ..Limits::default() };
    Arc::new(Evaluators::new(program, vec!["evaluate".to_owned()], limits))
}

/// A QUEUED run of this spec, which may be lost as often as any.
pub async fn run_of(app: &App, dag_spec: &Value) -> Uuid {
    let version = Uuid::now_v7();
    let insert = sqlx::query(
        "insert into pipeline_versions (id, tenant_id, pipeline_id, version, status, dag_spec, approved_at)
         values ($1, $2, '0199e0c0-0000-7000-8000-000000000011', $1::text, 'APPROVED', $3, now())",
    );
    execute(app, insert.bind(version).bind(DEMO_TENANT).bind(dag_spec)).await;
    let request = json!({"tenant_id": DEMO_TENANT, "pipeline_version_id": version, "max_lost": 20});
    let request = serde_json::from_value(request).unwrap();
    let created = app.call(async |conn| runs::create(conn, &ParamsCache::default(), &request, None).await).await;
    created.unwrap().run.id
}

/// Claims it, from whoever had it before.
pub async fn claim(app: &App, id: Uuid) -> Claim {
    let expire = sqlx::query("update pipeline_runs set lease_expires_at = now() - interval '1 s' where id = $1 and status = 'RUNNING'");
    execute(app, expire.bind(id)).await;
    let claims = app.call(async |conn| runs::claim_by_ids(conn, &[(Scope::All, id)], "worker", 300).await).await;
    claims.unwrap().pop().expect("it can be claimed")
}

//! The tenants of the chaos, their pipelines, limits and keys.

use anyhow::{Context as _, Result};
use serde_json::{Value, json};
use sqlx::PgConnection;
use uuid::Uuid;

use crate::api_keys;

/// A tenant.
#[derive(Debug, Clone, Copy)]
pub struct TenantOf {
    /// As it is called.
    pub name: &'static str,
    /// How many of a hundred runs are its. Those with narrow limits have few: all others would wait for them, as only so many runs are open at once.
    pub share: u8,
    /// Whether it has workers that claim over HTTP. Without them it depends on SQS and the worker function.
    pub pulls: bool,
    /// Its limit.
    pub max_running: Option<i32>,
    /// The limit of its second pipeline.
    pub pipeline_max_running: Option<i32>,
}

/// All of them.
pub const TENANTS: [TenantOf; 6] = [
    TenantOf { name: "free", share: 34, pulls: true, max_running: None, pipeline_max_running: None },
    TenantOf { name: "bounded", share: 12, pulls: true, max_running: Some(6), pipeline_max_running: None },
    TenantOf {
        name: "pipeline bounded",
        share: 14,
        pulls: true,
        max_running: None,
        pipeline_max_running: Some(3),
    },
    TenantOf { name: "both", share: 6, pulls: true, max_running: Some(5), pipeline_max_running: Some(2) },
    TenantOf { name: "pushed", share: 28, pulls: false, max_running: None, pipeline_max_running: None },
    TenantOf {
        name: "pushed and bounded",
        share: 6,
        pulls: false,
        max_running: Some(4),
        pipeline_max_running: None,
    },
];
/// Pipelines of each tenant: one whose steps have nothing to do, and one whose steps call.
pub const PIPELINES: usize = 2;
/// Concurrency keys that runs of a tenant share.
pub const CONCURRENCY_KEYS: usize = 3;
/// Steps that call, in their order; each waits for the one before.
pub const CALLS: [&str; 3] = ["first", "second", "third"];
/// The queue of tenants that have workers of their own, and of those that have none.
pub const PULLED: &str = "pulled";
const PUSHED: &str = "pushed";
/// The connection to whom they call.
const CONNECTION: &str = "witness";

/// A tenant that was made.
#[derive(Debug, Clone)]
pub struct Tenant {
    /// Its id.
    pub id: Uuid,
    /// Its versions, by pipeline.
    pub versions: [Uuid; PIPELINES],
    /// A key that may create, claim and read.
    pub key: String,
    /// What it is.
    pub of: TenantOf,
}

/// All tenants, and the key of workers that serve them all.
#[derive(Debug, Clone)]
pub struct World {
    /// In the order of [`TENANTS`].
    pub tenants: Vec<Tenant>,
    /// Across tenants.
    pub fleet_key: String,
}

impl World {
    /// Makes them in a migrated database. Steps call the witness on this port. Fails when the database refuses.
    pub async fn make(connection: &mut PgConnection, witness: u16) -> Result<Self> {
        let mut tenants = Vec::new();
        for of in TENANTS {
            tenants
                .push(tenant(connection, of, witness).await.with_context(|| format!("tenant {}", of.name))?);
        }
        let fleet_key = api_keys::insert(connection, "fleet", None, &["worker"]).await?;
        Ok(Self { tenants, fleet_key })
    }
}

async fn tenant(connection: &mut PgConnection, of: TenantOf, witness: u16) -> sqlx::Result<Tenant> {
    let id = Uuid::now_v7();
    let insert = sqlx::query("insert into tenants (id, name, max_running) values ($1, $2, $3)");
    insert.bind(id).bind(of.name).bind(of.max_running).execute(&mut *connection).await?;
    let config =
        json!({ "base_url": format!("http://127.0.0.1:{witness}/{id}"), "allow_private_addresses": true });
    let insert = sqlx::query(
        "insert into connections (id, tenant_id, name, kind, config) values ($1, $2, $3, 'http', $4)",
    );
    insert.bind(Uuid::now_v7()).bind(id).bind(CONNECTION).bind(config).execute(&mut *connection).await?;
    let mut versions = [Uuid::nil(); PIPELINES];
    for (number, version) in versions.iter_mut().enumerate() {
        let (name, spec, max_running) = match number {
            0 => ("plain", json!({ "steps": ["extract", "load"] }), None),
            _ => ("calls", calls(), of.pipeline_max_running),
        };
        let queue = if of.pulls { PULLED } else { PUSHED };
        *version = pipeline(connection, id, name, &spec, queue, max_running).await?;
    }
    let key = api_keys::insert(connection, "chaos", Some(id), &["submitter", "worker", "viewer"]).await?;
    Ok(Tenant { id, versions, key, of })
}

async fn pipeline(
    connection: &mut PgConnection,
    tenant: Uuid,
    name: &str,
    spec: &Value,
    queue: &str,
    max_running: Option<i32>,
) -> sqlx::Result<Uuid> {
    let (pipeline, version) = (Uuid::now_v7(), Uuid::now_v7());
    let insert = sqlx::query(
        "insert into pipelines (id, tenant_id, name, queue, max_running) values ($1, $2, $3, $4, $5)",
    );
    let insert = insert.bind(pipeline).bind(tenant).bind(name).bind(queue).bind(max_running);
    insert.execute(&mut *connection).await?;
    let insert = sqlx::query(
        "insert into pipeline_versions (id, tenant_id, pipeline_id, version, status, dag_spec, approved_at)
         values ($1, $2, $3, '1', 'APPROVED', $4, now())",
    );
    insert.bind(version).bind(tenant).bind(pipeline).bind(spec).execute(&mut *connection).await?;
    Ok(version)
}

/// Steps that call one after the other. A call that fails is tried again soon.
fn calls() -> Value {
    let steps = CALLS.iter().enumerate().map(|(number, id)| {
        let before = number.checked_sub(1).map(|before| CALLS[before]);
        json!({
            "id": id,
            "type": "http",
            "depends_on": before.into_iter().collect::<Vec<_>>(),
            "with": { "connection": CONNECTION, "path": format!("/{id}"), "method": "POST" },
            "retry": { "max_attempts": 5, "delay_seconds": 1, "max_delay_seconds": 2 },
            "timeout_seconds": 10,
        })
    });
    // Attempts follow each other soon: what is tried here is not patience.
    json!({ "steps": steps.collect::<Vec<_>>(), "retry": { "delay_seconds": 1, "max_delay_seconds": 2 } })
}

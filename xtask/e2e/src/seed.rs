//! Tenants, pipelines and versions, made in SQL until the API can make them; and a look at rows.

use serde_json::{Value, json};
use uuid::Uuid;

use crate::Stack;

/// A tenant that nobody else uses, with a pipeline and an APPROVED version.
#[derive(Clone, Debug)]
pub struct Tenant {
    /// The tenant.
    pub id: Uuid,
    /// Its pipeline.
    pub pipeline_id: Uuid,
    /// The APPROVED version of that pipeline.
    pub version_id: Uuid,
}

impl Stack {
    /// A fresh tenant whose version is `{}`.
    pub async fn tenant(&self) -> Tenant {
        self.tenant_with(json!({})).await
    }

    /// A fresh tenant whose version is `dag_spec`.
    ///
    /// # Panics
    /// When the database refuses.
    pub async fn tenant_with(&self, dag_spec: Value) -> Tenant {
        let id = Uuid::now_v7();
        sqlx::query("insert into tenants (id, name) values ($1, $2)")
            .bind(id)
            .bind(format!("e2e {id}"))
            .execute(&self.db)
            .await
            .expect("a tenant");
        let pipeline_id = self.pipeline(id, None).await;
        let version_id = self.version(id, pipeline_id, "APPROVED", dag_spec).await;
        Tenant { id, pipeline_id, version_id }
    }

    /// Another pipeline of a tenant, with its own queue if `queue` names one.
    ///
    /// # Panics
    /// When the database refuses.
    pub async fn pipeline(&self, tenant_id: Uuid, queue: Option<&str>) -> Uuid {
        let id = Uuid::now_v7();
        sqlx::query("insert into pipelines (id, tenant_id, name, queue) values ($1, $2, $3, $4)")
            .bind(id)
            .bind(tenant_id)
            .bind(format!("e2e {id}"))
            .bind(queue)
            .execute(&self.db)
            .await
            .expect("a pipeline");
        id
    }

    /// Another version of a pipeline, with this status (DRAFT, APPROVED or DEPRECATED).
    ///
    /// # Panics
    /// When the database refuses.
    pub async fn version(&self, tenant_id: Uuid, pipeline_id: Uuid, status: &str, dag_spec: Value) -> Uuid {
        let id = Uuid::now_v7();
        sqlx::query(
            "insert into pipeline_versions (id, tenant_id, pipeline_id, version, status, dag_spec, approved_at, approved_by)
             values ($1, $2, $3, $4, $5, $6,
                     case when $5 <> 'DRAFT' then now() end, case when $5 <> 'DRAFT' then 'e2e' end)",
        )
        .bind(id)
        .bind(tenant_id)
        .bind(pipeline_id)
        .bind(id.to_string())
        .bind(status)
        .bind(dag_spec)
        .execute(&self.db)
        .await
        .expect("a version");
        id
    }

    /// `count` QUEUED pull runs of a tenant, all due at once.
    ///
    /// # Panics
    /// When the database refuses.
    pub async fn queued_runs(&self, tenant: &Tenant, count: i32) {
        sqlx::query(
            "insert into pipeline_runs (id, tenant_id, pipeline_id, pipeline_version_id, dispatch, root_run_id)
             select id, $1, $2, $3, 'pull', id from (select gen_random_uuid() as id from generate_series(1, $4)) ids",
        )
        .bind(tenant.id)
        .bind(tenant.pipeline_id)
        .bind(tenant.version_id)
        .bind(count)
        .execute(&self.db)
        .await
        .expect("queued runs");
    }

    /// The whole row of a run, to compare with another look at it.
    ///
    /// # Panics
    /// When there is none.
    pub async fn row(&self, run_id: Uuid) -> Value {
        sqlx::query_scalar("select to_jsonb(r) from pipeline_runs r where id = $1")
            .bind(run_id)
            .fetch_one(&self.db)
            .await
            .expect("the run's row")
    }

    /// Lets the lease of a RUNNING run expire.
    ///
    /// # Panics
    /// When there is no such run.
    pub async fn expire_lease(&self, run_id: Uuid) {
        let expired = sqlx::query(
            "update pipeline_runs set lease_expires_at = now() - interval '1 s' where id = $1 and status = 'RUNNING'",
        )
        .bind(run_id)
        .execute(&self.db)
        .await
        .expect("an update");
        assert_eq!(expired.rows_affected(), 1, "run {run_id} is not RUNNING");
    }

    /// Makes a QUEUED run due this many seconds from now; negative: since then.
    ///
    /// # Panics
    /// When there is no such run.
    pub async fn due_in(&self, run_id: Uuid, seconds: f64) {
        let moved = sqlx::query(
            "update pipeline_runs set available_at = now() + make_interval(secs => $2) where id = $1 and status = 'QUEUED'",
        )
        .bind(run_id)
        .bind(seconds)
        .execute(&self.db)
        .await
        .expect("an update");
        assert_eq!(moved.rows_affected(), 1, "run {run_id} is not QUEUED");
    }
}

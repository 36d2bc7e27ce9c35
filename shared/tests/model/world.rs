//! What is there before any run: two tenants, with three pipelines each.

use sqlx::PgConnection;
use uuid::Uuid;

use crate::reference::report::delay;

/// The steps of every dag_spec; each depends on the one before.
pub const STEPS: [&str; 3] = ["a", "b", "c"];

pub const PIPELINES_OF_A_TENANT: usize = 3;
pub const PIPELINES: usize = 2 * PIPELINES_OF_A_TENANT;

#[derive(Clone, Debug)]
pub struct Pipeline {
    pub id: Uuid,
    pub tenant: Uuid,
    pub queue: Option<&'static str>,
    pub max_attempts: Option<i32>,
    pub jitter: bool,
    /// APPROVED versions.
    pub versions: [Uuid; 2],
    pub draft: Uuid,
}

/// A version of a pipeline.
#[derive(Clone, Copy, Debug)]
pub struct Version {
    pub pipeline: usize,
    pub tenant: Uuid,
    pub is_approved: bool,
}

#[derive(Clone, Debug)]
pub struct World {
    pub tenants: [Uuid; 2],
    pub pipelines: [Pipeline; PIPELINES],
}

/// No delay ends, and no retry of SQS is due, where time passes to: see [`crate::reference::Clock::passed`].
const DELAY_MINUTES: i64 = 7;

impl Pipeline {
    /// How long a run of it waits after its n-th attempt has failed, at least and at most.
    pub fn delay(&self, attempt: i32) -> (i64, i64) {
        delay(DELAY_MINUTES, 2, self.jitter, attempt)
    }

    fn spec(&self) -> serde_json::Value {
        let mut retry =
            serde_json::json!({ "delay_seconds": DELAY_MINUTES * 60, "max_delay_seconds": 86400 });
        if !self.jitter {
            retry["jitter"] = "none".into();
        }
        if let Some(attempts) = self.max_attempts {
            retry["max_attempts"] = attempts.into();
        }
        serde_json::json!({ "steps": STEPS, "retry": retry })
    }
}

impl World {
    /// Puts it into an empty database.
    pub async fn make(conn: &mut PgConnection) -> World {
        let tenants = [Uuid::now_v7(), Uuid::now_v7()];
        let pipeline = |place: usize| Pipeline {
            id: Uuid::now_v7(),
            tenant: tenants[place / PIPELINES_OF_A_TENANT],
            queue: [Some("pipes"), None, None, Some("gpu"), None, None][place],
            max_attempts: [None, Some(2), Some(3), Some(3), None, Some(2)][place],
            jitter: place % 2 == 1,
            versions: [Uuid::now_v7(), Uuid::now_v7()],
            draft: Uuid::now_v7(),
        };
        let world = World { tenants, pipelines: std::array::from_fn(pipeline) };
        for tenant in tenants {
            let insert = sqlx::query("insert into tenants (id, name) values ($1, 'T')").bind(tenant);
            insert.execute(&mut *conn).await.unwrap();
        }
        for pipeline in &world.pipelines {
            sqlx::query("insert into pipelines (id, tenant_id, name, queue) values ($1, $2, $1::text, $3)")
                .bind(pipeline.id)
                .bind(pipeline.tenant)
                .bind(pipeline.queue)
                .execute(&mut *conn)
                .await
                .unwrap();
            let [first, second] = pipeline.versions;
            for (version, status) in [(first, "APPROVED"), (second, "APPROVED"), (pipeline.draft, "DRAFT")] {
                sqlx::query(
                    "insert into pipeline_versions (id, tenant_id, pipeline_id, version, status, dag_spec, approved_at)
                     values ($1, $2, $3, $1::text, $4, $5, case when $4 <> 'DRAFT' then now() end)",
                )
                .bind(version)
                .bind(pipeline.tenant)
                .bind(pipeline.id)
                .bind(status)
                .bind(pipeline.spec())
                .execute(&mut *conn)
                .await
                .unwrap();
            }
        }
        world
    }

    /// The place of a tenant.
    pub fn tenant(&self, id: Uuid) -> usize {
        self.tenants.iter().position(|tenant| *tenant == id).unwrap()
    }

    /// The place of a pipeline.
    pub fn pipeline(&self, id: Uuid) -> usize {
        self.pipelines.iter().position(|pipeline| pipeline.id == id).unwrap()
    }

    pub fn version(&self, id: Uuid) -> Option<Version> {
        self.pipelines.iter().enumerate().find_map(|(place, pipeline)| {
            let is_approved = pipeline.versions.contains(&id);
            let tenant = pipeline.tenant;
            (is_approved || pipeline.draft == id).then_some(Version { pipeline: place, tenant, is_approved })
        })
    }
}

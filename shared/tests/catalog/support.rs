//! A tenant with a pipeline, and versions in any status, made by the verbs.

use runplane::catalog::{
    self, ApprovedStatus, ChangeStatusError, ChangeStatusRequest, Connection, CreateConnectionError,
    CreateConnectionRequest, CreatePipelineRequest, CreateTenantRequest, CreateVersionRequest,
    EditVersionError, EditVersionRequest, VersionInFull, VersionStatus,
};
use runplane::scope::Scope;
use serde_json::{Value, json};
use sqlx::PgConnection;
use uuid::Uuid;

pub type Conn = sqlx::pool::PoolConnection<sqlx::Postgres>;

/// A request as its JSON says.
pub fn request<T: serde::de::DeserializeOwned>(body: Value) -> T {
    serde_json::from_value(body).unwrap()
}

/// A tenant with a pipeline.
#[derive(Clone, Copy, Debug)]
pub struct World {
    pub tenant: Uuid,
    pub pipeline: Uuid,
}

/// A fresh one.
pub async fn world(conn: &mut PgConnection) -> World {
    let tenant: CreateTenantRequest = request(json!({"name": "T"}));
    let tenant = catalog::create_tenant(conn, &tenant).await.unwrap().id;
    let pipeline: CreatePipelineRequest = request(json!({"tenant_id": tenant, "name": "P"}));
    let pipeline = catalog::create_pipeline(conn, &pipeline).await.unwrap().id;
    World { tenant, pipeline }
}

impl World {
    /// A request for another version with a spec of its own.
    pub fn version(self, dag_spec: Value) -> CreateVersionRequest {
        let version = Uuid::now_v7().to_string();
        request(
            json!({"tenant_id": self.tenant, "pipeline_id": self.pipeline, "version": version, "dag_spec": dag_spec}),
        )
    }

    /// A draft.
    pub async fn draft(self, conn: &mut PgConnection) -> Uuid {
        catalog::create_version(conn, &self.version(json!({"steps": ["a"]}))).await.unwrap().version.id
    }

    /// A version in this status, having come there the only way there is.
    pub async fn version_in(self, conn: &mut PgConnection, status: VersionStatus) -> Uuid {
        let id = self.draft(conn).await;
        if status != VersionStatus::Draft {
            approve(conn, id).await.unwrap();
        }
        if status == VersionStatus::Deprecated {
            deprecate(conn, id).await.unwrap();
        }
        id
    }
}

/// A connection as this request asks for it, checked.
pub async fn connect(
    conn: &mut PgConnection,
    request: &CreateConnectionRequest,
) -> Result<Connection, CreateConnectionError> {
    catalog::create_connection(conn, request, &request.check().unwrap()).await
}

/// A change of status by `ann`, without a comment.
pub async fn change(
    conn: &mut PgConnection,
    id: Uuid,
    status: ApprovedStatus,
) -> Result<VersionInFull, ChangeStatusError> {
    let request: ChangeStatusRequest = request(json!({"status": status}));
    catalog::change_status(conn, Scope::All, id, &request, Some("ann")).await
}

pub async fn approve(conn: &mut PgConnection, id: Uuid) -> Result<VersionInFull, ChangeStatusError> {
    change(conn, id, ApprovedStatus::Approved).await
}

pub async fn deprecate(conn: &mut PgConnection, id: Uuid) -> Result<VersionInFull, ChangeStatusError> {
    change(conn, id, ApprovedStatus::Deprecated).await
}

/// An edit of what stands at `revision`, or of whatever stands there.
pub async fn edit(
    conn: &mut PgConnection,
    id: Uuid,
    dag_spec: Value,
    revision: Option<i32>,
) -> Result<VersionInFull, EditVersionError> {
    let request: EditVersionRequest = request(json!({"dag_spec": dag_spec, "revision": revision}));
    catalog::edit_version(conn, Scope::All, id, &request).await
}

pub async fn get(conn: &mut PgConnection, id: Uuid) -> VersionInFull {
    catalog::get_version(conn, Scope::All, id).await.unwrap()
}

/// The whole row and its transitions as JSON, to see whether anything changed.
pub async fn row(conn: &mut PgConnection, id: Uuid) -> Value {
    sqlx::query_scalar(
        "select to_jsonb(v) || jsonb_build_object('transitions', (
           select coalesce(jsonb_agg(to_jsonb(t) order by t.id), '[]')
           from pipeline_version_transitions t where t.pipeline_version_id = v.id))
         from pipeline_versions v where v.id = $1",
    )
    .bind(id)
    .fetch_one(conn)
    .await
    .unwrap()
}

//! Tenants, and people who make keys.

use runplane::auth::keys::{self, CreateKeyError, CreateKeyRequest, NewKey};
use runplane::auth::{Principal, Role, Roles};
use runplane::catalog::{self, Page};
use serde_json::{Value, json};
use sqlx::PgConnection;
use uuid::Uuid;

pub type Conn = sqlx::pool::PoolConnection<sqlx::Postgres>;

pub const FIRST: Page = Page { limit: 100, cursor: None };

/// A fresh tenant.
pub async fn tenant(conn: &mut PgConnection) -> Uuid {
    let request = serde_json::from_value(json!({"name": "T"})).unwrap();
    catalog::create_tenant(conn, &request).await.unwrap().id
}

/// Somebody with a role of this tenant, or of none.
pub fn principal(tenant: Option<Uuid>, role: Role) -> Principal {
    Principal { id: format!("key:1 {role}"), tenant, roles: Roles::of(&[role]) }
}

pub fn operator() -> Principal {
    principal(None, Role::Operator)
}

/// A request for a key, checked.
pub fn request(tenant: Option<Uuid>, roles: &[Role], more: Value) -> CreateKeyRequest {
    let mut body = json!({"tenant_id": tenant, "name": "k", "roles": roles});
    body.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
    let request: CreateKeyRequest = serde_json::from_value(body).unwrap();
    request.check().unwrap();
    request
}

/// A key that an operator makes.
pub async fn create(
    conn: &mut PgConnection,
    tenant: Option<Uuid>,
    roles: &[Role],
) -> Result<NewKey, CreateKeyError> {
    keys::create_key(conn, &operator(), &request(tenant, roles, json!({}))).await
}

/// The whole row as JSON.
pub async fn row(conn: &mut PgConnection, id: Uuid) -> Value {
    let sql = "select to_jsonb(k) from api_keys k where k.id = $1";
    sqlx::query_scalar(sql).bind(id).fetch_one(conn).await.unwrap()
}

/// How many keys there are.
pub async fn count(conn: &mut PgConnection) -> i64 {
    sqlx::query_scalar("select count(*) from api_keys").fetch_one(conn).await.unwrap()
}

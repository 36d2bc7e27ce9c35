//! What a change of a tenant or a pipeline was: from what, to what.

use serde_json::{Map, Value, json};
use sqlx::postgres::PgConnection;
use uuid::Uuid;

use crate::catalog::{Pipeline, Tenant};
use crate::scope::Scope;

/// What is noted of a tenant or a pipeline when it is changed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Limits {
    /// Its name.
    pub name: String,
    /// The queue of its runs; a tenant has none.
    pub queue: Option<String>,
    /// How many of its runs may be RUNNING at once; None: any number.
    pub max_running: Option<i32>,
    /// Whether nothing of it is claimed.
    pub paused: bool,
}

impl From<&Tenant> for Limits {
    fn from(tenant: &Tenant) -> Self {
        let (name, max_running, paused) = (tenant.name.clone(), tenant.max_running, tenant.paused);
        Self { name, queue: None, max_running, paused }
    }
}

impl From<&Pipeline> for Limits {
    fn from(pipeline: &Pipeline) -> Self {
        Self {
            name: pipeline.name.clone(),
            queue: pipeline.queue.clone(),
            max_running: pipeline.max_running,
            paused: pipeline.paused,
        }
    }
}

impl Limits {
    /// What has changed since, as the details of an entry: `{"max_running": {"from": 3, "to": null}}`; None: nothing.
    pub fn changed_to(&self, now: &Self) -> Option<Value> {
        let fields = [
            ("name", json!(self.name), json!(now.name)),
            ("queue", json!(self.queue), json!(now.queue)),
            ("max_running", json!(self.max_running), json!(now.max_running)),
            ("paused", json!(self.paused), json!(now.paused)),
        ];
        let changed = fields.into_iter().filter(|(_, from, to)| from != to);
        let changed: Map<_, _> =
            changed.map(|(name, from, to)| (name.to_owned(), json!({"from": from, "to": to}))).collect();
        (!changed.is_empty()).then_some(Value::Object(changed))
    }
}

/// What a tenant has before a change in this transaction: nobody else changes it until that has ended. None: there is none in this scope.
///
/// # Errors
/// [`sqlx::Error`].
pub async fn limits_of_tenant(
    conn: &mut PgConnection,
    scope: Scope,
    id: Uuid,
) -> Result<Option<Limits>, sqlx::Error> {
    // Other than `for update` it lets runs of the tenant be created meanwhile.
    let row = sqlx::query!(
        "select t.name, t.max_running, t.paused
         from tenants t
         where t.id = $2 and ($1::uuid is null or t.id = $1)
         for no key update",
        scope.tenant(),
        id,
    );
    let row = row.fetch_optional(conn).await?;
    Ok(row.map(|row| Limits {
        name: row.name,
        queue: None,
        max_running: row.max_running,
        paused: row.paused,
    }))
}

/// As [`limits_of_tenant`], of a pipeline.
///
/// # Errors
/// [`sqlx::Error`].
pub async fn limits_of_pipeline(
    conn: &mut PgConnection,
    scope: Scope,
    id: Uuid,
) -> Result<Option<Limits>, sqlx::Error> {
    let row = sqlx::query!(
        "select p.name, p.queue, p.max_running, p.paused
         from pipelines p
         where p.id = $2 and ($1::uuid is null or p.tenant_id = $1)
         for no key update",
        scope.tenant(),
        id,
    );
    let row = row.fetch_optional(conn).await?;
    Ok(row.map(|row| Limits {
        name: row.name,
        queue: row.queue,
        max_running: row.max_running,
        paused: row.paused,
    }))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_what_changed_is_noted() {
        let before = Limits { name: "acme".into(), queue: None, max_running: Some(3), paused: false };
        assert_eq!(before.changed_to(&before), None);
        let after = Limits { max_running: None, paused: true, ..before.clone() };
        assert_eq!(
            before.changed_to(&after),
            Some(json!({"max_running": {"from": 3, "to": null}, "paused": {"from": false, "to": true}}))
        );
    }
}

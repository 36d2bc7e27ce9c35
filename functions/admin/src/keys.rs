//! `/api/keys`.

use runplane::app::App;
use runplane::audit::{self, Action, Entry};
use runplane::auth::keys::{
    self, CreateKeyError, CreateKeyRequest, KeyFilter, KeyView, NewKey, RevokeKeyError, Revoked,
};
use runplane::http::{Call, Reply, lists};
use runplane::problem::{Code, FieldError, Problem};
use serde_json::json;

/// `POST /api/keys`.
pub async fn create(app: &App, call: &Call) -> Result<Reply, Problem> {
    call.no_query()?;
    let request: CreateKeyRequest = call.body()?;
    request.check()?;
    let created = app.transaction(async |conn| {
        let created = keys::create_key(conn, call.principal(), &request).await?;
        audit::record(conn, &entry(call, Action::KeyCreated, &created.view)).await?;
        Ok::<NewKey, CreateKeyError>(created)
    });
    let created = created.await.map_err(|error| match error {
        CreateKeyError::Forbidden(detail) => Problem::new(Code::Forbidden, detail),
        CreateKeyError::Misfit(fault) => Problem::invalid(vec![fault]),
        CreateKeyError::TenantNotFound => Problem::new(Code::TenantNotFound, "There is no such tenant"),
        CreateKeyError::ExpiresAt => {
            let detail = "must be a time ahead, by 5 years at most";
            Problem::invalid(vec![FieldError::new("/expires_at", detail)])
        }
        CreateKeyError::Random(error) => Problem::internal(error),
        CreateKeyError::Db(error) => error.into(),
    })?;
    Reply::added(&created)
}

/// `GET /api/keys`.
pub async fn list(app: &App, call: &Call) -> Result<Reply, Problem> {
    let mut query = call.query();
    let scope = lists::scope(call, &mut query)?;
    let page = lists::page(query, scope, &KeyFilter)?;
    let list = app.call(async |conn| keys::list_keys(conn, scope, KeyFilter, &page).await);
    Reply::ok(&list.await?)
}

/// `DELETE /api/keys/{key_id}`.
pub async fn revoke(app: &App, call: &Call) -> Result<Reply, Problem> {
    let (scope, id) = (call.scope()?, call.id("key_id")?);
    let revoked = app.transaction(async |conn| {
        let Revoked { key, new } = keys::revoke_key(conn, scope, id, &call.principal().id).await?;
        if new {
            audit::record(conn, &entry(call, Action::KeyRevoked, &key)).await?;
        }
        Ok::<KeyView, RevokeKeyError>(key)
    });
    let revoked = revoked.await.map_err(|error| match error {
        RevokeKeyError::NotFound => Problem::new(Code::KeyNotFound, "There is no such key"),
        RevokeKeyError::Db(error) => error.into(),
    })?;
    Reply::ok(&revoked)
}

fn entry<'a>(call: &'a Call, action: Action, key: &KeyView) -> Entry<'a> {
    let details = json!({
        "name": key.name,
        "roles": key.roles,
        "expires_at": key.expires_at,
        "requests_per_second": key.requests_per_second,
    });
    Entry { details, ..call.entry(key.tenant_id, action, key.id) }
}

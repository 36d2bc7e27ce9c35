//! `/api/tenants`.

use runplane::app::App;
use runplane::audit::{self, Action, Entry, Limits};
use runplane::catalog::{
    self, BatchSize, CreateTenantRequest, DeleteTenantError, TenantError, TenantFilter, UpdateTenantRequest,
};
use runplane::http::{Call, Reply, lists};
use runplane::problem::{Code, FieldError, Problem};
use serde_json::json;

/// `POST /api/tenants`.
pub async fn create(app: &App, call: &Call) -> Result<Reply, Problem> {
    call.no_query()?;
    let request: CreateTenantRequest = call.body()?;
    request.check()?;
    let tenant = app.transaction(async |conn| {
        let tenant = catalog::create_tenant(conn, &request).await?;
        let details = json!({
            "name": tenant.name,
            "max_running": tenant.max_running,
            "paused": tenant.paused,
        });
        let entry = call.entry(Some(tenant.id), Action::TenantCreated, tenant.id);
        audit::record(conn, &Entry { details, ..entry }).await?;
        Ok::<_, TenantError>(tenant)
    });
    let tenant = tenant.await.map_err(problem)?;
    tracing::Span::current().record("tenant.id", tenant.id.to_string());
    Reply::created(&format!("/api/tenants/{}", tenant.id), &tenant)
}

/// `GET /api/tenants`.
pub async fn list(app: &App, call: &Call) -> Result<Reply, Problem> {
    let scope = call.own_scope();
    let page = lists::page(call.query(), scope, &TenantFilter)?;
    let list = app.call(async |conn| catalog::list_tenants(conn, scope, TenantFilter, &page).await);
    Reply::ok(&list.await?)
}

/// `GET /api/tenants/{tenant_id}`.
pub async fn get(app: &App, call: &Call) -> Result<Reply, Problem> {
    let (scope, id) = (call.scope()?, call.id("tenant_id")?);
    let tenant = app.call(async |conn| catalog::get_tenant(conn, scope, id).await);
    Reply::ok(&tenant.await.map_err(problem)?)
}

/// `PATCH /api/tenants/{tenant_id}`.
pub async fn update(app: &App, call: &Call) -> Result<Reply, Problem> {
    let (scope, id) = (call.scope()?, call.id("tenant_id")?);
    let request: UpdateTenantRequest = call.body()?;
    request.check()?;
    let tenant = app.transaction(async |conn| {
        let before = audit::limits_of_tenant(conn, scope, id).await?.ok_or(TenantError::NotFound)?;
        let tenant = catalog::update_tenant(conn, scope, id, &request).await?;
        if let Some(details) = before.changed_to(&Limits::from(&tenant)) {
            let entry = call.entry(Some(tenant.id), Action::TenantChanged, tenant.id);
            audit::record(conn, &Entry { details, ..entry }).await?;
        }
        Ok(tenant)
    });
    Reply::ok(&tenant.await.map_err(problem)?)
}

/// `DELETE /api/tenants/{tenant_id}`: one batch of it.
pub async fn delete(app: &App, call: &Call) -> Result<Reply, Problem> {
    let mut query = call.query();
    let scope = lists::scope(call, &mut query)?;
    let name = query.text("name");
    if name.is_none() {
        query.fault("name", "is required: the tenant's name, exactly");
    }
    query.finish()?;
    let (id, name) = (call.id("tenant_id")?, name.unwrap_or_default());
    tracing::Span::current().record("tenant.id", id.to_string());
    let deletion = app.transaction(async |conn| {
        let who = &call.principal().id;
        let deletion = catalog::delete_tenant(conn, scope, id, &name, who, BatchSize::default()).await?;
        if deletion.is_first {
            let entry = call.entry(Some(id), Action::TenantDeletionStarted, id);
            audit::record(conn, &Entry { details: json!({ "name": name }), ..entry }).await?;
        }
        if deletion.done {
            let details = json!({
                "name": name,
                "started_at": deletion.started_at,
                "runs": deletion.total.runs,
                "rows": deletion.total.rows,
            });
            let entry = call.entry(Some(id), Action::TenantDeleted, id);
            audit::record(conn, &Entry { details, ..entry }).await?;
        }
        Ok(deletion)
    });
    let deletion = deletion.await.map_err(|error| match error {
        DeleteTenantError::NotFound => problem(TenantError::NotFound),
        DeleteTenantError::OtherName => {
            Problem::invalid(vec![FieldError::new("/name", "must be the tenant's name, exactly")])
        }
        DeleteTenantError::Db(error) => error.into(),
    })?;
    Reply::ok(&deletion)
}

fn problem(error: TenantError) -> Problem {
    match error {
        TenantError::NotFound => Problem::new(Code::TenantNotFound, "There is no such tenant"),
        TenantError::Db(error) => error.into(),
    }
}

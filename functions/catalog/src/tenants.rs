//! `/api/tenants`.

use runplane::app::App;
use runplane::catalog::{self, CreateTenantRequest, TenantError, TenantFilter, UpdateTenantRequest};
use runplane::http::{Call, Reply, lists};
use runplane::problem::{Code, Problem};
use runplane::scope::Scope;

/// `POST /api/tenants`.
pub async fn create(app: &App, call: &Call) -> Result<Reply, Problem> {
    call.no_query()?;
    let request: CreateTenantRequest = call.body()?;
    request.check()?;
    let tenant = app.call(async |conn| catalog::create_tenant(conn, &request).await).await?;
    tracing::Span::current().record("tenant.id", tenant.id.to_string());
    Reply::created(&format!("/api/tenants/{}", tenant.id), &tenant)
}

/// `GET /api/tenants`.
pub async fn list(app: &App, call: &Call) -> Result<Reply, Problem> {
    let page = lists::page(call.query(), Scope::All, &TenantFilter)?;
    let list = app.call(async |conn| catalog::list_tenants(conn, Scope::All, TenantFilter, &page).await);
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
    let tenant = app.call(async |conn| catalog::update_tenant(conn, scope, id, &request).await);
    Reply::ok(&tenant.await.map_err(problem)?)
}

fn problem(error: TenantError) -> Problem {
    match error {
        TenantError::NotFound => Problem::new(Code::TenantNotFound, "There is no such tenant"),
        TenantError::Db(error) => error.into(),
    }
}

//! `/api/connections`.

use runplane::app::App;
use runplane::audit::{self, Action, Entry};
use runplane::catalog::{
    self, Connection, ConnectionError, ConnectionFilter, CreateConnectionError, CreateConnectionRequest,
};
use runplane::dag::ConnectionKind;
use runplane::http::{Call, Query, Reply, lists};
use runplane::problem::{Code, Problem};
use serde_json::json;

/// `POST /api/connections`.
pub async fn create(app: &App, call: &Call) -> Result<Reply, Problem> {
    call.no_query()?;
    let request: CreateConnectionRequest = call.body()?;
    let config = request.check()?;
    tracing::Span::current().record("tenant.id", request.tenant_id.to_string());
    let connection = app.transaction(async |conn| {
        let connection = catalog::create_connection(conn, &request, &config).await?;
        audit::record(conn, &entry(call, Action::ConnectionCreated, &connection)).await?;
        Ok(connection)
    });
    let connection = connection.await.map_err(|error| match error {
        CreateConnectionError::TenantNotFound => {
            Problem::new(Code::TenantNotFound, "There is no such tenant")
        }
        CreateConnectionError::NameTaken => {
            Problem::new(Code::AlreadyExists, "The tenant has a connection of this name already")
        }
        CreateConnectionError::Db(error) => error.into(),
    })?;
    Reply::created(&format!("/api/connections/{}", connection.id), &connection)
}

/// `GET /api/connections`.
pub async fn list(app: &App, call: &Call) -> Result<Reply, Problem> {
    let mut query = call.query();
    let scope = lists::scope(call, &mut query)?;
    let filter = ConnectionFilter { kind: kind(&mut query), name: query.stored_text("name") };
    let page = lists::page(query, scope, &filter)?;
    let list = app.call(async |conn| catalog::list_connections(conn, scope, &filter, &page).await);
    Reply::ok(&list.await?)
}

/// `GET /api/connections/{connection_id}`.
pub async fn get(app: &App, call: &Call) -> Result<Reply, Problem> {
    let (scope, id) = (call.scope()?, call.id("connection_id")?);
    let connection = app.call(async |conn| catalog::get_connection(conn, scope, id).await);
    Reply::ok(&connection.await.map_err(problem)?)
}

/// `DELETE /api/connections/{connection_id}`.
pub async fn delete(app: &App, call: &Call) -> Result<Reply, Problem> {
    let (scope, id) = (call.scope()?, call.id("connection_id")?);
    let deleted = app.transaction(async |conn| {
        // It cannot change meanwhile: there is no way to change one.
        let connection = catalog::get_connection(conn, scope, id).await?;
        catalog::delete_connection(conn, scope, id).await?;
        audit::record(conn, &entry(call, Action::ConnectionDeleted, &connection)).await?;
        Ok(())
    });
    deleted.await.map_err(problem)?;
    Ok(Reply::no_content())
}

/// Without the config: an address may be nobody else's business, and `secret_ref` tells where a secret is.
fn entry<'a>(call: &'a Call, action: Action, connection: &Connection) -> Entry<'a> {
    let details = json!({ "name": connection.name, "kind": connection.kind });
    Entry { details, ..call.entry(Some(connection.tenant_id), action, connection.id) }
}

fn kind(query: &mut Query) -> Option<ConnectionKind> {
    let text = query.text("kind")?;
    let kind = ConnectionKind::ALL.into_iter().find(|kind| kind.as_str() == text);
    if kind.is_none() {
        query.fault("kind", "must be http, sql, lambda or sqs");
    }
    kind
}

fn problem(error: ConnectionError) -> Problem {
    match error {
        ConnectionError::NotFound => Problem::new(Code::ConnectionNotFound, "There is no such connection"),
        ConnectionError::Db(error) => error.into(),
    }
}

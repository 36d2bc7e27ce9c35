//! Path, body or query, one verb, reply.

use std::sync::Arc;

use runplane::app::App;
use runplane::evidence::{self, LogFilter, LogsRequest};
use runplane::http::{Call, Reply, lists};
use runplane::problem::Problem;

/// Stores lines of a run's log, or shows one page of them.
pub async fn handle(app: Arc<App>, call: Call) -> Result<Reply, Problem> {
    if call.method(app.function) == "POST" { add(&app, &call).await } else { list(&app, &call).await }
}

async fn add(app: &App, call: &Call) -> Result<Reply, Problem> {
    let run_id = call.run_id()?;
    let request: LogsRequest = call.body()?;
    request.check()?;
    let lines = request.into_lines();

    let add = async |conn: &mut _| evidence::add_logs(conn, call.own_scope(), run_id, &lines).await;
    let added = app.call(add).await?;
    tracing::Span::current().record("tenant.id", added.tenant_id.to_string());
    Reply::added(&added)
}

async fn list(app: &App, call: &Call) -> Result<Reply, Problem> {
    let run_id = call.run_id()?;
    let mut query = call.query();
    let scope = lists::scope(call, &mut query)?;
    let filter = LogFilter {
        run_id,
        after: query.time("after"),
        before: query.time("before"),
        order: query.parsed("order", "asc or desc").unwrap_or_default(),
    };
    let page = lists::page_up_to(1000, 100, query, scope, &filter)?;
    Reply::ok(&app.call(async |conn| evidence::list_logs(conn, scope, &filter, &page).await).await?)
}

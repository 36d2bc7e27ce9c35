//! Path, body or query, one verb, reply.

use std::sync::Arc;

use runplane::app::App;
use runplane::evidence::{self, ArtifactFilter, ArtifactRequest};
use runplane::http::{Call, Reply, lists};
use runplane::problem::Problem;

/// Stores an artifact of a run, or shows one page of them.
pub async fn handle(app: Arc<App>, call: Call) -> Result<Reply, Problem> {
    if call.method(app.function) == "POST" { add(&app, &call).await } else { list(&app, &call).await }
}

async fn add(app: &App, call: &Call) -> Result<Reply, Problem> {
    let run_id = call.run_id()?;
    let request: ArtifactRequest = call.body()?;
    request.check()?;

    let add = async |conn: &mut _| evidence::add_artifact(conn, call.own_scope(), run_id, &request).await;
    let (artifact, new) = app.call(add).await?;
    if new { Reply::added(&artifact) } else { Reply::ok(&artifact) }
}

async fn list(app: &App, call: &Call) -> Result<Reply, Problem> {
    let run_id = call.run_id()?;
    let mut query = call.query();
    let scope = lists::scope(call, &mut query)?;
    let filter = ArtifactFilter { run_id, order: query.parsed("order", "asc or desc").unwrap_or_default() };
    let page = lists::page_up_to(1000, 100, query, scope, &filter)?;
    Reply::ok(&app.call(async |conn| evidence::list_artifacts(conn, scope, &filter, &page).await).await?)
}

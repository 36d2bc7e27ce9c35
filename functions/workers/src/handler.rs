//! Query, one verb, reply.

use std::sync::Arc;

use runplane::app::App;
use runplane::http::{Call, Reply, lists};
use runplane::problem::Problem;
use runplane::workers::{self, WorkerFilter};

/// One page of workers.
pub async fn handle(app: Arc<App>, call: Call) -> Result<Reply, Problem> {
    let mut query = call.query();
    let scope = lists::scope(&call, &mut query)?;
    let filter =
        WorkerFilter { queue: query.stored_text("queue"), alive: query.parsed("alive", "true or false") };
    let page = lists::page(query, scope, &filter)?;
    Reply::ok(&app.call(async |conn| workers::list(conn, scope, &filter, &page).await).await?)
}

//! Path, body, one verb, the reply.

use std::sync::Arc;

use runplane::app::App;
use runplane::http::{Call, Reply};
use runplane::problem::Problem;
use runplane::runs::{self, SecretsRequest};

/// Tells them. A POST, so that nothing on the way keeps the answer.
pub async fn handle(app: Arc<App>, call: Call) -> Result<Reply, Problem> {
    let run_id = call.run_id()?;
    call.no_query()?;
    let request: SecretsRequest = call.body()?;
    let told =
        app.call(async |conn| runs::secrets(conn, call.own_scope(), run_id, request.lease_token).await);
    Reply::ok(&told.await?)
}

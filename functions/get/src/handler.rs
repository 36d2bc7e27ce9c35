//! Path, one verb, reply.

use std::sync::Arc;

use runplane::app::App;
use runplane::http::{Call, Reply};
use runplane::problem::{Code, Problem};
use runplane::runs::{self, GetError};
use runplane::scope::Scope;

/// Shows the run.
pub async fn handle(app: Arc<App>, call: Call) -> Result<Reply, Problem> {
    let run_id = call.run_id()?;
    call.query().finish()?;

    let mut conn = app.conn().await?;
    let details = runs::get(&mut conn, Scope::All, run_id).await.map_err(problem)?;
    tracing::Span::current().record("tenant.id", details.run.tenant_id.to_string());
    Reply::ok(&details)
}

fn problem(error: GetError) -> Problem {
    match error {
        GetError::NotFound => Problem::new(Code::RunNotFound, "There is no such run"),
        GetError::Db(error) => error.into(),
    }
}

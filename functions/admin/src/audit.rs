//! `/api/audit`.

use runplane::app::App;
use runplane::audit::{self, Action, AuditFilter};
use runplane::http::{Call, Query, Reply, lists};
use runplane::problem::Problem;

/// `GET /api/audit`.
pub async fn list(app: &App, call: &Call) -> Result<Reply, Problem> {
    let mut query = call.query();
    let scope = lists::scope(call, &mut query)?;
    let action = action(&mut query);
    let filter = AuditFilter { action, since: query.time("since"), until: query.time("until") };
    let page = lists::page(query, scope, &filter)?;
    let list = app.call(async |conn| audit::list(conn, scope, &filter, &page).await);
    Reply::ok(&list.await?)
}

fn action(query: &mut Query) -> Option<Action> {
    let text = query.text("action")?;
    let action = Action::parse(&text);
    if action.is_none() {
        query.fault("action", "must be an action such as version.approved, docs/api.md has all of them");
    }
    action
}

//! Query, one verb, reply.

use std::sync::Arc;

use runplane::app::App;
use runplane::http::{Call, Query, Reply, lists};
use runplane::problem::{Code, FieldError, Problem};
use runplane::runs::{self, Cursor, Labels, ListFilter, Page, RunStatus};
use runplane::scope::Scope;

/// One page of runs.
pub async fn handle(app: Arc<App>, call: Call) -> Result<Reply, Problem> {
    let (scope, filter, page) = read(&call)?;
    let page = app.call(async |conn| runs::list(conn, scope, &filter, &page).await).await?;
    Reply::ok(&page)
}

fn read(call: &Call) -> Result<(Scope, ListFilter, Page), Problem> {
    let mut query = call.query();
    let scope = lists::scope(call, &mut query)?;
    let filter = ListFilter {
        status: statuses(&mut query),
        queue: query.stored_text("queue"),
        pipeline_id: query.parsed("pipeline_id", "a UUID"),
        pipeline_version_id: query.parsed("pipeline_version_id", "a UUID"),
        labels: labels(&mut query),
        created_after: query.time("created_after"),
        created_before: query.time("created_before"),
    };
    let limit = query.number("limit", 1, 100, 20);
    let offset = query.number("offset", 0, 10_000, 0);
    let cursor = query.text("cursor");
    if cursor.is_some() && offset > 0 {
        query.fault("offset", "cannot be combined with cursor");
    }
    query.finish()?;
    let cursor = cursor.map(|text| Cursor::decode(&text, scope, &filter)).transpose().map_err(|error| {
        let errors = vec![FieldError::new("/cursor", error.to_string())];
        Problem { errors, ..Problem::new(Code::InvalidCursor, error.to_string()) }
    })?;
    Ok((scope, filter, Page { limit, offset, cursor }))
}

fn labels(query: &mut Query) -> Labels {
    let mut labels = Labels::new();
    for (key, value) in query.prefixed("label.") {
        let name = format!("label.{key}");
        if labels.insert(key, value).is_some() {
            query.fault(&name, "may be given once");
        }
    }
    labels
}

fn statuses(query: &mut Query) -> Vec<RunStatus> {
    let mut statuses = Vec::new();
    for text in query.all("status") {
        match RunStatus::ALL.into_iter().find(|status| status.as_str() == text) {
            Some(status) if statuses.contains(&status) => {}
            Some(status) => statuses.push(status),
            None => query.fault("status", "must be QUEUED, RUNNING, SUCCEEDED, FAILED or CANCELLED"),
        }
    }
    statuses
}

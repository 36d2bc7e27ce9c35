//! Logs: what a run's workers tell.

use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};
use serde_json::Value;
use sqlx::postgres::PgConnection;
use sqlx::types::Json;
use utoipa::ToSchema;
use uuid::Uuid;

use super::page::{MAX_PAGE_BYTES, Order, list};
use super::{EvidenceError, LogLevel, MAX_META_BYTES, MAX_SOURCE_CHARS};
use crate::catalog::{List, Listed, Page};
use crate::cursor::Cursor;
use crate::problem::Problem;
use crate::runs::{Faults, cut_after};
use crate::scope::Scope;

/// So many lines are stored at once.
pub const MAX_LINES: usize = 100;
/// A message is kept up to this many bytes.
pub const MAX_MESSAGE_BYTES: usize = 16 * 1024;

/// A line as it is sent.
#[derive(Clone, Debug, Serialize, Deserialize, ToSchema)]
pub struct LogLine {
    /// `info` if left out; in whatever case.
    pub level: Option<LogLevel>,
    /// What there is to tell; cut after 16 KiB.
    pub message: String,
    /// Who tells it: 1 to 200 characters.
    #[schema(min_length = 1, max_length = 200)]
    pub source: Option<String>,
    /// Whatever else there is to say, up to 64 KiB.
    #[schema(value_type = Option<Object>)]
    pub meta: Option<Value>,
}

/// What a worker sends: one line, or several of them as `logs`.
#[derive(Clone, Debug, Default, Serialize, Deserialize, ToSchema)]
pub struct LogsRequest {
    /// Several lines, 1 to 100; nothing stands beside it then.
    #[schema(min_items = 1, max_items = 100)]
    pub logs: Option<Vec<LogLine>>,
    /// Of a single line: `info` if left out; in whatever case.
    pub level: Option<LogLevel>,
    /// Of a single line, required then: what there is to tell; cut after 16 KiB.
    pub message: Option<String>,
    /// Of a single line: who tells it, 1 to 200 characters.
    #[schema(min_length = 1, max_length = 200)]
    pub source: Option<String>,
    /// Of a single line: whatever else there is to say, up to 64 KiB.
    #[schema(value_type = Option<Object>)]
    pub meta: Option<Value>,
}

impl LogsRequest {
    /// Checks every bound.
    ///
    /// # Errors
    /// `invalid_field` or `payload_too_large`, with what is wrong.
    pub fn check(&self) -> Result<(), Problem> {
        let mut faults = Faults::default();
        match (&self.logs, &self.message) {
            (None, None) => faults.add("/message", "is required, unless there is a list of logs"),
            (None, Some(message)) => {
                check("", message, self.source.as_deref(), self.meta.as_ref(), &mut faults);
            }
            (Some(lines), _) => {
                let beside = [
                    ("/level", self.level.is_some()),
                    ("/message", self.message.is_some()),
                    ("/source", self.source.is_some()),
                    ("/meta", self.meta.is_some()),
                ];
                for (field, _) in beside.into_iter().filter(|(_, is_given)| *is_given) {
                    faults.add(field, "may not be given beside logs: it belongs into each of them");
                }
                if lines.is_empty() || lines.len() > MAX_LINES {
                    faults.add("/logs", format!("must be 1 to {MAX_LINES} lines, are {}", lines.len()));
                }
                for (index, line) in lines.iter().enumerate().take(MAX_LINES) {
                    let at = format!("/logs/{index}");
                    check(&at, &line.message, line.source.as_deref(), line.meta.as_ref(), &mut faults);
                }
            }
        }
        faults.finish()
    }

    /// The lines, in their order.
    pub fn into_lines(self) -> Vec<LogLine> {
        let Self { logs, level, message, source, meta } = self;
        logs.unwrap_or_else(|| vec![LogLine { level, message: message.unwrap_or_default(), source, meta }])
    }
}

fn check(at: &str, message: &str, source: Option<&str>, meta: Option<&Value>, faults: &mut Faults) {
    faults.nul(&format!("{at}/message"), message);
    if let Some(source) = source {
        faults.text(&format!("{at}/source"), source, MAX_SOURCE_CHARS);
    }
    if let Some(meta) = meta {
        faults.json_in_list(&format!("{at}/meta"), meta, MAX_META_BYTES);
    }
}

/// The lines were stored.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, ToSchema)]
pub struct LogsAdded {
    /// Always true.
    pub ok: bool,
    /// How many.
    pub count: usize,
    /// Whose run it is, for the log.
    #[serde(skip)]
    #[schema(ignore)]
    pub tenant_id: Uuid,
}

/// A line as it is stored.
#[derive(Clone, Debug, PartialEq, Serialize, ToSchema)]
pub struct LogEntry {
    /// UUIDv7.
    pub id: Uuid,
    /// How serious it is.
    pub level: LogLevel,
    /// What there is to tell.
    pub message: String,
    /// Who tells it; `executor` for what is told of steps when they are stored.
    pub source: Option<String>,
    /// Whatever else there is to say.
    #[schema(value_type = Option<Object>)]
    pub meta: Option<Value>,
    /// When it was stored.
    pub created_at: DateTime<Utc>,
}

impl Listed for LogEntry {
    fn place(&self) -> Cursor {
        Cursor { created_at: self.created_at, id: self.id }
    }
}

/// Which lines.
#[derive(Clone, Debug)]
pub struct LogFilter {
    /// Of this run.
    pub run_id: Uuid,
    /// Stored later than this.
    pub after: Option<DateTime<Utc>>,
    /// Stored earlier than this.
    pub before: Option<DateTime<Utc>>,
    /// Which of them come first.
    pub order: Order,
}

/// Stores lines of one run, all or none of them. Their order stays, also of lines that are stored at once. They have passed [`LogsRequest::check`].
///
/// # Errors
/// [`EvidenceError`]; nothing was stored.
pub async fn add_logs(
    conn: &mut PgConnection,
    scope: Scope,
    run_id: Uuid,
    lines: &[LogLine],
) -> Result<LogsAdded, EvidenceError> {
    let ids: Vec<_> = lines.iter().map(|_| Uuid::now_v7()).collect();
    let levels: Vec<_> = lines.iter().map(|line| line.level.unwrap_or_default().as_str()).collect();
    let messages: Vec<_> = lines.iter().map(|line| cut_after(&line.message, MAX_MESSAGE_BYTES)).collect();
    let sources: Vec<_> = lines.iter().map(|line| line.source.as_deref()).collect();
    let metas: Vec<_> = lines.iter().map(|line| line.meta.as_ref().map(Json)).collect();
    let row = sqlx::query_file!(
        "sql/add_logs.sql",
        scope.tenant(),
        run_id,
        &ids,
        &levels[..] as _,
        &messages,
        &sources[..] as _,
        &metas[..] as _,
    )
    .fetch_optional(conn)
    .await?
    .ok_or(EvidenceError::NotFound)?;
    Ok(LogsAdded { ok: true, count: lines.len(), tenant_id: row.tenant_id })
}

/// One page of a run's lines, of at most 1000 and about 2.9 MB, or one line.
///
/// # Errors
/// [`EvidenceError`].
pub async fn list_logs(
    conn: &mut PgConnection,
    scope: Scope,
    filter: &LogFilter,
    page: &Page,
) -> Result<List<LogEntry>, EvidenceError> {
    let rows = sqlx::query_file!(
        "sql/list_logs.sql",
        scope.tenant(),
        filter.run_id,
        filter.after,
        filter.before,
        filter.order == Order::Asc,
        page.created_at(),
        page.id(),
        page.limit,
        MAX_PAGE_BYTES as _,
    )
    .fetch_all(conn)
    .await?;
    let follows = match rows.last() {
        None => return Err(EvidenceError::NotFound),
        Some(last) => last.follows == Some(true),
    };
    // None of them where there is no line.
    let lines = rows.into_iter().filter_map(|row| {
        Some(LogEntry {
            id: row.id?,
            level: row.level?,
            message: row.message?,
            source: row.source,
            meta: row.meta,
            created_at: row.created_at?,
        })
    });
    Ok(list(lines.collect(), follows, page, scope, filter))
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn faults(body: Value) -> Vec<String> {
        let request: LogsRequest = serde_json::from_value(body).unwrap();
        let faults = request.check().err().map(|problem| problem.errors).unwrap_or_default();
        faults.into_iter().map(|fault| fault.pointer).collect()
    }

    #[test]
    fn one_line_stands_bare_and_several_in_a_list() {
        assert_eq!(faults(json!({ "message": "" })), [""; 0]);
        let line = json!({ "level": "INFO", "message": "m", "source": "s", "meta": [1] });
        assert_eq!(faults(line.clone()), [""; 0]);
        assert_eq!(faults(json!({ "logs": [line, { "message": "n" }] })), [""; 0]);
        for (body, pointers) in [
            (json!({}), &["/message"][..]),
            (json!({ "message": "\0", "source": "", "meta": "\0" }), &["/message", "/source", "/meta"]),
            (json!({ "meta": "x".repeat(MAX_META_BYTES), "message": "" }), &["/meta"]),
            (json!({ "logs": [] }), &["/logs"]),
            (json!({ "logs": [{ "message": "a" }], "message": "b" }), &["/message"]),
            (json!({ "logs": [{ "message": "a" }, { "message": "b", "source": "" }] }), &["/logs/1/source"]),
        ] {
            assert_eq!(faults(body.clone()), pointers, "{body}");
        }
    }
}

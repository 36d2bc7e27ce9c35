//! What all lists are asked for: how much, and from where on.

use std::fmt::Debug;

use runplane::catalog::Page;
use runplane::cursor::Cursor;
use runplane::http::Query;
use runplane::problem::{Code, FieldError, Problem};
use runplane::scope::Scope;

/// Takes `tenant_id` from the query, noted in the log.
pub fn scope(query: &mut Query) -> Scope {
    let scope = Scope::from(query.parsed("tenant_id", "a UUID"));
    if let Scope::Tenant(tenant) = scope {
        tracing::Span::current().record("tenant.id", tenant.to_string());
    }
    scope
}

/// Takes `limit` and `cursor`, and nothing may be left then.
pub fn page(mut query: Query, scope: Scope, filter: &impl Debug) -> Result<Page, Problem> {
    let limit = query.number("limit", 1, 100, 20);
    let cursor = query.text("cursor");
    query.finish()?;
    let cursor = cursor.map(|text| Cursor::decode(&text, scope, filter)).transpose().map_err(|error| {
        let errors = vec![FieldError::new("/cursor", error.to_string())];
        Problem { errors, ..Problem::new(Code::InvalidCursor, error.to_string()) }
    })?;
    Ok(Page { limit, cursor })
}

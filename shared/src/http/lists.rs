//! What lists are asked for: whose, how much, and from where on.

use std::fmt::Debug;

use crate::catalog::Page;
use crate::cursor::{Cursor, InvalidCursor};
use crate::http::{Call, Query};
use crate::problem::{Code, FieldError, Problem};
use crate::scope::Scope;

/// Takes `tenant_id` from the query, which is noted in the log: what the caller may touch of it.
///
/// # Errors
/// `tenant_not_found` if the caller's tenant is another.
pub fn scope(call: &Call, query: &mut Query) -> Result<Scope, Problem> {
    call.scope_of(query.parsed("tenant_id", "a UUID"))
}

/// Takes `limit` (1 to 100, else 20) and `cursor`, and nothing may be left then.
///
/// # Errors
/// `invalid_field` with everything that is wrong with the query; `invalid_cursor` if the cursor belongs to another list.
pub fn page(query: Query, scope: Scope, filter: &impl Debug) -> Result<Page, Problem> {
    page_up_to(100, 20, query, scope, filter)
}

/// As [`page`], with a `limit` of 1 to `max`, else `default`.
///
/// # Errors
/// As [`page`].
pub fn page_up_to(
    max: i64,
    default: i64,
    mut query: Query,
    scope: Scope,
    filter: &impl Debug,
) -> Result<Page, Problem> {
    let limit = query.number("limit", 1, max, default);
    let cursor = query.text("cursor");
    query.finish()?;
    let cursor =
        cursor.map(|text| Cursor::decode(&text, scope, filter)).transpose().map_err(invalid_cursor)?;
    Ok(Page { limit, cursor })
}

/// `invalid_cursor`.
pub fn invalid_cursor(error: InvalidCursor) -> Problem {
    let errors = vec![FieldError::new("/cursor", error.to_string())];
    Problem { errors, ..Problem::new(Code::InvalidCursor, error.to_string()) }
}

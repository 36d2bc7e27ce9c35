//! What the shop answers.

use std::sync::{Arc, PoisonError};

use axum::Json;
use axum::extract::{FromRequestParts, Path, State};
use axum::http::request::Parts;
use axum::http::{HeaderMap, StatusCode, Uri, header};
use axum::response::{IntoResponse, Response};
use chrono::{Days, NaiveDate};
use serde_json::{Value, json};

use super::Shop;

/// How many items there are, and which of them are not sold any more.
const ITEMS: u32 = 200;
const NOT_SOLD: u32 = 20;
/// How many keys are kept. What is forgotten is answered 503 once more.
const KEPT_KEYS: usize = 10_000;

/// Whoever sends the token.
pub(super) struct Customer;

impl FromRequestParts<Arc<Shop>> for Customer {
    type Rejection = Response;

    async fn from_request_parts(parts: &mut Parts, shop: &Arc<Shop>) -> Result<Self, Response> {
        let sent = parts.headers.get(header::AUTHORIZATION).map(|value| value.as_bytes());
        if sent == Some(shop.authorization.as_bytes()) {
            return Ok(Self);
        }
        Err(error(StatusCode::UNAUTHORIZED, "send the token of the shop: Authorization: Bearer …"))
    }
}

/// Twelve orders of `since` and the eleven days after it: seven of them have a total of 100 or more.
pub(super) async fn orders(_: Customer, uri: Uri) -> Response {
    let query = uri.query().unwrap_or_default();
    let since = query.split('&').find_map(|pair| pair.strip_prefix("since="));
    let Some(since) = since.and_then(|text| text.parse::<NaiveDate>().ok()) else {
        return error(StatusCode::BAD_REQUEST, "since: must be a day, as in 2026-11-01");
    };
    let order = |number: u32| {
        // Halves, which a double has exactly.
        let total = f64::from(number * 75 % 500) / 2.0;
        let placed_on = since.checked_add_days(Days::new(u64::from(number) - 1));
        json!({ "id": format!("{since}-{number:02}"), "placed_on": placed_on, "total": total })
    };
    ok(json!({ "orders": (1..=12).map(order).collect::<Vec<_>>() }))
}

/// The numbers of all items.
pub(super) async fn items(_: Customer) -> Response {
    ok(json!({ "items": (1..=ITEMS).collect::<Vec<_>>() }))
}

/// One item.
pub(super) async fn item(_: Customer, Path(number): Path<String>) -> Response {
    let sold = |number: &u32| (1..=ITEMS).contains(number) && !number.is_multiple_of(NOT_SOLD);
    let Some(number) = number.parse::<u32>().ok().filter(sold) else {
        return error(StatusCode::NOT_FOUND, "there is no such item");
    };
    ok(json!({
        "id": number,
        "name": format!("item {number}"),
        "price_cents": number * 50,
        "in_stock": !number.is_multiple_of(7)
    }))
}

/// Has no time for a request when it comes first, and does it when it comes again.
pub(super) async fn flaky(_: Customer, State(shop): State<Arc<Shop>>, headers: HeaderMap) -> Response {
    let key = headers.get("idempotency-key").and_then(|value| value.to_str().ok());
    let Some(key) = key else {
        return error(StatusCode::BAD_REQUEST, "send an Idempotency-Key");
    };
    // A set is whole between two statements, also after a panic of another request.
    let mut seen = shop.seen.lock().unwrap_or_else(PoisonError::into_inner);
    if seen.len() >= KEPT_KEYS {
        seen.clear();
    }
    if seen.insert(key.to_owned()) {
        let busy = error(StatusCode::SERVICE_UNAVAILABLE, "busy: come again in a second");
        return ([(header::RETRY_AFTER, "1")], busy).into_response();
    }
    ok(json!({ "done": true }))
}

fn ok(body: Value) -> Response {
    Json(body).into_response()
}

fn error(status: StatusCode, message: &str) -> Response {
    (status, Json(json!({ "error": message }))).into_response()
}

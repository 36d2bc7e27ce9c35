//! A request, and whether it may be sent again.

use std::time::Duration;

use reqwest::Method;
use serde_json::{Map, Value};
use uuid::Uuid;

/// What the API is asked.
#[derive(Clone, Debug)]
pub struct Request {
    pub(super) method: Method,
    pub(super) path: String,
    pub(super) query: Vec<(String, String)>,
    pub(super) body: Option<Value>,
    pub(super) idempotency_key: Option<String>,
    /// Whether doing it twice is doing it once.
    pub(super) repeatable: bool,
    /// How long the API may take beyond the time that every answer gets.
    pub(super) waits: Duration,
    /// How long an answer may take, if not as long as every answer.
    pub(super) within: Option<Duration>,
}

impl Request {
    /// Reads. `path` begins with `/api`.
    pub fn get(path: impl Into<String>) -> Self {
        Self::new(Method::GET, path.into(), true)
    }

    /// Creates, or changes what cannot be changed twice.
    pub fn post(path: impl Into<String>) -> Self {
        Self::new(Method::POST, path.into(), false)
    }

    /// Replaces.
    pub fn put(path: impl Into<String>) -> Self {
        Self::new(Method::PUT, path.into(), false)
    }

    /// Sets fields. Set again they are the same.
    pub fn patch(path: impl Into<String>) -> Self {
        Self::new(Method::PATCH, path.into(), true)
    }

    /// Removes. A second one would find nothing, and say so.
    pub fn delete(path: impl Into<String>) -> Self {
        Self::new(Method::DELETE, path.into(), false)
    }

    fn new(method: Method, path: String, repeatable: bool) -> Self {
        let waits = Duration::ZERO;
        let (query, body, idempotency_key, within) = (Vec::new(), None, None, None);
        Self { method, path, query, body, idempotency_key, repeatable, waits, within }
    }

    /// With a parameter of the query, if there is one.
    pub fn query(mut self, name: &str, value: Option<impl ToString>) -> Self {
        self.query.extend(value.map(|value| (name.to_owned(), value.to_string())));
        self
    }

    /// With a JSON object as body.
    pub fn body(mut self, fields: Map<String, Value>) -> Self {
        self.body = Some(Value::Object(fields));
        self
    }

    /// With a key that makes it repeatable: the caller's, or a new one.
    pub fn keyed(mut self, key: Option<String>) -> Self {
        self.idempotency_key = Some(key.unwrap_or_else(|| Uuid::new_v4().to_string()));
        self.repeatable = true;
        self
    }

    /// That may be sent again although it changes something: the second time it changes nothing.
    pub fn repeatable(mut self) -> Self {
        self.repeatable = true;
        self
    }

    /// That is worth nothing when its answer takes longer than this.
    pub fn within(mut self, within: Duration) -> Self {
        self.within = Some(within);
        self
    }

    /// That the API answers only after some time.
    pub fn waiting(mut self, waits: Duration) -> Self {
        self.waits = waits;
        self
    }
}

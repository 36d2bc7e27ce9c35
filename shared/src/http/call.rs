//! One request, read strictly: every fault becomes a problem that says where it is.

use std::sync::Arc;

use lambda_http::request::RequestContext;
use lambda_http::{Request, RequestExt as _};
use serde_json::{Map, Value};
use uuid::Uuid;

use super::parse::parse;
use super::{Body, Query};
use crate::audit::{Action, Entry};
use crate::auth::Principal;
use crate::functions::{Function, Route};
use crate::problem::{Code, FieldError, Problem};
use crate::traces::{self, Traceparent};

/// Larger bodies are refused.
pub const MAX_BODY_BYTES: usize = 1024 * 1024;
/// An `Idempotency-Key` has at most this many characters.
pub(super) const MAX_KEY_CHARS: usize = 255;

/// The route of `function` that a request came by. API Gateway names it, wherever the API is mounted; where nobody does, the path tells. `None`: the
/// function was invoked with something else.
pub(super) fn route(request: &Request, function: &'static Function) -> Option<&'static Route> {
    let named = match request.request_context_ref() {
        Some(RequestContext::ApiGatewayV2(context)) => context.route_key.as_deref(),
        _ => None,
    };
    let routes = function.routes();
    let by_name = routes.iter().find(|route| named.is_some_and(|key| route.is_named(key)));
    by_name.or_else(|| {
        routes.iter().find(|route| route.fits(request.method().as_str(), request.raw_http_path()))
    })
}

/// One request, and who makes it.
#[derive(Debug)]
pub struct Call {
    request: Request,
    principal: Arc<Principal>,
}

impl Call {
    /// Wraps what the Lambda runtime delivered, when it is known who makes it.
    pub fn new(request: Request, principal: Arc<Principal>) -> Self {
        Self { request, principal }
    }

    /// Who makes it.
    pub fn principal(&self) -> &Principal {
        &self.principal
    }

    /// What finds it in the logs.
    pub fn request_id(&self) -> &str {
        self.request.lambda_context_ref().map_or("", |context| context.request_id.as_str())
    }

    /// The `run_id` of the path, noted in the log.
    ///
    /// # Errors
    /// `invalid_field` if it is no UUID.
    pub fn run_id(&self) -> Result<Uuid, Problem> {
        let run_id = self.id("run_id")?;
        tracing::Span::current().record("run.id", run_id.to_string());
        traces::note("run.id", &run_id);
        Ok(run_id)
    }

    /// An id of the path.
    ///
    /// # Errors
    /// `invalid_field` if it is no UUID.
    pub fn id(&self, name: &str) -> Result<Uuid, Problem> {
        let text =
            self.request.path_parameters_ref().and_then(|params| params.first(name)).unwrap_or_default();
        Uuid::try_parse(text)
            .map_err(|_| Problem::invalid(vec![FieldError::new(format!("/{name}"), "must be a UUID")]))
    }

    /// The route of `function` that this request came by.
    pub fn route(&self, function: &'static Function) -> Option<&'static Route> {
        route(&self.request, function)
    }

    /// The method of the route that this request came by, in capitals; that of the request if it came by none.
    pub fn method(&self, function: &'static Function) -> &str {
        self.route(function).map_or(self.request.method().as_str(), |route| route.method)
    }

    /// Who does it, for the record: the caller, or whoever the request says where nobody is asked who they are.
    pub fn maker<'a>(&'a self, said: Option<&'a str>) -> Option<&'a str> {
        if self.principal.is_open() { said } else { Some(&self.principal.id) }
    }

    /// What the audit log is to say about this request, without details.
    pub fn entry(&self, tenant: Option<Uuid>, action: Action, subject: Uuid) -> Entry<'_> {
        Entry {
            tenant,
            principal: &self.principal.id,
            request_id: self.request_id(),
            action,
            subject: Some(subject),
            details: Value::Object(Map::new()),
        }
    }

    /// The parameters of the query.
    pub fn query(&self) -> Query {
        let pairs = self.request.query_string_parameters_ref();
        Query::new(
            pairs
                .map(|all| all.iter().map(|(k, v)| (k.to_owned(), v.to_owned())).collect())
                .unwrap_or_default(),
        )
    }

    /// Nothing in the query: what is created says in the body whose it is.
    ///
    /// # Errors
    /// `invalid_field` with every parameter that is there.
    pub fn no_query(&self) -> Result<(), Problem> {
        self.query().finish()
    }

    /// The `Idempotency-Key` header, if there is one.
    ///
    /// # Errors
    /// `invalid_field` if it is empty, longer than 255 characters, or not visible ASCII.
    pub fn idempotency_key(&self) -> Result<Option<String>, Problem> {
        let Some(value) = self.request.headers().get("idempotency-key") else { return Ok(None) };
        match value.to_str() {
            Ok(key) if is_idempotency_key(key) => Ok(Some(key.to_owned())),
            _ => Err(Problem::invalid(vec![FieldError::new(
                "/Idempotency-Key",
                format!("the header must be 1 to {MAX_KEY_CHARS} visible ASCII characters"),
            )])),
        }
    }

    /// No `Idempotency-Key` header: whoever sends one means a single run.
    ///
    /// # Errors
    /// `invalid_field` if there is one.
    pub fn no_idempotency_key(&self) -> Result<(), Problem> {
        if !self.request.headers().contains_key("idempotency-key") {
            return Ok(());
        }
        Err(Problem::invalid(vec![FieldError::new(
            "/Idempotency-Key",
            "the header is for a single run: give each item its own idempotency_key",
        )]))
    }

    /// What the trace of a run goes on from that this request makes: the request's own span, or the caller's where none is made here.
    pub fn traceparent(&self) -> Option<Traceparent> {
        traces::current().or_else(|| Traceparent::of(self.request.headers()))
    }

    /// Whether this request came by this path of `function`'s routes.
    pub fn came_by(&self, function: &'static Function, path: &str) -> bool {
        self.route(function).is_some_and(|route| route.path == path)
    }

    /// The body as `T`, an object, without fields that `T` does not have. Where it names no tenant, the caller's stands in it.
    ///
    /// # Errors
    /// `unsupported_media_type`, `payload_too_large`, `malformed_json`, or `invalid_field` with the pointers; `tenant_not_found` if it names a tenant and
    /// the caller's is another.
    pub fn body<T: Body>(&self) -> Result<T, Problem> {
        let bytes = self.bytes()?;
        let request: T = parse(&self.with_tenant::<T>(bytes))?;
        self.scope_of(request.tenant_id())?;
        Ok(request)
    }

    /// The bytes of the body.
    pub(super) fn bytes(&self) -> Result<&[u8], Problem> {
        self.check_media_type()?;
        let bytes: &[u8] = match self.request.body() {
            lambda_http::Body::Text(text) => text.as_bytes(),
            lambda_http::Body::Binary(bytes) => bytes,
            _ => &[],
        };
        if bytes.len() > MAX_BODY_BYTES {
            let detail = format!("The body may have {MAX_BODY_BYTES} bytes, has {}", bytes.len());
            return Err(Problem::new(Code::PayloadTooLarge, detail));
        }
        Ok(bytes)
    }

    /// The body as [`Call::body`], or what `T` is by default if there is none.
    ///
    /// # Errors
    /// As [`Call::body`].
    pub fn body_or_default<T: Body + Default>(&self) -> Result<T, Problem> {
        let empty = match self.request.body() {
            lambda_http::Body::Text(text) => text.trim().is_empty(),
            lambda_http::Body::Binary(bytes) => bytes.trim_ascii().is_empty(),
            _ => true,
        };
        if empty { Ok(T::default()) } else { self.body() }
    }

    fn check_media_type(&self) -> Result<(), Problem> {
        let Some(value) = self.request.headers().get(http::header::CONTENT_TYPE) else { return Ok(()) };
        let essence = value.to_str().unwrap_or_default().split(';').next().unwrap_or_default().trim();
        let essence = essence.to_ascii_lowercase();
        if essence == "application/json"
            || (essence.starts_with("application/") && essence.ends_with("+json"))
        {
            return Ok(());
        }
        Err(Problem::new(Code::UnsupportedMediaType, "Send the body as Content-Type: application/json"))
    }
}

/// As the HTTP library reads a header's value as text.
pub(super) fn is_idempotency_key(key: &str) -> bool {
    (1..=MAX_KEY_CHARS).contains(&key.len()) && key.bytes().all(|byte| matches!(byte, b'\t' | b' '..=b'~'))
}

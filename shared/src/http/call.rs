//! One request, read strictly: every fault becomes a problem that says where it is.

use std::borrow::Cow;
use std::sync::Arc;

use lambda_http::request::RequestContext;
use lambda_http::{Request, RequestExt as _};
use serde::de::{DeserializeOwned, IgnoredAny};
use serde::{Deserialize, Deserializer};
use serde_json::{Map, Value};
use uuid::Uuid;

use super::Query;
use crate::audit::{Action, Entry};
use crate::auth::Principal;
use crate::functions::{Function, Route};
use crate::problem::{Code, FieldError, Problem};
use crate::scope::Scope;
use crate::strict;

/// Larger bodies are refused.
pub const MAX_BODY_BYTES: usize = 1024 * 1024;
/// An `Idempotency-Key` has at most this many characters.
pub(super) const MAX_KEY_CHARS: usize = 255;

/// The body of a request.
pub trait Body: DeserializeOwned {
    /// Whether it has the field `tenant_id`, which whoever belongs to a tenant may leave out.
    const HAS_TENANT: bool;

    /// The tenant that it names. None if it names none, or has no such field.
    fn tenant_id(&self) -> Option<Uuid>;
}

/// Whether an object names a tenant, be it null.
#[derive(Deserialize)]
struct Names {
    #[serde(default, deserialize_with = "is_there")]
    tenant_id: bool,
}

fn is_there<'de, D: Deserializer<'de>>(deserializer: D) -> Result<bool, D::Error> {
    IgnoredAny::deserialize(deserializer).map(|_| true)
}

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

    /// What the caller may touch where it names no tenant: its own tenant's things, or everybody's.
    pub fn own_scope(&self) -> Scope {
        self.principal.scope()
    }

    /// What the caller may touch; `?tenant_id=` narrows it, and is noted in the log.
    ///
    /// # Errors
    /// `invalid_field` if it is no UUID, or the query has anything else; `tenant_not_found` if the caller's tenant is another.
    pub fn scope(&self) -> Result<Scope, Problem> {
        let mut query = self.query();
        let tenant = query.parsed::<Uuid>("tenant_id", "a UUID");
        query.finish()?;
        self.scope_of(tenant)
    }

    /// The same for a tenant that was named elsewhere.
    ///
    /// # Errors
    /// `tenant_not_found` if the caller's tenant is another.
    pub fn scope_of(&self, named: Option<Uuid>) -> Result<Scope, Problem> {
        let scope = self.principal.scope_of(named)?;
        if let Scope::Tenant(tenant) = scope {
            tracing::Span::current().record("tenant.id", tenant.to_string());
        }
        Ok(scope)
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

    /// The object, with the caller's tenant in it if it names none and `T` has a place for it.
    pub(super) fn with_tenant<'a, T: Body>(&self, object: &'a [u8]) -> Cow<'a, [u8]> {
        let Some(own) = self.principal.tenant.filter(|_| T::HAS_TENANT) else { return object.into() };
        // What is not an object is told as it stands.
        let (Ok(Names { tenant_id: false }), Some(b'{')) =
            (serde_json::from_slice(object), object.trim_ascii_start().first())
        else {
            return object.into();
        };
        let (_, rest) = object.trim_ascii_start().split_at(1);
        let comma = if rest.trim_ascii_start().first() == Some(&b'}') { "" } else { "," };
        [format!(r#"{{"tenant_id":"{own}"{comma}"#).as_bytes(), rest].concat().into()
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

pub(super) fn parse<T: DeserializeOwned>(bytes: &[u8]) -> Result<T, Problem> {
    // A derived struct would also take its fields from an array, in order.
    if bytes.trim_ascii_start().first() != Some(&b'{') {
        return Err(match serde_json::from_slice::<IgnoredAny>(bytes) {
            Ok(_) => Problem::invalid(vec![FieldError::new("", "the body must be a JSON object")]),
            Err(error) => malformed(&error),
        });
    }
    let mut json = serde_json::Deserializer::from_slice(bytes);
    match strict::read(&mut json) {
        Ok(value) => json.end().map(|()| value).map_err(|error| malformed(&error)),
        // What is not JSON at all is that first of all, whatever was found wrong before the place where it breaks.
        Err(faults) => Err(match serde_json::from_slice::<Value>(bytes) {
            Err(error) => malformed(&error),
            Ok(_) => Problem::invalid(faults),
        }),
    }
}

/// As the HTTP library reads a header's value as text.
pub(super) fn is_idempotency_key(key: &str) -> bool {
    (1..=MAX_KEY_CHARS).contains(&key.len()) && key.bytes().all(|byte| matches!(byte, b'\t' | b' '..=b'~'))
}

pub(super) fn malformed(error: &serde_json::Error) -> Problem {
    Problem::new(Code::MalformedJson, format!("The body is not JSON: {error}"))
}

#[cfg(test)]
mod tests {
    use serde::Deserialize;

    use super::*;

    #[derive(Debug, Deserialize)]
    struct Body {
        #[expect(dead_code, reason = "only its parsing matters")]
        count: u8,
        #[expect(dead_code, reason = "only its parsing matters")]
        names: Option<Vec<String>>,
    }

    fn fault(body: impl AsRef<[u8]>) -> (Code, Vec<String>) {
        let problem = parse::<Body>(body.as_ref()).unwrap_err();
        (problem.code, problem.errors.into_iter().map(|error| error.pointer).collect())
    }

    #[test]
    fn every_fault_is_named_where_it_is() {
        let invalid =
            |pointers: &[&str]| (Code::InvalidField, pointers.iter().map(ToString::to_string).collect());
        assert_eq!(fault(r#"{"count": 1, "a/b": 1, "other": {}}"#), invalid(&["/a~1b", "/other"]));
        assert_eq!(fault(r#"{"count": "1"}"#), invalid(&["/count"]));
        assert_eq!(fault(r#"{"count": 1, "names": ["a", 2]}"#), invalid(&["/names/1"]));
        assert_eq!(fault("{}"), invalid(&["/count"]));
        assert_eq!(fault("[1, null]"), invalid(&[""]));
        assert_eq!(fault("null"), invalid(&[""]));
    }

    /// A request with this body, by somebody of this tenant.
    fn call(tenant: Option<Uuid>, body: &str) -> Call {
        let mut event: Value = serde_json::from_str(include_str!("../../../events/claim.json")).unwrap();
        event["body"] = body.into();
        let request = lambda_http::request::from_str(&event.to_string()).unwrap();
        Call::new(request, Arc::new(Principal { tenant, ..Principal::open() }))
    }

    #[derive(Debug, Deserialize)]
    struct OfTenant {
        tenant_id: Uuid,
        #[expect(dead_code, reason = "only its parsing matters")]
        count: Option<u8>,
    }

    impl super::Body for OfTenant {
        const HAS_TENANT: bool = true;

        fn tenant_id(&self) -> Option<Uuid> {
            Some(self.tenant_id)
        }
    }

    #[test]
    fn a_tenant_that_is_left_out_is_the_callers_and_another_does_not_exist() {
        let [own, other] = [Uuid::from_u128(1), Uuid::from_u128(2)];
        let told = |tenant, body: &str| {
            call(tenant, body).body::<OfTenant>().map(|body| body.tenant_id).map_err(|problem| problem.code)
        };
        for body in ["{}", " { } ", r#"{"count": 1}"#, "\n{\n\"count\" : null }", r#"{"tenant_id": "OWN"}"#] {
            assert_eq!(told(Some(own), &body.replace("OWN", &own.to_string())), Ok(own), "{body}");
        }
        let names_other = format!(r#"{{"count": 1, "tenant_id": "{other}"}}"#);
        assert_eq!(told(Some(own), &names_other), Err(Code::TenantNotFound));
        assert_eq!(told(None, &names_other), Ok(other));
        let faulty = ["{}", r#"{"tenant_id": null}"#, r#"{"count": 1}"#];
        for body in faulty {
            assert_eq!(told(None, body), Err(Code::InvalidField), "{body}");
        }
        for body in [r#"{"tenant_id": null}"#, r#"{"tenant_id": 1}"#, r#"{"more": 1}"#, "[]"] {
            assert_eq!(told(Some(own), body), Err(Code::InvalidField), "{body}");
        }
        let twice = format!(r#"{{"tenant_id": "{other}", "tenant_id": "{own}"}}"#);
        for body in ["", "{", "{\"count\": 1", "{,}", "{}{}"] {
            assert_eq!(told(Some(own), body), Err(Code::MalformedJson), "{body}");
        }
        assert!(told(Some(own), &twice).is_err());
    }

    #[test]
    fn a_value_in_the_wrong_place_comes_back_in_part_only() {
        let text = r"\\".repeat(MAX_BODY_BYTES / 2 - 100);
        for body in [format!(r#"{{"count": "{text}"}}"#), format!(r#"{{"count": 1, "{text}": 1}}"#)] {
            let problem = parse::<Body>(body.as_bytes()).unwrap_err();
            assert_eq!(problem.code, Code::InvalidField);
            assert!(serde_json::to_string(&problem.into_body("")).unwrap().len() < 4096);
        }
    }

    #[test]
    fn what_is_not_json_is_malformed() {
        for body in [
            "{}{}",
            "{} x",
            "",
            " ",
            "{",
            "x",
            "[1",
            r#"{"count": 1} x"#,
            r#"{"count": 1, "names": ["\ud800"]}"#,
        ] {
            assert_eq!(fault(body), (Code::MalformedJson, vec![]), "{body}");
        }
        let no_text = b"{\"count\": 1, \"names\": [\"\xff\"]}";
        assert_eq!(fault(no_text), (Code::MalformedJson, vec![]));
    }
}

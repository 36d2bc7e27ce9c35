//! One request, read strictly: every fault becomes a problem that says where it is.

use lambda_http::request::RequestContext;
use lambda_http::{Body, Request, RequestExt as _};
use serde::de::{DeserializeOwned, IgnoredAny};
use serde_json::Value;
use uuid::Uuid;

use super::Query;
use crate::functions::{Function, Route};
use crate::problem::{Code, FieldError, Problem};
use crate::scope::Scope;
use crate::strict;

/// Larger bodies are refused.
pub const MAX_BODY_BYTES: usize = 1024 * 1024;
/// An `Idempotency-Key` has at most this many characters.
pub(super) const MAX_KEY_CHARS: usize = 255;

/// One request.
#[derive(Debug)]
pub struct Call {
    request: Request,
}

impl Call {
    /// Wraps what the Lambda runtime delivered.
    pub fn new(request: Request) -> Self {
        Self { request }
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

    /// The route of `function` that this request came by. API Gateway names it, wherever the API is mounted; where nobody does, the path
    /// tells. `None`: the function was invoked with something else.
    pub fn route(&self, function: &'static Function) -> Option<&'static Route> {
        let named = match self.request.request_context_ref() {
            Some(RequestContext::ApiGatewayV2(context)) => context.route_key.as_deref(),
            _ => None,
        };
        let routes = function.routes();
        routes.iter().find(|route| named.is_some_and(|key| route.is_named(key))).or_else(|| {
            routes
                .iter()
                .find(|route| route.fits(self.request.method().as_str(), self.request.raw_http_path()))
        })
    }

    /// The method of the route that this request came by, in capitals; that of the request if it came by none.
    pub fn method(&self, function: &'static Function) -> &str {
        self.route(function).map_or(self.request.method().as_str(), |route| route.method)
    }

    /// Who makes this request: whoever signed it, by ARN, where the gateway checks signatures, else whoever the request says. A signer whose
    /// ARN the gateway leaves out is nobody that is known; it is not for the request to say then either.
    pub fn maker<'a>(&'a self, said: Option<&'a str>) -> Option<&'a str> {
        let iam = match self.request.request_context_ref() {
            Some(RequestContext::ApiGatewayV2(context)) => {
                context.authorizer.as_ref().and_then(|authorizer| authorizer.iam.as_ref())
            }
            _ => None,
        };
        match iam {
            Some(iam) => iam.user_arn.as_deref().filter(|arn| !arn.is_empty()),
            None => said,
        }
    }

    /// The tenant that `?tenant_id=` narrows the request to, noted in the log, or every tenant.
    ///
    /// # Errors
    /// `invalid_field` if it is no UUID, or the query has anything else.
    pub fn scope(&self) -> Result<Scope, Problem> {
        let mut query = self.query();
        let tenant = query.parsed::<Uuid>("tenant_id", "a UUID");
        query.finish()?;
        if let Some(tenant) = tenant {
            tracing::Span::current().record("tenant.id", tenant.to_string());
        }
        Ok(Scope::from(tenant))
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

    /// The body as `T`, an object, without fields that `T` does not have.
    ///
    /// # Errors
    /// `unsupported_media_type`, `payload_too_large`, `malformed_json`, or `invalid_field` with the pointers.
    pub fn body<T: DeserializeOwned>(&self) -> Result<T, Problem> {
        self.check_media_type()?;
        let bytes: &[u8] = match self.request.body() {
            Body::Text(text) => text.as_bytes(),
            Body::Binary(bytes) => bytes,
            _ => &[],
        };
        if bytes.len() > MAX_BODY_BYTES {
            let detail = format!("The body may have {MAX_BODY_BYTES} bytes, has {}", bytes.len());
            return Err(Problem::new(Code::PayloadTooLarge, detail));
        }
        parse(bytes)
    }

    /// The body as [`Call::body`], or what `T` is by default if there is none.
    ///
    /// # Errors
    /// As [`Call::body`].
    pub fn body_or_default<T: DeserializeOwned + Default>(&self) -> Result<T, Problem> {
        let empty = match self.request.body() {
            Body::Text(text) => text.trim().is_empty(),
            Body::Binary(bytes) => bytes.trim_ascii().is_empty(),
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

fn parse<T: DeserializeOwned>(bytes: &[u8]) -> Result<T, Problem> {
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

    #[test]
    fn who_says_who_it_is_is_believed_only_where_nobody_signs() {
        let event = include_str!("../../../events/catalog.change_status.signed.json");
        let arn = "arn:aws:iam::123456789012:user/bob";
        let maker = |authorizer: Value| {
            let mut event: Value = serde_json::from_str(event).unwrap();
            event["requestContext"]["authorizer"] = authorizer;
            let call = Call::new(lambda_http::request::from_str(&event.to_string()).unwrap());
            call.maker(Some("ann")).map(str::to_owned)
        };
        let iam = |arn: Value| {
            let mut event: Value = serde_json::from_str(event).unwrap();
            let mut authorizer = event["requestContext"]["authorizer"].take();
            authorizer["iam"]["userArn"] = arn;
            maker(authorizer)
        };
        assert_eq!(iam(arn.into()).as_deref(), Some(arn));
        assert_eq!(iam("".into()), None);
        assert_eq!(iam(Value::Null), None);
        assert_eq!(maker(Value::Null).as_deref(), Some("ann"));
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

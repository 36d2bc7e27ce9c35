//! Whole bodies that are no requests: none, not JSON, too large, of another type.

use e2e::Answer;
use reqwest::{Method, RequestBuilder};

use super::{Checker, Claim, Complete, Create, ENDPOINTS, Endpoint, Expected, UNREADABLE, invalid};

const TOO_LARGE: Expected<'static> = Expected::Problem(413, &["payload_too_large"], None);
const UNSUPPORTED: Expected<'static> = Expected::Problem(415, &["unsupported_media_type"], None);
const MALFORMED: Expected<'static> = Expected::Problem(400, &["malformed_json"], None);
const MIB: usize = 1024 * 1024;

/// The good body of an endpoint, blown up with spaces to this many bytes.
fn padded(checker: &Checker, endpoint: Endpoint, size: usize) -> String {
    let good = checker.good(endpoint).to_string();
    format!("{good}{}", " ".repeat(size - good.len()))
}

#[tokio::test]
async fn good_bodies_are_accepted() {
    let mut checker = Checker::new().await;
    for endpoint in ENDPOINTS {
        let good = checker.good(endpoint).to_string();
        checker.post(endpoint, "a good body", good.clone(), Expected::Accepted).await;
        let with_charset = Some("application/json; charset=utf-8");
        checker.post_as(endpoint, "with a charset", with_charset, good, Expected::Accepted).await;
    }
    checker.finish();
}

#[tokio::test]
async fn a_body_that_is_missing_or_not_json_is_malformed() {
    let mut checker = Checker::new().await;
    for endpoint in ENDPOINTS {
        checker.post(endpoint, "no body", "", MALFORMED).await;
        for body in
            ["   ", "nope", "{", "{\"a\":", "{'status':'FAILED'}", "{}{}", "{} x", "{\"a\":1,}", "\u{feff}{}"]
        {
            checker.post(endpoint, body, body, MALFORMED).await;
        }
        checker.post(endpoint, "NUL bytes", b"\0\0\0\0".as_slice(), MALFORMED).await;
        checker.post_as(endpoint, "no body, no content type", None, "", UNREADABLE_OR_UNSUPPORTED).await;
    }
    checker.finish();
}

/// For requests of which the contract does not say what is looked at first.
const UNREADABLE_OR_UNSUPPORTED: Expected<'static> = Expected::Either;

#[tokio::test]
async fn bytes_that_are_no_text_are_refused() {
    let mut checker = Checker::new().await;
    let not_text = b"\xff\xfe".as_slice();
    for endpoint in ENDPOINTS {
        // Not inside of a string: an HTTP API may have replaced them by U+FFFD, which is text, before a function sees them.
        let body = [b"{\"worker_id\":\"a\"", not_text, b"}"].concat();
        let request = checker.stack.request(Method::POST, &checker.path(endpoint));
        let request = request.header("content-type", "application/json").body(body);
        checker.check_bytes(&format!("{endpoint:?}, a body"), request, MALFORMED).await;
    }
    let request = checker.stack.request(Method::POST, &checker.path(Create)).json(&checker.good(Create));
    checker
        .check_bytes("an Idempotency-Key", request.header("Idempotency-Key", not_text), Expected::Either)
        .await;
    checker.finish();
}

impl Checker {
    /// Sends a request with bytes that are no text. `cargo lambda watch` cannot pass them on and answers in its own
    /// words; then there is no answer of ours to look at.
    async fn check_bytes(&mut self, name: &str, request: RequestBuilder, expected: Expected<'_>) {
        let answer = self.stack.send(request).await;
        let emulators = |answer: &Answer| answer.body["type"] == "https://httpstatuses.com/500";
        if !answer.as_ref().is_ok_and(emulators) {
            self.check(name, answer, expected);
        }
    }
}

#[tokio::test]
async fn json_of_another_type_is_no_request() {
    let mut checker = Checker::new().await;
    for endpoint in ENDPOINTS {
        for body in ["[]", "\"text\"", "null", "1", "true", "[{}]"] {
            checker.post(endpoint, body, body, invalid_or_malformed()).await;
        }
        // The fields in a row: a reader that takes an array for an object would accept this.
        let good = checker.good(endpoint);
        let row: Vec<_> = good.as_object().expect("an object").values().collect();
        let row = serde_json::to_string(&row).expect("JSON");
        checker.post(endpoint, "the fields in a row", row, invalid_or_malformed()).await;
    }
    checker.finish();
}

/// The whole body is at fault.
fn invalid_or_malformed() -> Expected<'static> {
    Expected::Problem(400, &["invalid_field", "malformed_json"], Some(""))
}

#[tokio::test]
async fn a_body_beyond_one_mebibyte_is_too_large() {
    let mut checker = Checker::new().await;
    for endpoint in ENDPOINTS {
        let at_the_bound = padded(&checker, endpoint, MIB);
        checker.post(endpoint, "1 MiB", at_the_bound, Expected::Accepted).await;
        for size in [MIB + 1, 2 * MIB] {
            let beyond = padded(&checker, endpoint, size);
            checker.post(endpoint, &format!("{size} bytes"), beyond, TOO_LARGE).await;
        }
        let garbage = "x".repeat(2 * MIB);
        checker.post(endpoint, "2 MiB that are not JSON", garbage, TOO_LARGE).await;
    }
    let text = format!("\"{}\"", "x".repeat(2 * MIB));
    checker.field(Create, "parameters", &format!("{{\"a\":{text}}}"), TOO_LARGE).await;
    checker.field(Complete, "output", &text, TOO_LARGE).await;
    checker.field(Claim, "worker_id", &text, TOO_LARGE).await;
    checker.finish();
}

#[tokio::test]
async fn a_body_of_another_content_type_is_not_supported() {
    let mut checker = Checker::new().await;
    for endpoint in ENDPOINTS {
        let good = checker.good(endpoint).to_string();
        for content_type in ["text/plain", "application/xml", "multipart/form-data; boundary=x", "nonsense"] {
            checker.post_as(endpoint, content_type, Some(content_type), good.clone(), UNSUPPORTED).await;
        }
        let form = Some("application/x-www-form-urlencoded");
        checker.post_as(endpoint, "a form", form, "worker_id=w&status=FAILED", UNSUPPORTED).await;
        checker.post_as(endpoint, "no content type", None, good, UNREADABLE_OR_UNSUPPORTED).await;
    }
    checker.finish();
}

#[tokio::test]
async fn deep_nesting_is_survived() {
    let mut checker = Checker::new().await;
    for depth in [100, 127, 128, 200, 1000, 100_000] {
        for (open, close) in [("[", "]"), ("{\"a\":", "}")] {
            let deep = format!("{}1{}", open.repeat(depth), close.repeat(depth));
            for endpoint in ENDPOINTS {
                checker.post(endpoint, &format!("{depth} × {open}"), deep.clone(), UNREADABLE).await;
            }
            checker.field(Create, "parameters", &format!("{{\"deep\":{deep}}}"), Expected::Either).await;
            checker.field(Complete, "output", &deep, Expected::Either).await;
        }
        let unclosed = "[".repeat(depth);
        checker.post(Create, "brackets that are never closed", unclosed, UNREADABLE).await;
    }
    checker.finish();
}

#[tokio::test]
async fn a_field_given_twice_is_refused() {
    let mut checker = Checker::new().await;
    for endpoint in ENDPOINTS {
        let good = checker.good(endpoint).to_string();
        let field = good.split_once(':').expect("a field").0.trim_start_matches('{').to_owned();
        let twice = format!("{},{field}:\"again\"}}", good.trim_end_matches('}'));
        checker.post(endpoint, &format!("{field} twice"), twice, UNREADABLE).await;
    }
    checker.finish();
}

#[tokio::test]
async fn an_unknown_field_is_refused_by_name() {
    let mut checker = Checker::new().await;
    for endpoint in ENDPOINTS {
        checker.field(endpoint, "surprise", "1", invalid("/surprise")).await;
        checker.field(endpoint, "surprise", "null", invalid("/surprise")).await;
        checker.field(endpoint, "a/b~c", "1", invalid("/a~1b~0c")).await;
        checker.field(endpoint, "Tenant_id", "\"x\"", invalid("/Tenant_id")).await;
    }
    checker.finish();
}

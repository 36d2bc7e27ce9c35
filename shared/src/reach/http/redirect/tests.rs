use serde_json::{Map, Value, json};

use super::*;
use crate::reach::Along;

fn request(method: &str, url: &str, body: Option<&str>) -> Request {
    let Value::Object(with) = json!({"method": method, "url": url, "headers": {"x-own": "1"}, "body": body})
    else {
        unreachable!()
    };
    Request::read(&with, None, Along { idempotency_key: "run/step", traceparent: None }).unwrap()
}

fn answer(status: u16, location: Option<&str>) -> Response {
    let mut answer = http::Response::builder().status(status);
    if let Some(location) = location {
        answer = answer.header(LOCATION, location);
    }
    answer.body("").unwrap().into()
}

fn after(request: &Request, status: u16, location: &str) -> Result<Option<Request>, ReachFailure> {
    next(request, &answer(status, Some(location)), &Expected::read(&Map::new()).unwrap())
}

/// Method, whether there is a body, whether there is a type of it.
fn asked(method: &str, status: u16) -> (String, bool, bool) {
    let request = request(method, "https://example.com/a", Some("text"));
    let next = after(&request, status, "/b").unwrap().expect("it is followed");
    assert_eq!(next.url.as_str(), "https://example.com/b");
    (next.method.to_string(), next.body.is_some(), next.headers.contains_key(CONTENT_TYPE))
}

#[test]
fn a_method_becomes_what_it_becomes_in_browsers() {
    for (method, status, expected) in [
        ("POST", 301, ("GET", false)),
        ("POST", 302, ("GET", false)),
        ("POST", 303, ("GET", false)),
        ("POST", 307, ("POST", true)),
        ("POST", 308, ("POST", true)),
        ("PUT", 301, ("PUT", true)),
        ("PUT", 302, ("PUT", true)),
        ("PUT", 303, ("GET", false)),
        ("DELETE", 303, ("GET", false)),
        ("DELETE", 307, ("DELETE", true)),
        ("HEAD", 303, ("HEAD", true)),
        ("HEAD", 302, ("HEAD", true)),
        ("GET", 303, ("GET", false)),
    ] {
        let (name, body) = expected;
        assert_eq!(asked(method, status), (name.to_owned(), body, body), "{method} {status}");
    }
}

#[test]
fn only_what_says_where_to_is_followed() {
    let request = request("GET", "https://example.com/a", None);
    let expected = Expected::read(&Map::new()).unwrap();
    for status in [200, 201, 300, 304, 305, 306, 400, 503] {
        assert!(after(&request, status, "/b").unwrap().is_none(), "{status}");
    }
    assert!(next(&request, &answer(302, None), &expected).unwrap().is_none());
    let Value::Object(with) = json!({"success_status": ["3xx"]}) else { unreachable!() };
    let expected = Expected::read(&with).unwrap();
    assert!(next(&request, &answer(302, Some("/b")), &expected).unwrap().is_none());
}

#[test]
fn some_places_are_not_gone_to() {
    let secure = request("GET", "https://example.com/a", None);
    for location in [
        "http://example.com/a",
        "http://other.example/",
        "ftp://example.com/",
        "file:///etc/passwd",
        "unix:/run/docker.sock",
        "data:text/plain,a",
        "https://user@example.com/",
        "https://user:word@other.example/",
        "https://",
        "//",
        "https://[::1",
    ] {
        let failure = after(&secure, 302, location).expect_err(location);
        assert_eq!((failure.error.as_str(), failure.passes), ("redirect_refused", false), "{location}");
    }
    let plain = request("GET", "http://example.com/a", None);
    let next = after(&plain, 302, "https://example.com/a#b").unwrap().expect("it is followed");
    assert_eq!(next.url.as_str(), "https://example.com/a");
}

#[test]
fn another_origin_gets_nothing_of_the_steps() {
    let first = request("GET", "https://example.com/a", None);
    assert!(first.headers.contains_key("x-own") && first.headers.contains_key("idempotency-key"));
    for location in [
        "https://other.example/",
        "//other.example/",
        "https://example.com:8443/",
        "https://example.com./",
        "https://a.example.com/",
        "https://127.0.0.1/",
    ] {
        let next = after(&first, 307, location).unwrap().expect("it is followed");
        assert_eq!(next.headers, headers::of_everybody(), "{location}");
        // And not even who it came from.
        let back = after(&next, 307, "https://example.com/a").unwrap().expect("it is followed");
        assert_eq!(back.headers, headers::of_everybody(), "{location}");
    }
    let same = after(&first, 307, "https://EXAMPLE.com:443/b").unwrap().expect("it is followed");
    assert_eq!(same.headers, first.headers);
}

#[test]
fn another_origin_is_asked_and_not_told() {
    for (method, body, status, expected) in [
        ("POST", Some("text"), 307, false),
        ("POST", Some("text"), 308, false),
        ("POST", None, 307, false),
        ("DELETE", None, 307, false),
        ("PUT", Some("text"), 302, false),
        ("GET", Some("text"), 302, false),
        ("POST", Some("text"), 303, true),
        ("POST", Some("text"), 302, true),
        ("DELETE", None, 303, true),
        ("GET", None, 308, true),
        ("HEAD", None, 307, true),
    ] {
        let request = request(method, "https://example.com/a", body);
        let given = after(&request, status, "https://other.example/").map(|next| next.is_some());
        let given = given.map_err(|failure| failure.error);
        let expected = if expected { Ok(true) } else { Err("redirect_refused".to_owned()) };
        assert_eq!(given, expected, "{method} {status}");
    }
}

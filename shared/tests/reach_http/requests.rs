//! What is sent.

use runplane::catalog::HttpAuthType;
use runplane::reach::{Along, HttpDestination};
use runplane::traces::Traceparent;
use serde_json::{Value, json};

use crate::server::{Seen, Server, answer};
use crate::support::{
    ALONG, KEY, LONG, SECRET, call, error, fields, http, named, to, with_headers, with_secret,
};

async fn server() -> Server {
    Server::answering(|_| answer(200, &[], "")).await
}

/// What the server sees of a call that goes well.
async fn sent(server: &Server, destination: &HttpDestination, with: Value) -> Seen {
    http().call(&fields(with), Some(destination), ALONG, LONG).await.unwrap();
    server.seen().pop().expect("it came")
}

#[tokio::test]
async fn a_request_is_what_the_step_and_its_connection_say() {
    let server = server().await;
    let destination = with_headers(to(server.url("/v1/")), &[("X-Team", "data"), ("Accept", "text/csv")]);
    let destination = with_secret(destination, HttpAuthType::Bearer, None, SECRET);
    let with = json!({
        "method": "POST", "path": "/items?x=1", "query": {"n": 2, "tag": ["a", "b c"]},
        "headers": {"X-Batch": 7, "x-dry-run": true, "x-none": null}, "body": {"name": "ä"},
    });
    let seen = sent(&server, &destination, with).await;
    assert_eq!(seen.line, "POST /v1/items?x=1&n=2&tag=a&tag=b+c HTTP/1.1");
    assert_eq!(seen.body, r#"{"name":"ä"}"#);
    let address = server.address.to_string();
    for (name, value) in [
        ("host", Some(address.as_str())),
        ("authorization", Some("Bearer hunter2-hunter2")),
        ("x-team", Some("data")),
        ("x-batch", Some("7")),
        ("x-dry-run", Some("true")),
        ("x-none", None),
        ("accept", Some("text/csv")),
        ("accept-encoding", Some("gzip")),
        ("content-type", Some("application/json")),
        ("content-length", Some("13")),
        ("idempotency-key", Some(KEY)),
        ("user-agent", Some(concat!("runplane/", env!("CARGO_PKG_VERSION")))),
    ] {
        assert_eq!(seen.header(name), value, "{name}");
    }
}

#[tokio::test]
async fn a_step_without_a_method_or_a_body_sends_a_get_without_one() {
    let server = server().await;
    for with in [json!({"path": "/"}), json!({"path": "/", "body": null, "headers": null, "query": null})] {
        let seen = sent(&server, &to(server.url("")), with).await;
        assert_eq!((seen.line.as_str(), seen.body.as_str()), ("GET / HTTP/1.1", ""));
        assert_eq!((seen.header("content-type"), seen.header("content-length")), (None, None));
        assert_eq!(seen.header("idempotency-key"), Some(KEY));
        assert_eq!(seen.header("authorization"), None);
    }
}

#[tokio::test]
async fn a_text_is_sent_as_it_is_and_anything_else_as_json() {
    let server = server().await;
    for (body, sent_body, content_type) in [
        (json!("a \"text\""), "a \"text\"", "text/plain; charset=utf-8"),
        (json!(""), "", "text/plain; charset=utf-8"),
        (json!([1, null, "b"]), "[1,null,\"b\"]", "application/json"),
        (json!(1.5), "1.5", "application/json"),
        (json!(false), "false", "application/json"),
    ] {
        for method in ["POST", "PUT", "PATCH", "DELETE"] {
            let with = json!({"path": "/", "method": method, "body": body});
            let seen = sent(&server, &to(server.url("")), with).await;
            assert_eq!(seen.line, format!("{method} / HTTP/1.1"));
            assert_eq!((seen.body.as_str(), seen.header("content-type")), (sent_body, Some(content_type)));
        }
    }
    let with = json!({"path": "/", "method": "POST", "body": "a,b", "headers": {"Content-Type": "text/csv"}});
    assert_eq!(sent(&server, &to(server.url("")), with).await.header("content-type"), Some("text/csv"));
}

#[tokio::test]
async fn the_steps_headers_win_over_the_connections() {
    let server = server().await;
    let destination = with_headers(to(server.url("")), &[("x-region", "eu"), ("User-Agent", "theirs")]);
    let with =
        json!({"path": "/", "headers": {"X-Region": "us", "user-agent": "mine", "accept-encoding": "br"}});
    let seen = sent(&server, &destination, with).await;
    assert_eq!(seen.header("x-region"), Some("us"));
    assert_eq!(seen.header("user-agent"), Some("mine"));
    assert_eq!(seen.header("accept-encoding"), Some("br"));
}

#[tokio::test]
async fn a_secret_is_sent_as_the_connection_says() {
    let server = server().await;
    for (r#type, name, secret, header, value) in [
        (HttpAuthType::Bearer, None, SECRET, "authorization", "Bearer hunter2-hunter2"),
        (HttpAuthType::Basic, None, "user:pass:wörd", "authorization", "Basic dXNlcjpwYXNzOnfDtnJk"),
        (HttpAuthType::Header, Some("X-Api-Key"), SECRET, "x-api-key", "hunter2-hunter2"),
    ] {
        let destination = with_secret(to(server.url("")), r#type, name, secret);
        let seen = sent(&server, &destination, json!({"path": "/"})).await;
        assert_eq!(seen.header(header), Some(value));
    }
}

#[tokio::test]
async fn a_secret_that_cannot_be_sent_is_not_told() {
    let server = server().await;
    for (r#type, name, secret) in [
        (HttpAuthType::Bearer, None, "hunter2-hunter2\n"),
        (HttpAuthType::Bearer, None, "hunter2\r\nx-evil: hunter2"),
        (HttpAuthType::Basic, None, "hunter2-hunter2"),
        (HttpAuthType::Header, Some("x-api-key"), "hunter2\u{0}hunter2"),
        (HttpAuthType::Header, Some("x-api-key"), "hunter2-ä-hunter2"),
    ] {
        let destination = with_secret(to(server.url("")), r#type, name, secret);
        let failure =
            http().call(&fields(json!({"path": "/"})), Some(&destination), ALONG, LONG).await.unwrap_err();
        assert_eq!((failure.error.as_str(), failure.passes), ("secret_unusable", false), "{secret:?}");
        assert!(!failure.message.contains("hunter2"), "{}", failure.message);
    }
    assert_eq!(server.lines(), 0);
}

#[tokio::test]
async fn a_step_does_not_set_the_header_of_the_secret() {
    let server = server().await;
    for (r#type, name, header) in [
        (HttpAuthType::Bearer, None, "Authorization"),
        (HttpAuthType::Basic, None, "authorization"),
        (HttpAuthType::Header, Some("x-api-key"), "X-API-Key"),
    ] {
        let destination = with_secret(to(server.url("")), r#type, name, "user:word-word");
        let with = fields(json!({"path": "/", "headers": {header: "mine"}}));
        let given = http().call(&with, Some(&destination), ALONG, LONG).await;
        assert_eq!(named(given), error("invalid_request", false), "{header}");
    }
    assert_eq!(server.lines(), 0);
    // Where there is no secret it may.
    let seen =
        sent(&server, &to(server.url("")), json!({"path": "/", "headers": {"Authorization": "mine"}})).await;
    assert_eq!(seen.header("authorization"), Some("mine"));
}

#[tokio::test]
async fn what_cannot_be_asked_for_is_not_sent() {
    let server = server().await;
    let headers = [
        "Host",
        "Content-Length",
        "Transfer-Encoding",
        "Connection",
        "TE",
        "Upgrade",
        "Expect",
        "Proxy-Authorization",
        "proxy-connection",
        "Idempotency-Key",
        "",
        "a b",
        "a\r\nb",
        ":path",
        "ä",
    ];
    let mut all: Vec<Value> = headers.into_iter().map(|name| json!({"headers": {name: "1"}})).collect();
    all.extend([
        json!({"headers": {"x": "a\r\nhost: evil.example"}}),
        json!({"headers": {"x": "a\u{0}"}}),
        json!({"headers": {"x": "ä"}}),
        json!({"headers": {"x": ["a"]}}),
        json!({"headers": {"x": {}}}),
        json!({"headers": {"x": "1", "X": "2"}}),
        json!({"headers": ["x"]}),
        json!({"query": "a=b"}),
        json!({"query": {"a": {"b": 1}}}),
        json!({"method": "CONNECT"}),
        json!({"method": "get"}),
        json!({"method": "GET / HTTP/1.1\r\nx: y"}),
        json!({"method": 1}),
        json!({"path": "users"}),
        json!({"path": "/../admin"}),
        json!({"path": 1}),
        json!({"path": null}),
        json!({"success_status": ["ok"]}),
    ]);
    for with in all {
        let mut with = fields(with);
        with.entry("path").or_insert("/".into());
        let given = http().call(&with, Some(&to(server.url("/v1"))), ALONG, LONG).await;
        assert_eq!(named(given), error("invalid_request", false), "{with:?}");
    }
    assert_eq!(server.lines(), 0);
}

#[tokio::test]
async fn a_connection_that_was_written_past_the_api_is_not_used() {
    let server = server().await;
    let keyless = with_secret(to(server.url("")), HttpAuthType::Bearer, None, SECRET);
    for destination in [
        to("ftp://127.0.0.1/"),
        to("nothing"),
        with_headers(to(server.url("")), &[("Host", "evil.example")]),
        with_headers(to(server.url("")), &[("proxy-authorization", "a")]),
        with_headers(to(server.url("")), &[("x", "a\r\nb: c")]),
        with_secret(to(server.url("")), HttpAuthType::Header, None, SECRET),
        with_secret(to(server.url("")), HttpAuthType::Header, Some("content-length"), SECRET),
        HttpDestination { secret: None, ..keyless },
    ] {
        let given = http().call(&fields(json!({"path": "/"})), Some(&destination), ALONG, LONG).await;
        assert_eq!(named(given), error("invalid_connection", false), "{destination:?}");
    }
    assert_eq!(server.lines(), 0);
}

#[tokio::test]
async fn a_line_is_used_again() {
    let server = server().await;
    let (http, destination) = (http(), to(server.url("")));
    for _ in 0..10 {
        http.call(&fields(json!({"path": "/"})), Some(&destination), ALONG, LONG).await.unwrap();
    }
    // Each may come so soon that the line of the one before is not back yet.
    assert_eq!(server.seen().len(), 10);
    assert!(server.lines() < 6, "{} lines", server.lines());
}

#[tokio::test]
async fn a_failure_tells_neither_the_secret_nor_the_query() {
    let server = Server::answering(|_| answer(403, &[], "no")).await;
    let destination = with_secret(to(server.url("")), HttpAuthType::Bearer, None, SECRET);
    let with = fields(json!({"path": "/in/token-in-path", "query": {"key": "token-in-query"}}));
    let failure = http().call(&with, Some(&destination), ALONG, LONG).await.unwrap_err();
    assert_eq!(failure.message, "127.0.0.1 answered 403 Forbidden: no");
    let gone = call(&Server::sending("").await, json!({"path": "/token-in-path"})).await.unwrap_err();
    assert!(!gone.message.contains("token"), "{}", gone.message);
}

#[tokio::test]
async fn a_trace_goes_along_unless_the_step_or_its_connection_knows_better() {
    let server = server().await;
    let traceparent = Traceparent::read("00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01").unwrap();
    let text = traceparent.to_string();
    let along = Along { idempotency_key: KEY, traceparent: Some(&traceparent) };
    let own = with_headers(to(server.url("")), &[("Traceparent", "the connection's")]);
    for (destination, with, expected) in [
        (to(server.url("")), json!({"path": "/"}), text.as_str()),
        (to(server.url("")), json!({"path": "/", "headers": {"traceparent": null}}), &text),
        (to(server.url("")), json!({"path": "/", "headers": {"TraceParent": "the step's"}}), "the step's"),
        (own, json!({"path": "/"}), "the connection's"),
    ] {
        http().call(&fields(with), Some(&destination), along, LONG).await.unwrap();
        assert_eq!(server.seen().pop().unwrap().header("traceparent"), Some(expected));
    }
}

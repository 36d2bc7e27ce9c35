//! Where requests are sent on to.

use std::sync::{Arc, OnceLock};

use runplane::catalog::HttpAuthType;
use runplane::reach::Along;
use runplane::reach::http::{Http, MAX_REDIRECTS};
use runplane::traces::Traceparent;
use serde_json::json;

use crate::server::{Server, answer};
use crate::support::{
    ALONG, KEY, LONG, Names, SECRET, call, error, fields, get, http, named, to, with_headers, with_secret,
};

/// Sends on to that, all but requests for `/end`.
async fn to_location(status: u16, location: &str) -> Server {
    let redirect = answer(status, &[&format!("location: {location}")], "");
    Server::answering(
        move |seen| if seen.line.contains("/end") { answer(200, &[], "end") } else { redirect.clone() },
    )
    .await
}

#[tokio::test]
async fn a_redirect_is_followed_with_all_that_was_sent() {
    for status in [301, 302, 303, 307, 308] {
        let server = to_location(status, "../end?x=1#y").await;
        let destination = with_headers(to(server.url("/v1")), &[("x-team", "data")]);
        let destination = with_secret(destination, HttpAuthType::Bearer, None, SECRET);
        let with = json!({"path": "/a/b", "method": "POST", "body": "text", "headers": {"x-own": "1"}});
        let given = http().call(&fields(with), Some(&destination), ALONG, LONG).await.unwrap();
        assert_eq!(given["body"], "end");
        let seen = server.seen().pop().unwrap();
        let (line, body, content_type) = match status {
            307 | 308 => ("POST /v1/end?x=1 HTTP/1.1", "text", Some("text/plain; charset=utf-8")),
            _ => ("GET /v1/end?x=1 HTTP/1.1", "", None),
        };
        assert_eq!((seen.line.as_str(), seen.body.as_str()), (line, body), "{status}");
        assert_eq!(seen.header("content-type"), content_type, "{status}");
        for (name, value) in [
            ("authorization", "Bearer hunter2-hunter2"),
            ("x-team", "data"),
            ("x-own", "1"),
            ("idempotency-key", KEY),
        ] {
            assert_eq!(seen.header(name), Some(value), "{status} {name}");
        }
    }
}

#[tokio::test]
async fn another_origin_gets_no_credentials_and_no_headers() {
    let other = Server::answering(|_| answer(200, &[], "other")).await;
    let server = to_location(302, &other.url("/other")).await;
    let destination = with_headers(to(server.url("")), &[("x-team", "data")]);
    let traceparent = Traceparent::read("00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01").unwrap();
    let along = Along { traceparent: Some(&traceparent), ..ALONG };
    for (r#type, name) in [(HttpAuthType::Bearer, None), (HttpAuthType::Header, Some("x-api-key"))] {
        let destination = with_secret(destination.clone(), r#type, name, SECRET);
        let with = fields(json!({"path": "/", "method": "POST", "body": "text", "headers": {"x-own": "1"}}));
        assert_eq!(http().call(&with, Some(&destination), along, LONG).await.unwrap()["body"], "other");
        let seen = other.seen().pop().unwrap();
        let mut names: Vec<_> = seen.headers.iter().map(|(name, _)| name.as_str()).collect();
        names.sort_unstable();
        assert_eq!(names, ["accept", "accept-encoding", "host", "user-agent"]);
        assert_eq!((seen.line.as_str(), seen.body.as_str()), ("GET /other HTTP/1.1", ""));
        let first = server.seen().pop().unwrap();
        assert_eq!(first.header("x-own"), Some("1"));
        assert_eq!(first.header("traceparent"), Some(traceparent.to_string().as_str()));
    }
}

#[tokio::test]
async fn who_is_sent_back_by_another_origin_comes_without_credentials() {
    let server = Arc::new(OnceLock::<Server>::new());
    let back = Arc::clone(&server);
    let other = Server::answering(move |_| {
        let location = back.get().expect("it is there").url("/end");
        answer(302, &[&format!("location: {location}")], "")
    })
    .await;
    let first = to_location(302, &other.url("/")).await;
    let server = server.get_or_init(|| first);
    let destination = with_secret(to(server.url("")), HttpAuthType::Bearer, None, SECRET);
    let given = http().call(&fields(json!({"path": "/"})), Some(&destination), ALONG, LONG).await.unwrap();
    assert_eq!(given["body"], "end");
    let seen = server.seen();
    assert_eq!(seen[0].header("authorization"), Some("Bearer hunter2-hunter2"));
    assert_eq!((seen[1].header("authorization"), seen[1].header("idempotency-key")), (None, None));
}

#[tokio::test]
async fn a_body_is_not_sent_on_to_another_origin() {
    let other = Server::answering(|_| answer(200, &[], "other")).await;
    for status in [307, 308] {
        let server = to_location(status, &other.url("/other")).await;
        let given = call(&server, json!({"path": "/", "method": "POST", "body": "text"})).await;
        assert_eq!(named(given), error("redirect_refused", false));
    }
    assert_eq!(other.lines(), 0);
}

#[tokio::test]
async fn so_many_redirects_are_followed_and_no_more() {
    let endless = to_location(302, "/again").await;
    assert_eq!(named(get(&endless).await), error("too_many_redirects", false));
    assert_eq!(endless.seen().len(), MAX_REDIRECTS + 1);
    let ending = Server::answering(|seen| {
        let hop: usize = seen.line.split(['/', ' ']).nth(2).and_then(|hop| hop.parse().ok()).unwrap_or(0);
        match hop {
            MAX_REDIRECTS => answer(200, &[], "end"),
            hop => answer(302, &[&format!("location: /{}", hop + 1)], ""),
        }
    })
    .await;
    assert_eq!(get(&ending).await.unwrap()["body"], "end");
}

#[tokio::test]
async fn a_redirect_that_is_expected_or_leads_nowhere_is_an_answer() {
    let server = to_location(302, "/end").await;
    let given = call(&server, json!({"path": "/", "success_status": [302]})).await.unwrap();
    assert_eq!((&given["status"], &given["headers"]["location"]), (&json!(302), &json!("/end")));
    let nowhere = Server::answering(|_| answer(302, &[], "")).await;
    assert_eq!(named(get(&nowhere).await), error("http_302", false));
}

#[tokio::test]
async fn each_redirect_is_checked_anew() {
    let names = Names::one("meta.example", &[&["169.254.169.254"]]);
    for (location, expected) in [
        ("http://169.254.169.254/latest/meta-data/", "address_refused"),
        ("http://[::ffff:169.254.169.254]/", "address_refused"),
        ("http://[fd00:ec2::254]/", "address_refused"),
        ("http://0xa9.0xfe.0xa9fe/", "address_refused"),
        ("http://0.0.0.0/", "address_refused"),
        ("http://meta.example/", "address_refused"),
        ("http://user:word@127.0.0.1/", "redirect_refused"),
        ("file:///etc/passwd", "redirect_refused"),
        ("http://[", "redirect_refused"),
    ] {
        let server = to_location(302, location).await;
        let http = Http::with_lookup(names.clone());
        let given = http.call(&fields(json!({"path": "/"})), Some(&to(server.url(""))), ALONG, LONG).await;
        assert_eq!(named(given), error(expected, false), "{location}");
    }
}

//! What a step gets.

use chrono::{TimeDelta, Utc};
use serde_json::{Value, json};

use crate::server::{Server, answer, head};
use crate::support::{call, error, get, named, packed};

async fn got(bytes: Vec<u8>) -> Value {
    get(&Server::sending(bytes).await).await.unwrap()
}

#[tokio::test]
async fn an_answer_is_its_status_its_headers_and_its_body() {
    let bytes = answer(
        201,
        &[
            "Content-Type: application/json; charset=utf-8",
            "Link: <a>; rel=next",
            "X-Many: 1",
            "Set-Cookie: session=secret",
            "x-many: 2",
            "set-cookie: other=secret",
            "X-Empty:",
        ],
        r#"{"id": 12345678901234567890, "rate": 0.1}"#,
    );
    assert_eq!(
        got(bytes).await,
        json!({
            "status": 201,
            "headers": {
                "content-length": "41",
                "content-type": "application/json; charset=utf-8",
                "link": "<a>; rel=next",
                "x-empty": "",
                "x-many": "1, 2",
            },
            "body": {"id": 12_345_678_901_234_567_890_u64, "rate": 0.1},
        })
    );
}

#[tokio::test]
async fn a_body_is_json_a_text_or_base64() {
    for (content_type, body, expected) in [
        ("application/json", &b"[1]"[..], json!([1])),
        ("application/problem+json", b"[1]", json!([1])),
        ("text/plain", b"[1]", json!("[1]")),
        ("application/octet-stream", "tür".as_bytes(), json!("tür")),
        ("application/json", b"", json!(null)),
        ("text/plain", b"", json!(null)),
    ] {
        let given = got(answer(200, &[&format!("content-type: {content_type}")], body)).await;
        assert_eq!(given["body"], expected, "{content_type}");
        assert_eq!(given.get("body_base64"), None, "{content_type}");
    }
    let given = got(answer(200, &["content-type: image/png"], [0x89, b'P', 0xff])).await;
    assert_eq!((&given["body"], &given["body_base64"]), (&json!(null), &json!("iVD/")));
    // Without a type.
    assert_eq!(got(answer(200, &[], "{}")).await["body"], json!("{}"));
}

#[tokio::test]
async fn what_is_said_to_be_json_has_to_be() {
    for body in [&b"<html>"[..], b"{", b"\xff", &[b'['; 100_000]] {
        let server = Server::sending(answer(200, &["content-type: application/json"], body)).await;
        assert_eq!(named(get(&server).await), error("invalid_body", false));
    }
    // A failure is one, whatever its body is.
    let server = Server::sending(answer(503, &["content-type: application/json"], "<html>")).await;
    assert_eq!(named(get(&server).await), error("http_503", true));
}

#[tokio::test]
async fn a_body_that_is_packed_is_unpacked() {
    let headers = ["content-type: application/json", "content-encoding: gzip"];
    let given = got(answer(200, &headers, packed(br#"{"a":1}"#))).await;
    let expected = json!({"status": 200, "headers": {"content-type": "application/json"}, "body": {"a": 1}});
    assert_eq!(given, expected);
    let given = got(answer(200, &["content-encoding: br"], "packed")).await;
    assert_eq!((&given["body"], &given["body_base64"]), (&json!(null), &json!("cGFja2Vk")));
    let server = Server::sending(answer(200, &headers, "{}, and nothing packed")).await;
    assert_eq!(named(get(&server).await), error("invalid_body", false));
    let failed = Server::sending(answer(400, &headers, packed(br#"{"why":1}"#))).await;
    assert_eq!(get(&failed).await.unwrap_err().message, r#"127.0.0.1 answered 400 Bad Request: {"why":1}"#);
}

#[tokio::test]
async fn a_body_comes_in_chunks_or_until_the_line_is_closed() {
    let chunks = [head(200, &["transfer-encoding: chunked"]), b"3\r\nabc\r\n2\r\nde\r\n0\r\n\r\n".to_vec()];
    assert_eq!(got(chunks.concat()).await["body"], json!("abcde"));
    assert_eq!(got([head(200, &[]), b"abcde".to_vec()].concat()).await["body"], json!("abcde"));
}

#[tokio::test]
async fn a_head_and_an_answer_without_content_have_no_body() {
    let bytes =
        head(200, &["content-length: 50000000", "content-type: application/json", "content-encoding: gzip"]);
    let server = Server::answering(move |_| bytes.clone()).await;
    let given = call(&server, json!({"path": "/", "method": "HEAD"})).await.unwrap();
    assert_eq!((&given["status"], &given["body"]), (&json!(200), &json!(null)));
    assert_eq!(given["headers"]["content-length"], "50000000");
    assert_eq!(server.seen()[0].line, "HEAD / HTTP/1.1");
    assert_eq!(got(head(204, &["content-type: application/json"])).await["body"], json!(null));
}

#[tokio::test]
async fn a_status_that_is_no_success_is_an_error_with_its_name() {
    for (status, passes) in [
        (300, false),
        (304, false),
        (400, false),
        (401, false),
        (403, false),
        (404, false),
        (408, true),
        (409, false),
        (410, false),
        (422, false),
        (425, true),
        (429, true),
        (451, false),
        (499, false),
        (500, true),
        (501, true),
        (502, true),
        (503, true),
        (504, true),
        (599, true),
    ] {
        let server = Server::sending(answer(status, &[], "")).await;
        assert_eq!(named(get(&server).await), error(&format!("http_{status}"), passes));
        let given = call(&server, json!({"path": "/", "success_status": [status]})).await.unwrap();
        assert_eq!(given["status"], status);
        let class = format!("{}xx", status / 100);
        assert!(call(&server, json!({"path": "/", "success_status": [class]})).await.is_ok());
    }
    let server = Server::sending(answer(200, &[], "")).await;
    let given = call(&server, json!({"path": "/", "success_status": [201, "4xx"]})).await;
    assert_eq!(named(given), error("http_200", false));
}

#[tokio::test]
async fn a_failure_shows_the_beginning_of_the_body() {
    let body = format!("one\r\ntwo\u{0}{}", "ü".repeat(1000));
    let server = Server::sending(answer(500, &[], &body)).await;
    let message = get(&server).await.unwrap_err().message;
    let expected = format!("127.0.0.1 answered 500 Internal Server Error: one  two {}…", "ü".repeat(491));
    assert_eq!(message, expected);
    // Also of one that is not sent to its end.
    let bytes =
        [head(404, &["content-length: 50000000"]), "no such thing ".repeat(1000).into_bytes()].concat();
    let failure = get(&Server::stalling(bytes).await).await.unwrap_err();
    assert!(failure.message.contains(": no such thing no such"), "{}", failure.message);
    assert_eq!(failure.error, "http_404");
}

#[tokio::test]
async fn what_a_server_asks_to_wait_is_passed_on() {
    let wait = async |status: u16, header: &str| {
        let server = Server::sending(answer(status, &[header], "")).await;
        get(&server).await.unwrap_err().retry_after.map(|wait| wait.as_secs())
    };
    for status in [429, 503, 500, 408] {
        assert_eq!(wait(status, "retry-after: 120").await, Some(120));
    }
    assert_eq!(wait(503, "Retry-After: 86400").await, Some(3600));
    assert_eq!(wait(503, "retry-after: soon").await, None);
    assert_eq!(wait(400, "retry-after: 120").await, None);
    let at =
        (Utc::now() + TimeDelta::seconds(600)).format("Retry-After: %a, %d %b %Y %H:%M:%S GMT").to_string();
    let waits = wait(503, &at).await.expect("the date is read");
    assert!((500..=600).contains(&waits), "{waits}");
}

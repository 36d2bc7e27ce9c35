//! A request as an event of an API Gateway HTTP API, payload format 2.0.

use std::collections::BTreeMap;

use base64::Engine as _;
use base64::prelude::BASE64_STANDARD;
use chrono::Utc;
use http::request::Parts;
use percent_encoding::percent_decode_str;
use serde_json::{Value, json};

use crate::routes::Matched;

/// The event of a request. As at API Gateway, cookies leave the headers, values of one name are joined by commas, and
/// a body that is not of a textual type travels in base64; so does one that is no UTF-8, which JSON could not hold.
pub(super) fn from_request(matched: &Matched<'_>, parts: &Parts, body: &[u8]) -> Value {
    let path = parts.uri.path();
    let header = |name| parts.headers.get(name).map(|v| String::from_utf8_lossy(v.as_bytes()).into_owned());
    let host = header("host").unwrap_or_default();
    let (body, encoded) = body_of(body, &header("content-type").unwrap_or_default());
    let now = Utc::now();

    let mut event = json!({
        "version": "2.0",
        "routeKey": matched.route.key(),
        "rawPath": path,
        "rawQueryString": parts.uri.query().unwrap_or_default(),
        "headers": headers(parts),
        "requestContext": {
            "accountId": "000000000000",
            "apiId": "local",
            "domainName": host,
            "domainPrefix": "local",
            "http": {
                "method": parts.method.as_str(),
                "path": path,
                "protocol": "HTTP/1.1",
                "sourceIp": "127.0.0.1",
                "userAgent": header("user-agent").unwrap_or_default(),
            },
            "requestId": uuid::Uuid::new_v4().to_string(),
            "routeKey": matched.route.key(),
            "stage": "$default",
            "time": now.format("%d/%b/%Y:%H:%M:%S +0000").to_string(),
            "timeEpoch": now.timestamp_millis(),
        },
        "isBase64Encoded": encoded,
    });
    // What is empty is left out, as API Gateway does.
    let cookies = cookies(parts);
    if !cookies.is_empty() {
        event["cookies"] = json!(cookies);
    }
    let query = query(parts.uri.query().unwrap_or_default());
    if !query.is_empty() {
        event["queryStringParameters"] = json!(query);
    }
    if !matched.parameters.is_empty() {
        event["pathParameters"] = matched.parameters.iter().cloned().collect();
    }
    if let Some(body) = body {
        event["body"] = body.into();
    }
    event
}

fn body_of(body: &[u8], content_type: &str) -> (Option<String>, bool) {
    if body.is_empty() {
        return (None, false);
    }
    let kind = content_type.split(';').next().unwrap_or_default().trim().to_ascii_lowercase();
    let textual = kind.starts_with("text/")
        || ["application/json", "application/javascript", "application/xml"].contains(&kind.as_str());
    match std::str::from_utf8(body) {
        Ok(text) if textual => (Some(text.to_owned()), false),
        _ => (Some(BASE64_STANDARD.encode(body)), true),
    }
}

fn headers(parts: &Parts) -> BTreeMap<String, String> {
    let mut headers = BTreeMap::new();
    for (name, value) in &parts.headers {
        if name != "cookie" {
            add(&mut headers, name.as_str(), &String::from_utf8_lossy(value.as_bytes()));
        }
    }
    add(&mut headers, "x-forwarded-for", "127.0.0.1");
    add(&mut headers, "x-forwarded-proto", "http");
    headers
}

fn cookies(parts: &Parts) -> Vec<String> {
    let values = parts.headers.get_all("cookie").iter().filter_map(|v| v.to_str().ok());
    values.flat_map(|v| v.split(';')).map(|c| c.trim().to_owned()).filter(|c| !c.is_empty()).collect()
}

fn query(raw: &str) -> BTreeMap<String, String> {
    let mut query = BTreeMap::new();
    for pair in raw.split('&').filter(|pair| !pair.is_empty()) {
        let (name, value) = pair.split_once('=').unwrap_or((pair, ""));
        add(&mut query, &decode(name), &decode(value));
    }
    query
}

fn decode(text: &str) -> String {
    let spaced = text.replace('+', " ");
    percent_decode_str(&spaced).decode_utf8_lossy().into_owned()
}

/// Joins values of one name by commas.
fn add(map: &mut BTreeMap<String, String>, name: &str, value: &str) {
    map.entry(name.to_owned())
        .and_modify(|old| {
            old.push(',');
            old.push_str(value);
        })
        .or_insert_with(|| value.to_owned());
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::routes::Route;

    fn event(request: http::Request<&[u8]>) -> Value {
        let route =
            Route { method: Some("POST".into()), path: "/api/runs/{run_id}".into(), function: "f".into() };
        let matched = Matched { route: &route, parameters: vec![("run_id".into(), "7".into())] };
        let (parts, body) = request.into_parts();
        from_request(&matched, &parts, body)
    }

    #[test]
    fn a_request_becomes_an_event_of_format_2_0() {
        let request = http::Request::post("http://h/api/runs/7?status=A&status=B&label.x=a%26b+c&empty")
            .header("Host", "h")
            .header("Content-Type", "application/json; charset=utf-8")
            .header("X-Twice", "1")
            .header("X-Twice", "2")
            .header("Cookie", "a=1; b=2")
            .body(r#"{"ü":1}"#.as_bytes());
        let event = event(request.unwrap());
        assert_eq!(event["version"], "2.0");
        assert_eq!(event["routeKey"], "POST /api/runs/{run_id}");
        assert_eq!(event["rawPath"], "/api/runs/7");
        assert_eq!(event["rawQueryString"], "status=A&status=B&label.x=a%26b+c&empty");
        assert_eq!(
            event["queryStringParameters"],
            json!({ "status": "A,B", "label.x": "a&b c", "empty": "" })
        );
        assert_eq!(event["pathParameters"], json!({ "run_id": "7" }));
        assert_eq!(event["headers"]["x-twice"], "1,2");
        assert_eq!(event["headers"]["cookie"], Value::Null);
        assert_eq!(event["cookies"], json!(["a=1", "b=2"]));
        assert_eq!(event["requestContext"]["http"]["method"], "POST");
        assert_eq!(event["requestContext"]["http"]["path"], "/api/runs/7");
        let time = event["requestContext"]["time"].as_str().unwrap();
        let time = chrono::DateTime::parse_from_str(time, "%d/%b/%Y:%H:%M:%S %z").unwrap();
        assert_eq!(time.timestamp(), event["requestContext"]["timeEpoch"].as_i64().unwrap() / 1000);
        assert_eq!(event["body"], r#"{"ü":1}"#);
        assert_eq!(event["isBase64Encoded"], false);
    }

    #[test]
    fn a_body_that_is_not_text_travels_in_base64() {
        for (content_type, body) in
            [("application/octet-stream", b"plain".as_slice()), ("application/json", b"\xff\0".as_slice())]
        {
            let request = http::Request::post("/").header("content-type", content_type).body(body);
            let event = event(request.unwrap());
            assert_eq!(event["isBase64Encoded"], true, "{content_type}");
            assert_eq!(BASE64_STANDARD.decode(event["body"].as_str().unwrap()).unwrap(), body);
        }
    }

    #[test]
    fn a_request_without_a_body_has_none_in_the_event() {
        let event = event(http::Request::post("/").body(b"".as_slice()).unwrap());
        assert_eq!((&event["body"], &event["isBase64Encoded"]), (&Value::Null, &json!(false)));
        assert!(event.get("queryStringParameters").is_none());
    }
}

//! A function's answer as the response of an API Gateway HTTP API, payload format 2.0.

use std::collections::BTreeMap;

use axum::body::Body;
use axum::http::Response;
use base64::Engine as _;
use base64::prelude::BASE64_STANDARD;
use serde::Deserialize;
use serde_json::Value;

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Answer {
    status_code: u16,
    headers: Option<BTreeMap<String, Value>>,
    multi_value_headers: Option<BTreeMap<String, Vec<String>>>,
    cookies: Option<Vec<String>>,
    body: Option<String>,
    is_base64_encoded: Option<bool>,
}

/// The response that `answer` describes; JSON without a `statusCode` is the body of a 200, as at API Gateway. A header
/// that is in both maps counts with its several values.
///
/// `None` when the answer is malformed: no JSON, a wrong type, no status or header, no base64.
pub(super) fn to_response(answer: &[u8]) -> Option<Response<Body>> {
    let value: Value = serde_json::from_slice(answer).ok()?;
    if value.get("statusCode").is_none() {
        let response = Response::builder().header("content-type", "application/json");
        return response.body(Body::from(value.to_string())).ok();
    }
    let answer: Answer = serde_json::from_value(value).ok()?;

    let several: BTreeMap<String, Vec<String>> = answer.multi_value_headers.into_iter().flatten().collect();
    let mut response = Response::builder().status(answer.status_code);
    for (name, value) in answer.headers.into_iter().flatten() {
        if several.keys().all(|other| !other.eq_ignore_ascii_case(&name)) {
            let text = value.as_str().map_or_else(|| value.to_string(), str::to_owned);
            response = response.header(name, text);
        }
    }
    for (name, values) in several {
        for value in values {
            response = response.header(&name, value);
        }
    }
    for cookie in answer.cookies.into_iter().flatten() {
        response = response.header("set-cookie", cookie);
    }

    let body = answer.body.unwrap_or_default();
    let body = match answer.is_base64_encoded {
        Some(true) => BASE64_STANDARD.decode(body).ok()?,
        _ => body.into_bytes(),
    };
    response.body(Body::from(body)).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn an_answer_becomes_status_headers_cookies_and_body() {
        let response = to_response(
            br#"{"statusCode": 201, "headers": {"Location": "/x", "X-A": "one"}, "multiValueHeaders": {"x-a": ["1", "2"]},
                 "cookies": ["a=1", "b=2"], "body": "/wA=", "isBase64Encoded": true}"#,
        )
        .unwrap();
        assert_eq!(response.status(), 201);
        assert_eq!(response.headers()["location"], "/x");
        let all =
            |name| response.headers().get_all(name).iter().map(|v| v.to_str().unwrap()).collect::<Vec<_>>();
        assert_eq!(all("x-a"), ["1", "2"]);
        assert_eq!(all("set-cookie"), ["a=1", "b=2"]);
        let body = axum::body::to_bytes(response.into_body(), 10).await.unwrap();
        assert_eq!(body.as_ref(), b"\xff\0");
    }

    #[test]
    fn json_without_a_status_is_the_body_of_a_200() {
        let response = to_response(br#"{"ok": true}"#).unwrap();
        assert_eq!(
            (response.status().as_u16(), &response.headers()["content-type"]),
            (200, &"application/json".parse().unwrap())
        );
    }

    #[test]
    fn a_malformed_answer_is_none() {
        for answer in [
            "",
            "no json",
            r#"{"statusCode": "x"}"#,
            r#"{"statusCode": 99}"#,
            r#"{"statusCode": 200, "headers": {"a b": "c"}}"#,
            r#"{"statusCode": 200, "body": "?", "isBase64Encoded": true}"#,
        ] {
            assert!(to_response(answer.as_bytes()).is_none(), "{answer}");
        }
    }
}

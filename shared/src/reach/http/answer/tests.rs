use http::HeaderValue;
use serde_json::json;

use super::*;

fn expected(list: Value) -> Option<Expected> {
    let Value::Object(with) = json!({"success_status": list}) else { unreachable!() };
    Expected::read(&with).ok()
}

fn with_type(content_type: Option<&str>) -> HeaderMap {
    let pair = content_type.map(|value| (CONTENT_TYPE, HeaderValue::from_str(value).unwrap()));
    pair.into_iter().collect()
}

fn body(content_type: Option<&str>, bytes: &[u8]) -> (Value, Option<String>) {
    read_body(&with_type(content_type), bytes.to_vec(), Packing::None).unwrap()
}

fn body_error(content_type: &str, bytes: &[u8]) -> String {
    read_body(&with_type(Some(content_type)), bytes.to_vec(), Packing::None).unwrap_err().error
}

#[test]
fn a_success_is_named_by_numbers_and_classes() {
    let all: Vec<u16> = (100..=599).collect();
    let statuses = |expected: &Expected| -> Vec<u16> {
        let is_success = |code: &u16| expected.is_success(StatusCode::from_u16(*code).unwrap());
        all.iter().copied().filter(is_success).collect()
    };
    assert_eq!(statuses(&Expected::read(&Map::new()).unwrap()), (200..=299).collect::<Vec<_>>());
    assert_eq!(statuses(&expected(json!(["1xx", "5xx"])).unwrap()).len(), 200);
    assert_eq!(statuses(&expected(json!([404, 200.0, 404])).unwrap()), [200, 404]);
    assert_eq!(statuses(&expected(json!([])).unwrap()), [0_u16; 0]);
    for wrong in
        [json!(200), json!([99]), json!([600]), json!([200.5]), json!(["6xx"]), json!(["200"]), json!([null])]
    {
        assert_eq!(expected(wrong.clone()), None, "{wrong}");
    }
}

#[test]
fn json_is_read_where_the_type_says_so() {
    for content_type in [
        "application/json",
        "Application/JSON; charset=utf-8",
        "application/problem+json",
        "application/vnd.example.v2+JSON ; a=b",
    ] {
        assert_eq!(
            body(Some(content_type), br#"{"a":[1,2.5]}"#),
            (json!({"a": [1, 2.5]}), None),
            "{content_type}"
        );
        assert_eq!(body_error(content_type, b"<html>"), "invalid_body", "{content_type}");
        assert_eq!(body_error(content_type, b"{} {}"), "invalid_body", "{content_type}");
        assert_eq!(body_error(content_type, b"\"\xff\""), "invalid_body", "{content_type}");
        assert_eq!(body(Some(content_type), b""), (Value::Null, None), "{content_type}");
    }
    assert_eq!(body(Some("application/json"), "\u{feff}[1]".as_bytes()), (json!([1]), None));
}

/// Each of them takes much more memory than it has bytes.
#[test]
fn json_of_too_many_values_is_not_parsed() {
    let many = format!("[{}0]", "{},".repeat(MAX_VALUES / 2));
    assert_eq!(body_error("application/json", many.as_bytes()), "body_too_large");
}

#[test]
fn json_that_is_nested_without_end_is_an_error() {
    assert_eq!(body_error("application/json", &[b'['; 5_000_000]), "body_too_large");
    assert_eq!(body_error("application/json", &[b'['; 200_000]), "invalid_body");
    assert_eq!(body_error("application/json", "{\"a\":".repeat(100_000).as_bytes()), "invalid_body");
}

#[test]
fn everything_else_is_a_text_if_it_can_be() {
    for content_type in [None, Some("text/html"), Some("application/octet-stream"), Some("application/jsonl")]
    {
        assert_eq!(body(content_type, "{\"ä\"".as_bytes()), (json!("{\"ä\""), None));
        assert_eq!(body(content_type, b"\x00\xff\xfe"), (Value::Null, Some("AP/+".to_owned())));
        assert_eq!(body(content_type, b""), (Value::Null, None));
    }
}

#[test]
fn what_is_packed_in_another_way_is_not_read() {
    let headers = with_type(Some("application/json"));
    let given = read_body(&headers, b"{}".to_vec(), Packing::Other).unwrap();
    assert_eq!(given, (Value::Null, Some("e30=".to_owned())));
}

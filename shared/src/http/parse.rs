//! JSON into a type, strictly: every fault with the place where it is.

use serde::de::{DeserializeOwned, IgnoredAny};
use serde_json::Value;

use crate::problem::{Code, FieldError, Problem};
use crate::strict;

/// An object as `T`, without fields that `T` does not have.
///
/// # Errors
/// `malformed_json`, or `invalid_field` with the pointers.
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

/// What is no JSON.
pub(super) fn malformed(error: &serde_json::Error) -> Problem {
    Problem::new(Code::MalformedJson, format!("The body is not JSON: {error}"))
}

#[cfg(test)]
mod tests {
    use serde::Deserialize;

    use super::*;
    use crate::http::call::MAX_BODY_BYTES;

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

//! JSON as the old service kept it, made into what jsonb and the API can hold.
//!
//! A `json` column keeps the text that was sent: NUL and lone surrogates in strings, keys given twice, numbers that no double
//! holds. jsonb refuses the first two, and a number too large for a double could not be answered by the API.

mod doubles;
mod rewrite;

use serde_json::Value;

use rewrite::{Rewritten, rewrite};

/// JSON that can be stored, and what was changed for it.
#[derive(Debug)]
pub(super) struct Clean {
    /// What is stored. Long numbers have all their digits.
    pub text: String,
    /// The same as the API shows it: numbers as 64-bit integers or doubles.
    pub value: Value,
    /// One phrase for each kind of change.
    pub changes: Vec<String>,
}

/// Reads JSON text.
///
/// # Errors
/// A phrase that says why it cannot be kept: it is no JSON, or nested too deeply for the API.
pub(super) fn clean(text: &str) -> Result<Clean, String> {
    let Rewritten { text, nul, surrogates, quoted, long } = rewrite(text);
    let value: Value =
        serde_json::from_str(&text).map_err(|error| format!("cannot be read as JSON: {error}"))?;
    let doubles = doubles::doubles(&text).map_err(|error| format!("cannot be read as JSON: {error}"))?;

    let mut changes = Vec::new();
    if nul > 0 {
        changes.push(format!("the character NUL, {}, became the symbol U+2400", times(nul)));
    }
    if surrogates > 0 {
        changes.push(format!("half a character (lone surrogate), {}, became U+FFFD", times(surrogates)));
    }
    if quoted > 0 {
        changes.push(format!("a number that no double holds, {}, became a string", times(quoted)));
    }
    if long > 0 {
        changes.push(format!(
            "a number with more digits than a double has, {}, is kept whole in the database and rounded by the API",
            times(long)
        ));
    }
    if !doubles.is_empty() {
        changes
            .push(format!("of the values of a key given twice, the last was kept: {}", doubles.join(", ")));
    }
    Ok(Clean { text, value, changes })
}

fn times(count: usize) -> String {
    if count == 1 { "once".to_owned() } else { format!("{count} times") }
}

/// JSON text as it is stored. Two are equal if the API shows them alike.
#[derive(Clone, Debug, serde::Serialize, sqlx::Type)]
#[serde(transparent)]
#[sqlx(transparent)]
pub(super) struct JsonText(pub String);

impl JsonText {
    /// The canonical form: sorted keys, no spaces, numbers as the API shows them.
    pub fn canonical(&self) -> String {
        serde_json::from_str(&self.0).map_or_else(|_| self.0.clone(), canonical)
    }
}

impl PartialEq for JsonText {
    fn eq(&self, other: &Self) -> bool {
        self.0 == other.0 || self.canonical() == other.canonical()
    }
}

/// Sorted keys, no spaces.
pub(super) fn canonical(mut value: Value) -> String {
    value.sort_all_objects();
    value.to_string()
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn ordinary_json_comes_out_as_it_is() {
        for text in [
            r#"{"a": [1, -2.5e3, "x\"y\\", "\u00e4", "\ud83d\ude00", null, true, "ä-1"]}"#,
            "{}",
            "null",
            "[]",
        ] {
            let clean = clean(text).unwrap();
            assert_eq!((clean.text.as_str(), clean.changes), (text, vec![]));
        }
    }

    #[test]
    fn what_jsonb_cannot_hold_is_replaced_and_told() {
        let cases = [
            (r#"{"a":"x\u0000y\u0000"}"#, json!({"a": "x␀y␀"}), "NUL, 2 times"),
            (r#"{"\u0000":1}"#, json!({"␀": 1}), "NUL, once"),
            (r#"["\ud800", "\udc00\ud83d"]"#, json!(["\u{fffd}", "\u{fffd}\u{fffd}"]), "surrogate), 3 times"),
            (r#"["\\u0000\u0000"]"#, json!(["\\u0000␀"]), "NUL, once"),
            ("[1e400,-1E999]", json!(["1e400", "-1E999"]), "a number that no double holds, 2 times"),
            ("[1e-9999,0e-9999]", json!(["1e-9999", 0.0]), "a number that no double holds, once"),
        ];
        for (text, value, change) in cases {
            let clean = clean(text).unwrap();
            assert_eq!(clean.value, value, "{text}");
            assert!(
                clean.changes.len() == 1 && clean.changes[0].contains(change),
                "{text}: {:?}",
                clean.changes
            );
        }
    }

    #[test]
    fn long_numbers_keep_their_digits_in_the_text() {
        let clean = clean("[123456789012345678901234567890, 18446744073709551615, 0.1]").unwrap();
        assert!(clean.text.contains("123456789012345678901234567890"), "{}", clean.text);
        assert_eq!(clean.changes.len(), 1);
        assert!(clean.changes[0].contains("more digits than a double has, once"), "{:?}", clean.changes);
    }

    #[test]
    fn keys_given_twice_are_named_wherever_they_stand() {
        let clean = clean(r#"{"a":1,"b":[{"x/y":1,"x/y":2}],"a":{"c":1},"a":3}"#).unwrap();
        assert_eq!(clean.value, json!({"a": 3, "b": [{"x/y": 2}]}));
        assert_eq!(clean.changes, ["of the values of a key given twice, the last was kept: /b/0/x~1y, /a"]);
    }

    #[test]
    fn what_is_no_json_or_too_deep_is_refused() {
        assert!(clean("{'a': 1}").unwrap_err().contains("cannot be read as JSON"));
        assert!(clean("1-2").is_err());
        let deep = format!("{}{}", "[".repeat(200), "]".repeat(200));
        assert!(clean(&deep).unwrap_err().contains("recursion limit"));
    }

    #[test]
    fn json_text_is_compared_by_what_the_api_shows() {
        let text = |text: &str| JsonText(text.to_owned());
        assert_eq!(text(r#"{"b":1,"a":2}"#), text(r#"{"a": 2, "b": 1}"#));
        assert_ne!(text("{}"), text("[]"));
    }
}

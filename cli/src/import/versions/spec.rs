//! The dag_spec of a version of the old service.

use crate::import::json;
use crate::import::source::MAX_TEXT;

/// A dag_spec is an object here. Anything else becomes one that only its own workers understand.
///
/// # Errors
/// Why it cannot be here, in a sentence.
pub(super) fn fit(text: &str, changes: &mut Vec<String>) -> Result<json::Clean, String> {
    if text.len() > MAX_TEXT {
        return Err(format!("its dag_spec has more than {MAX_TEXT} bytes: the API could not answer it"));
    }
    let mut spec = json::clean(text).map_err(|why| format!("its dag_spec {why}"))?;
    changes.extend(spec.changes.drain(..).map(|change| format!("dag_spec: {change}")));
    if !spec.value.is_object() {
        spec.text = format!(r#"{{"kind":"imported","value":{}}}"#, spec.text);
        spec.value = serde_json::json!({"kind": "imported", "value": spec.value});
        changes.push(r#"dag_spec is no object: it is {"kind":"imported","value":…} here, which only a worker outside can run"#.to_owned());
    }
    Ok(spec)
}

/// SHA-256 over the canonical form, as an approval stores it, in hex.
pub(super) fn digest(spec: serde_json::Value) -> String {
    runplane::canonical::sha256(spec).iter().map(|byte| format!("{byte:02x}")).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_spec_that_is_no_object_becomes_an_opaque_one() {
        for (text, stored) in [
            ("[1,2]", r#"{"kind":"imported","value":[1,2]}"#),
            ("null", r#"{"kind":"imported","value":null}"#),
            ("\"x\"", r#"{"kind":"imported","value":"x"}"#),
        ] {
            let mut changes = Vec::new();
            let spec = fit(text, &mut changes).unwrap();
            assert_eq!(spec.text, stored);
            assert_eq!(spec.value, serde_json::from_str::<serde_json::Value>(stored).unwrap());
            assert_eq!(changes.len(), 1);
        }
    }

    #[test]
    fn the_digest_is_that_of_the_canonical_form() {
        let spec = serde_json::from_str(r#"{"steps": [], "kind" : "dag_v1"}"#).unwrap();
        // echo -n '{"kind":"dag_v1","steps":[]}' | sha256sum
        assert_eq!(digest(spec), "e504c12bafefee475ad0e4974de884b1304586c94dd9bbb628197c82a2390b47");
    }
}

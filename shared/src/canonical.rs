//! The canonical form of JSON: keys sorted, no spaces. What it says is what it is, however it was written.

use serde_json::Value;
use sha2::{Digest, Sha256};

/// SHA-256 over the canonical form.
pub fn sha256(mut value: Value) -> Vec<u8> {
    value.sort_all_objects();
    Sha256::digest(value.to_string()).to_vec()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn digest(text: &str) -> String {
        hex::encode(sha256(serde_json::from_str(text).unwrap()))
    }

    /// Stored with every approved version: if one of these changes, their digests no longer say what they are.
    #[test]
    fn the_digest_of_a_spec_stays_what_it_is() {
        // printf '{}' | sha256sum
        assert_eq!(digest("{}"), "44136fa355b3678a1146ad16f7e8649e94fb4fc21fe77e8310c060f61caaff8a");
        // printf '{"kind":"dag_v1","steps":["a",{"id":"ü","n":1.5}]}' | sha256sum
        let pinned = "84e86b07eea6370803b82447ecb478e851858de06e2895feba2e1da9288d40d4";
        assert_eq!(digest(r#"{"steps": ["a", {"n": 1.50, "id": "\u00fc"}], "kind": "dag_v1"}"#), pinned);
        assert_ne!(digest(r#"{"kind": "dag_v1", "steps": [{"id": "ü", "n": 1.5}, "a"]}"#), pinned);
    }
}

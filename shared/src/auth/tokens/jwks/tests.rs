use serde_json::json;

use super::*;

fn text(bytes: usize) -> String {
    URL_SAFE_NO_PAD.encode(vec![0xc1; bytes])
}

fn rsa(more: Value) -> Value {
    with(json!({"kty": "RSA", "n": text(256), "e": "AQAB"}), more)
}

fn ec(more: Value) -> Value {
    with(json!({"kty": "EC", "crv": "P-256", "x": text(32), "y": text(32)}), more)
}

fn with(mut key: Value, more: Value) -> Value {
    for (name, value) in more.as_object().unwrap() {
        key[name] = value.clone();
    }
    key
}

fn keys(keys: &[Value]) -> Keys {
    Keys::read(json!({"keys": keys}).to_string().as_bytes()).unwrap()
}

fn fits(keys: &Keys, kid: Option<&str>, algorithm: Algorithm) -> bool {
    keys.find(Wanted { kid, algorithm }).is_some()
}

#[test]
fn a_key_is_used_with_the_algorithms_of_its_kind_only() {
    let kinds = [
        (rsa(json!({})), algorithm::OF_RSA),
        (ec(json!({})), algorithm::OF_P256),
        (ec(json!({"crv": "P-384", "x": text(48), "y": text(48)})), algorithm::OF_P384),
        (json!({"kty": "OKP", "crv": "Ed25519", "x": text(32)}), algorithm::OF_ED25519),
    ];
    let all = kinds.iter().flat_map(|(_, algorithms)| *algorithms);
    let all: Vec<_> = all.chain([&Algorithm::HS256, &Algorithm::HS512]).collect();
    for (key, algorithms) in &kinds {
        let keys = keys(std::slice::from_ref(key));
        for algorithm in &all {
            assert_eq!(fits(&keys, None, **algorithm), algorithms.contains(algorithm), "{key} {algorithm:?}");
        }
    }
}

#[test]
fn a_key_that_names_its_algorithm_is_used_with_no_other() {
    let keys = keys(&[rsa(json!({"alg": "PS256"}))]);
    assert!(fits(&keys, None, Algorithm::PS256));
    assert!(!fits(&keys, None, Algorithm::RS256));
}

#[test]
fn keys_for_something_else_and_of_unknown_kinds_are_left_out() {
    let others = [
        rsa(json!({"use": "enc"})),
        rsa(json!({"alg": "RSA-OAEP"})),
        rsa(json!({"alg": "HS256"})),
        rsa(json!({"alg": "none"})),
        rsa(json!({"key_ops": ["encrypt"]})),
        rsa(json!({"n": text(128)})),
        rsa(json!({"n": text(1025)})),
        rsa(json!({"n": "?"})),
        rsa(json!({"n": null})),
        rsa(json!({"e": 65537})),
        ec(json!({"alg": "ES384"})),
        ec(json!({"crv": "P-384"})),
        ec(json!({"crv": "secp256k1"})),
        ec(json!({"crv": null})),
        ec(json!({"x": text(31)})),
        json!({"kty": "OKP", "crv": "Ed25519", "x": text(31)}),
        json!({"kty": "OKP", "crv": "X25519", "x": text(32)}),
        json!({"kty": "oct", "k": text(32)}),
        json!({"kty": "oct", "alg": "HS256", "k": text(32)}),
        json!({"kty": "AKP", "pub": text(32)}),
        json!("x"),
    ];
    for other in others {
        assert!(keys(std::slice::from_ref(&other)).0.is_empty(), "{other}");
        let beside = keys(&[other.clone(), ec(json!({"use": "sig", "key_ops": ["verify"]}))]);
        assert!(fits(&beside, None, Algorithm::ES256), "{other}");
    }
}

#[test]
fn where_more_than_one_key_fits_the_token_has_to_name_one() {
    let keys = keys(&[rsa(json!({"kid": "a"})), rsa(json!({"kid": "b"})), ec(json!({"kid": "a"}))]);
    assert!(fits(&keys, Some("a"), Algorithm::RS256));
    assert!(fits(&keys, Some("b"), Algorithm::RS512));
    assert!(fits(&keys, Some("a"), Algorithm::ES256));
    assert!(fits(&keys, None, Algorithm::ES256), "there is but one");
    assert!(!fits(&keys, None, Algorithm::RS256));
    assert!(!fits(&keys, Some("b"), Algorithm::ES256));
    assert!(!fits(&keys, Some("c"), Algorithm::RS256));
}

#[test]
fn a_key_without_a_name_fits_no_token_that_names_one() {
    let keys = keys(&[ec(json!({}))]);
    assert!(fits(&keys, None, Algorithm::ES256));
    assert!(!fits(&keys, Some("a"), Algorithm::ES256));
    assert!(!fits(&keys, Some(""), Algorithm::ES256));
}

#[test]
fn two_keys_of_one_name_fit_nothing() {
    let keys = keys(&[ec(json!({"kid": "a"})), ec(json!({"kid": "a"}))]);
    assert!(!fits(&keys, Some("a"), Algorithm::ES256));
}

#[test]
fn a_pinned_set_has_public_keys_and_nothing_else() {
    let pinned = |keys: Value| Keys::pinned(&json!({"keys": keys}).to_string());
    assert!(pinned(json!([ec(json!({})), rsa(json!({"use": "enc"}))])).is_some());
    assert!(pinned(json!([])).is_none());
    assert!(pinned(json!([rsa(json!({"use": "enc"}))])).is_none());
    assert!(pinned(json!([ec(json!({})), ec(json!({"d": text(32)}))])).is_none());
    assert!(pinned(json!([ec(json!({})), {"kty": "oct", "k": text(32)}])).is_none());
    for text in ["", "{}", "[]", "null", "https://issuer/keys", r#"{"keys": {}}"#, r#"{"keys": [}"#] {
        assert!(Keys::pinned(text).is_none(), "{text}");
    }
}

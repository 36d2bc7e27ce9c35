//! Tokens that somebody else has made.

use aws_lc_rs::hmac;
use runplane::auth::tokens::Tokens;
use serde_json::{Value, json};

use crate::issuer::Issuer;
use crate::keys::{Key, encode, unsigned};
use crate::support::{claims, outcome, settings, tokens, with};

#[tokio::test]
async fn a_key_of_another_issuer_proves_nothing() {
    let [ours, theirs] = [Key::new("a", "ES256"), Key::new("a", "ES256")];
    let issuer = Issuer::new(&[&ours]).await;
    let other = Issuer::new(&[&theirs]).await;
    let tokens = tokens(&issuer);
    assert_eq!(outcome(&tokens, &theirs.token(&claims(&issuer))).await, "invalid");
    assert_eq!(outcome(&tokens, &theirs.token(&claims(&other))).await, "invalid");
    assert_eq!(outcome(&tokens, &ours.token(&claims(&issuer))).await, "in");
    assert_eq!(other.requests(), 0);
}

#[tokio::test]
async fn a_key_that_the_token_brings_along_proves_nothing() {
    let [ours, theirs] = [Key::new("a", "ES256"), Key::new("theirs", "ES256")];
    let issuer = Issuer::new(&[&ours]).await;
    let other = Issuer::new(&[&theirs]).await;
    let tokens = tokens(&issuer);
    let headers = [
        json!({"alg": "ES256", "jwk": theirs.jwk()}),
        json!({"alg": "ES256", "kid": "a", "jwk": theirs.jwk()}),
        json!({"alg": "ES256", "kid": "theirs", "jwk": theirs.jwk(), "jku": other.on_host("/keys")}),
        json!({"alg": "ES256", "kid": "a", "jku": other.on_host("/keys"), "x5u": other.on_host("/keys")}),
        json!({"alg": "ES256", "kid": other.on_host("/keys")}),
        json!({"alg": "ES256", "kid": "../../../dev/null"}),
    ];
    for header in headers {
        assert_eq!(outcome(&tokens, &theirs.signed(&header, &claims(&issuer))).await, "invalid", "{header}");
    }
    assert_eq!(other.requests(), 0);
}

#[tokio::test]
async fn a_token_without_a_signature_is_refused_before_anybody_is_asked() {
    let key = Key::new("a", "ES256");
    let issuer = Issuer::new(&[&key]).await;
    let tokens = tokens(&issuer);
    let signature = key.token(&claims(&issuer)).rsplit('.').next().unwrap().to_owned();
    for alg in ["none", "None", "NONE", "nOnE", ""] {
        let message = unsigned(&json!({"alg": alg, "kid": "a"}), &claims(&issuer));
        for token in [format!("{message}."), message.clone(), format!("{message}.{signature}")] {
            assert_eq!(outcome(&tokens, &token).await, "invalid", "{token}");
        }
    }
    assert_eq!(issuer.requests(), 0);
    let message = unsigned(&json!({"alg": "ES256", "kid": "a"}), &claims(&issuer));
    for token in [format!("{message}."), message.clone(), format!("{message}.{}", encode([0; 64]))] {
        assert_eq!(outcome(&tokens, &token).await, "invalid", "{token}");
    }
}

#[tokio::test]
async fn an_hmac_with_the_public_key_as_its_secret_is_refused_before_anybody_is_asked() {
    let keys = [Key::new("rsa", "RS256"), Key::new("ec", "ES256"), Key::new("ed", "EdDSA")];
    let issuer = Issuer::new(&keys.each_ref()).await;
    let tokens = tokens(&issuer);
    for key in &keys {
        let jwk = key.jwk();
        let member = |name: &str| jwk[name].as_str().unwrap_or_default().to_owned();
        let secrets = [
            jwk.to_string().into_bytes(),
            issuer.jwks().into_bytes(),
            member("n").into_bytes(),
            member("x").into_bytes(),
            decoded(&member("n")),
            decoded(&member("x")),
            // As the library that is used here holds a key of a curve.
            [&[4][..], &decoded(&member("x")), &decoded(&member("y"))].concat(),
        ];
        for secret in secrets.iter().filter(|secret| !secret.is_empty()) {
            let digests =
                [("HS256", hmac::HMAC_SHA256), ("HS384", hmac::HMAC_SHA384), ("HS512", hmac::HMAC_SHA512)];
            for (alg, algorithm) in digests {
                let message = unsigned(&json!({"alg": alg, "kid": key.kid}), &claims(&issuer));
                let signature = hmac::sign(&hmac::Key::new(algorithm, secret), message.as_bytes());
                let token = format!("{message}.{}", encode(signature));
                assert_eq!(outcome(&tokens, &token).await, "invalid", "{alg} {}", key.kid);
            }
        }
    }
    assert_eq!(issuer.requests(), 0);
    // Not even where the issuer itself shows a secret.
    let secret = [7; 32];
    issuer.shows(vec![json!({"kty": "oct", "kid": "hmac", "alg": "HS256", "k": encode(secret)})]);
    let message = unsigned(&json!({"alg": "HS256", "kid": "hmac"}), &claims(&issuer));
    let signature = hmac::sign(&hmac::Key::new(hmac::HMAC_SHA256, &secret), message.as_bytes());
    assert_eq!(outcome(&tokens, &format!("{message}.{}", encode(signature))).await, "invalid");
}

#[tokio::test]
async fn an_algorithm_that_is_not_the_keys_is_refused() {
    let keys = [Key::new("rsa", "RS256"), Key::new("p256", "ES256"), Key::new("p384", "ES384")];
    let issuer = Issuer::new(&keys.each_ref()).await;
    let tokens = tokens(&issuer);
    for (key, alg) in [(0, "ES256"), (0, "EdDSA"), (1, "RS256"), (1, "ES384"), (1, "EdDSA"), (2, "ES256")] {
        let token = keys[key].signed(&json!({"alg": alg, "kid": keys[key].kid}), &claims(&issuer));
        assert_eq!(outcome(&tokens, &token).await, "invalid", "{} {alg}", keys[key].kid);
    }
    // Signed with RS256, and it says PS256, as its key does.
    let mut jwk = keys[0].jwk();
    jwk["alg"] = json!("PS256");
    issuer.shows(vec![jwk]);
    let tokens = Tokens::new(settings(&issuer.url));
    let of = |said: &str, used: &str| {
        keys[0].signed_with(used, &json!({"alg": said, "kid": "rsa"}), &claims(&issuer))
    };
    assert_eq!(outcome(&tokens, &of("PS256", "PS256")).await, "in");
    assert_eq!(outcome(&tokens, &of("PS256", "RS256")).await, "invalid");
    assert_eq!(outcome(&tokens, &of("RS256", "RS256")).await, "invalid");
}

#[tokio::test]
async fn a_token_that_was_changed_is_refused() {
    let key = Key::new("a", "ES256");
    let issuer = Issuer::new(&[&key]).await;
    let tokens = tokens(&issuer);
    let token = key.token(&claims(&issuer));
    let parts: Vec<_> = token.split('.').collect();
    let promoted = with(claims(&issuer), json!({"tenant_id": null, "roles": ["operator"]}));
    let changed = [
        format!("{}.{}.{}", parts[0], encode(promoted.to_string()), parts[2]),
        format!("{}.{}.{}", encode(json!({"alg": "ES256"}).to_string()), parts[1], parts[2]),
        format!("{}.{}.{}", parts[0], parts[1], encode(vec![1; 64])),
        format!("{}.{}.{}", parts[0], parts[1], &parts[2][..40]),
        format!("{token}="),
        format!("{token}."),
        format!("{token}.{}", parts[2]),
        format!(" {token}"),
    ];
    for token in changed {
        assert_eq!(outcome(&tokens, &token).await, "invalid", "{token}");
    }
    assert_eq!(outcome(&tokens, &token).await, "in");
}

#[tokio::test]
async fn what_is_no_token_is_refused_and_nobody_is_asked() {
    let key = Key::new("a", "ES256");
    let issuer = Issuer::new(&[&key]).await;
    let tokens = tokens(&issuer);
    let deep = format!("{}{}", "[".repeat(5000), "]".repeat(5000));
    let header = encode(json!({"alg": "ES256", "kid": "a"}).to_string());
    let texts = [
        String::new(),
        ".".to_owned(),
        "..".to_owned(),
        "....".to_owned(),
        "a.b.c".to_owned(),
        "' or 1=1 --".to_owned(),
        format!("{header}.{}.c2ln", encode(&deep[..4000])),
        format!("{}.{header}.c2ln", encode(&deep[..4000])),
        format!("{header}.{}.c2ln", encode(Value::Null.to_string())),
        // Encrypted, in five parts.
        format!("{}.a.b.c.d", encode(json!({"alg": "RSA-OAEP", "enc": "A256GCM"}).to_string())),
    ];
    for text in texts {
        assert_eq!(outcome(&tokens, &text).await, "invalid", "{text}");
    }
    assert_eq!(issuer.requests(), 0);
}

fn decoded(text: &str) -> Vec<u8> {
    use base64::Engine as _;
    base64::engine::general_purpose::URL_SAFE_NO_PAD.decode(text).unwrap()
}

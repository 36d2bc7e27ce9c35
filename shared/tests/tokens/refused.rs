//! Tokens that the issuer has signed, and that let nobody in.

use runplane::auth::tokens::MAX_TOKEN_BYTES;
use serde_json::json;

use crate::issuer::Issuer;
use crate::keys::Key;
use crate::support::{AUDIENCE, at, claims, outcome, tokens, with};

#[tokio::test]
async fn what_has_expired_or_is_not_valid_yet_is_refused() {
    let key = Key::new("a", "ES256");
    let issuer = Issuer::new(&[&key]).await;
    let tokens = tokens(&issuer);
    let changes = [
        json!({"exp": at(-31)}),
        json!({"exp": 0}),
        json!({"exp": -1}),
        json!({"exp": null}),
        json!({"exp": at(300).to_string()}),
        json!({"exp": [at(300)]}),
        json!({"nbf": at(40)}),
        json!({"nbf": at(-300).to_string()}),
        json!({"nbf": true}),
    ];
    for changes in changes {
        let token = key.token(&with(claims(&issuer), changes.clone()));
        assert_eq!(outcome(&tokens, &token).await, "invalid", "{changes}");
    }
    assert_eq!(outcome(&tokens, &key.token(&claims(&issuer))).await, "in");
}

#[tokio::test]
async fn what_is_for_somebody_else_is_refused() {
    let key = Key::new("a", "ES256");
    let issuer = Issuer::new(&[&key]).await;
    let tokens = tokens(&issuer);
    let others = [
        json!(null),
        json!(""),
        json!("Runplane"),
        json!("runplane2"),
        json!("runplane "),
        json!("others runplane"),
        json!([]),
        json!(["others", "runplane2"]),
        json!([[AUDIENCE]]),
        json!({"runplane": true}),
    ];
    for aud in others {
        let token = key.token(&with(claims(&issuer), json!({"aud": aud})));
        assert_eq!(outcome(&tokens, &token).await, "invalid", "{aud}");
    }
}

#[tokio::test]
async fn what_says_it_is_of_another_issuer_is_refused_and_nobody_is_asked() {
    let key = Key::new("a", "ES256");
    let issuer = Issuer::new(&[&key]).await;
    let tokens = tokens(&issuer);
    let others = [
        json!(null),
        json!(""),
        json!(format!("{}/", issuer.url)),
        json!(issuer.url.to_uppercase()),
        json!([issuer.url]),
        json!("https://issuer.example"),
    ];
    for iss in others {
        let token = key.token(&with(claims(&issuer), json!({"iss": iss})));
        assert_eq!(outcome(&tokens, &token).await, "invalid", "{iss}");
    }
    assert_eq!(issuer.requests(), 0);
}

#[tokio::test]
async fn what_names_nobody_or_no_tenant_that_can_be_read_is_refused() {
    let key = Key::new("a", "ES256");
    let issuer = Issuer::new(&[&key]).await;
    let tokens = tokens(&issuer);
    let changes = [
        json!({"sub": null}),
        json!({"sub": ""}),
        json!({"sub": 7}),
        json!({"sub": "a\nb"}),
        json!({"sub": "a".repeat(201)}),
        json!({"tenant_id": "acme"}),
        json!({"tenant_id": ""}),
        json!({"tenant_id": 7, "roles": ["operator"]}),
    ];
    for changes in changes {
        let token = key.token(&with(claims(&issuer), changes.clone()));
        assert_eq!(outcome(&tokens, &token).await, "invalid", "{changes}");
    }
}

#[tokio::test]
async fn a_token_that_is_too_large_is_not_read() {
    let key = Key::new("a", "ES256");
    let issuer = Issuer::new(&[&key]).await;
    let tokens = tokens(&issuer);
    let of = |bytes: usize| key.token(&with(claims(&issuer), json!({"more": "x".repeat(bytes)})));
    let large = of(MAX_TOKEN_BYTES);
    assert!(large.len() > MAX_TOKEN_BYTES);
    assert_eq!(outcome(&tokens, &large).await, "invalid");
    assert_eq!(issuer.requests(), 0);
    let fits = (5000..MAX_TOKEN_BYTES).rev().map(of).find(|token| token.len() <= MAX_TOKEN_BYTES).unwrap();
    assert!(fits.len() > MAX_TOKEN_BYTES - 4);
    assert_eq!(outcome(&tokens, &fits).await, "in");
}

#[tokio::test]
async fn what_the_issuer_signs_for_other_ends_is_refused() {
    let key = Key::new("a", "ES256");
    let issuer = Issuer::new(&[&key]).await;
    let tokens = tokens(&issuer);
    for r#type in ["logout+jwt", "secevent+jwt", "dpop+jwt"] {
        let token = key.signed(&json!({"alg": "ES256", "kid": "a", "typ": r#type}), &claims(&issuer));
        assert_eq!(outcome(&tokens, &token).await, "invalid", "{type}");
    }
    let header = json!({"alg": "ES256", "kid": "a", "crit": ["exp"], "exp": 1});
    assert_eq!(outcome(&tokens, &key.signed(&header, &claims(&issuer))).await, "invalid");
}

use runplane::auth::Role;
use serde_json::json;

use crate::issuer::Issuer;
use crate::keys::Key;
use crate::support::{AUDIENCE, at, bob, claims, outcome, somebody, tokens, with};

#[tokio::test]
async fn a_token_of_the_issuer_says_who_it_is() {
    let key = Key::new("a", "ES256");
    let issuer = Issuer::new(&[&key]).await;
    let principal = tokens(&issuer).principal(&key.token(&claims(&issuer))).await.unwrap();
    assert_eq!(principal, bob(&issuer));
}

#[tokio::test]
async fn every_algorithm_with_a_public_key_is_taken() {
    let keys = [
        Key::new("rsa", "RS256"),
        Key::new("p256", "ES256"),
        Key::new("p384", "ES384"),
        Key::new("ed", "EdDSA"),
    ];
    let issuer = Issuer::new(&keys.each_ref()).await;
    let tokens = tokens(&issuer);
    let claims = claims(&issuer);
    for key in &keys {
        assert_eq!(outcome(&tokens, &key.token(&claims)).await, "in", "{}", key.alg);
    }
    for alg in ["RS384", "RS512", "PS256", "PS384", "PS512"] {
        let token = keys[0].signed_with(alg, &json!({"alg": alg, "kid": "rsa"}), &claims);
        assert_eq!(outcome(&tokens, &token).await, "in", "{alg}");
    }
    assert_eq!(issuer.requests(), 2);
}

#[tokio::test]
async fn a_token_for_several_is_for_us_too() {
    let key = Key::new("a", "ES256");
    let issuer = Issuer::new(&[&key]).await;
    let claims = with(claims(&issuer), json!({"aud": ["others", AUDIENCE]}));
    assert_eq!(outcome(&tokens(&issuer), &key.token(&claims)).await, "in");
}

#[tokio::test]
async fn clocks_may_differ_by_half_a_minute() {
    let key = Key::new("a", "ES256");
    let issuer = Issuer::new(&[&key]).await;
    let tokens = tokens(&issuer);
    let changes = [
        json!({"exp": at(-20)}),
        json!({"nbf": at(20)}),
        json!({"exp": at(300), "nbf": at(-300), "iat": at(300)}),
        json!({"exp": at(300) as f64 + 0.5}),
    ];
    for changes in changes {
        let token = key.token(&with(claims(&issuer), changes.clone()));
        assert_eq!(outcome(&tokens, &token).await, "in", "{changes}");
    }
}

#[tokio::test]
async fn the_only_key_need_not_be_named() {
    let [signing, other] = [Key::new("a", "ES256"), Key::new("b", "EdDSA")];
    let issuer = Issuer::new(&[&signing, &other]).await;
    let token = signing.signed(&json!({"alg": "ES256"}), &claims(&issuer));
    assert_eq!(outcome(&tokens(&issuer), &token).await, "in");
}

#[tokio::test]
async fn a_token_without_a_tenant_is_an_operators() {
    let key = Key::new("a", "ES256");
    let issuer = Issuer::new(&[&key]).await;
    let tokens = tokens(&issuer);
    let changes = json!({"tenant_id": null, "roles": ["operator", "worker", "admin"]});
    let principal = tokens.principal(&key.token(&with(claims(&issuer), changes))).await.unwrap();
    assert_eq!(principal, somebody(&issuer, "bob", None, &[Role::Operator]));
    let changes = json!({"tenant_id": null, "roles": ["admin"]});
    let principal = tokens.principal(&key.token(&with(claims(&issuer), changes))).await.unwrap();
    assert_eq!(principal, somebody(&issuer, "bob", None, &[]), "who may do nothing");
}

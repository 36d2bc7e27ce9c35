use runplane::auth::tokens::Tokens;
use serde_json::json;

use crate::issuer::Issuer;
use crate::keys::Key;
use crate::support::{bob, claims, outcome, read};

#[tokio::test]
async fn pinned_keys_are_never_fetched() {
    let [pinned, other] = ["a", "b"].map(|kid| Key::new(kid, "ES256"));
    let issuer = Issuer::new(&[&other]).await;
    let jwks = json!({"keys": [pinned.jwk()]}).to_string();
    let tokens = Tokens::new(read(&issuer.url, Some(jwks), "tenant_id", "roles"));
    assert_eq!(tokens.principal(&pinned.token(&claims(&issuer))).await.unwrap(), bob(&issuer));
    assert_eq!(outcome(&tokens, &other.token(&claims(&issuer))).await, "invalid");
    let unnamed = pinned.signed(&json!({"alg": "ES256"}), &claims(&issuer));
    assert_eq!(outcome(&tokens, &unnamed).await, "in");
    issuer.go_away();
    assert_eq!(outcome(&tokens, &pinned.token(&claims(&issuer))).await, "in");
    assert_eq!(issuer.requests(), 0);
}

#[tokio::test]
async fn where_two_pinned_keys_fit_a_token_has_to_name_its_own() {
    let [old, new] = ["a", "b"].map(|kid| Key::new(kid, "ES256"));
    let issuer = Issuer::new(&[]).await;
    let jwks = json!({"keys": [old.jwk(), new.jwk()]}).to_string();
    let tokens = Tokens::new(read(&issuer.url, Some(jwks), "tenant_id", "roles"));
    for key in [&old, &new] {
        assert_eq!(outcome(&tokens, &key.token(&claims(&issuer))).await, "in");
        let unnamed = key.signed(&json!({"alg": "ES256"}), &claims(&issuer));
        assert_eq!(outcome(&tokens, &unnamed).await, "invalid");
    }
    let swapped = old.signed(&json!({"alg": "ES256", "kid": "b"}), &claims(&issuer));
    assert_eq!(outcome(&tokens, &swapped).await, "invalid");
}

//! Tokens as they come from issuers that many have, with the settings that docs/security.md gives for each.

use runplane::auth::tokens::Tokens;
use runplane::auth::{Principal, Role};
use serde_json::{Value, json};

use crate::issuer::Issuer;
use crate::keys::Key;
use crate::support::{AUDIENCE, TENANT, at, read, somebody};

/// Who somebody is whose token has these claims, beside those of every token.
async fn principal(issuer: &Issuer, key: &Key, claims: Value, tenant: &str, roles: &str) -> Principal {
    let mut all = json!({"iss": issuer.url, "exp": at(300), "iat": at(0)});
    all.as_object_mut().unwrap().extend(claims.as_object().unwrap().clone());
    let tokens = Tokens::new(read(&issuer.url, None, tenant, roles));
    tokens.principal(&key.token(&all)).await.unwrap()
}

#[tokio::test]
async fn keycloak_has_roles_further_in_and_a_key_for_encryption() {
    let key = Key::new("FJ86GcF3jTbNLOco4NvZkUCIUmfYCqoqtOQeMfbhNlE", "RS256");
    let issuer = Issuer::at("/realms/main", &[]).await;
    let mut encryption = Key::new("enc", "RS256").jwk();
    encryption["use"] = json!("enc");
    encryption["alg"] = json!("RSA-OAEP");
    let mut signing = key.jwk();
    signing["alg"] = json!("RS256");
    signing["x5c"] = json!(["MIIClzCCAX8CBgF"]);
    issuer.shows(vec![encryption, signing]);
    let claims = json!({
        "auth_time": 0, "jti": "onrtac:f4a9", "aud": [AUDIENCE, "account"], "sub": "f1ed2a5c-6bb1", "typ": "Bearer", "azp": "console",
        "sid": "a1", "acr": "1", "allowed-origins": ["https://console.example"], "scope": "openid email profile",
        "realm_access": {"roles": ["default-roles-main", "offline_access", "admin"]},
        "resource_access": {"runplane": {"roles": ["submitter", "approver"]}, "account": {"roles": ["manage-account"]}},
        "tenant_id": TENANT, "preferred_username": "bob",
    });
    let expected = |roles: &[Role]| somebody(&issuer, "f1ed2a5c-6bb1", Some(TENANT), roles);
    let of_client =
        principal(&issuer, &key, claims.clone(), "tenant_id", "/resource_access/runplane/roles").await;
    assert_eq!(of_client, expected(&[Role::Submitter, Role::Approver]));
    let of_realm = principal(&issuer, &key, claims, "tenant_id", "/realm_access/roles").await;
    assert_eq!(of_realm, expected(&[Role::Admin]));
}

#[tokio::test]
async fn auth0_has_claims_whose_names_are_urls_and_a_slash_at_the_end_of_its_own() {
    let key = Key::new("NjVBRjY5MDlCMUIwNzU4RTA2QzZFMDQ4QzQ2MDAyQjVDNjk1RTM2Qg", "RS256");
    let issuer = Issuer::at("/", &[]).await;
    let mut signing = key.jwk();
    signing["alg"] = json!("RS256");
    signing["x5t"] = json!("NjVBRjY5MDlCMUIwNzU4RTA2QzZFMDQ4QzQ2MDAyQjVDNjk1RTM2Qg");
    issuer.shows(vec![signing, Key::new("next", "RS256").jwk()]);
    let claims = json!({
        "https://runplane.example/tenant": TENANT, "https://runplane.example/roles": ["worker"], "sub": "auth0|65f0c2",
        "aud": [AUDIENCE, "https://main.eu.auth0.example/userinfo"], "scope": "openid profile", "azp": "my_client",
    });
    let (tenant, roles) = ("https://runplane.example/tenant", "https://runplane.example/roles");
    let principal = principal(&issuer, &key, claims, tenant, roles).await;
    assert_eq!(principal, somebody(&issuer, "auth0|65f0c2", Some(TENANT), &[Role::Worker]));
}

#[tokio::test]
async fn entra_has_roles_of_the_application_and_keys_without_an_algorithm() {
    let key = Key::new("L1KfKFI_jnXbwWc22xZxw1sUHH0", "RS256");
    let issuer = Issuer::at("/0199e0c0-0000-7000-8000-0000000000ee/v2.0", &[]).await;
    let others = [Key::new("other", "RS256").jwk(), key.jwk()].map(|mut jwk| {
        jwk["issuer"] = json!(issuer.url);
        jwk["x5c"] = json!(["MIIC/TCCAeWgAwIBAgIIZ"]);
        jwk
    });
    issuer.shows(others.to_vec());
    let claims = json!({
        "aud": AUDIENCE, "nbf": at(0), "aio": "AWQAm/8T", "azp": "0199e0c0", "azpacr": "1", "oid": "0199e0c0-0000-7000-8000-0000000000ff",
        "rh": "0.AX", "roles": ["admin", "viewer"], "sub": "RNTRXQnAoCM46scRMYYvDLbA7QT93LDgjETGwRMvQ7Y",
        "tid": "0199e0c0-0000-7000-8000-0000000000ee", "uti": "Z", "ver": "2.0", "tenant_id": TENANT,
    });
    let subject = claims["sub"].as_str().unwrap().to_owned();
    let principal = principal(&issuer, &key, claims, "tenant_id", "roles").await;
    assert_eq!(principal, somebody(&issuer, &subject, Some(TENANT), &[Role::Viewer, Role::Admin]));
}

#[tokio::test]
async fn cognito_has_groups_and_attributes_of_its_own() {
    let key = Key::new("1234example=", "RS256");
    let issuer = Issuer::at("/eu-central-1_Example", &[]).await;
    let signing = [Key::new("5678example=", "RS256").jwk(), key.jwk()].map(|mut jwk| {
        jwk["alg"] = json!("RS256");
        jwk
    });
    issuer.shows(signing.to_vec());
    let claims = json!({
        "sub": "aaaaaaaa-bbbb-cccc-dddd-eeeeeeeeeeee", "cognito:groups": ["submitter", "eu-central-1_Example_Google"], "email_verified": true,
        "cognito:username": "bob", "custom:tenant_id": TENANT, "origin_jti": "a", "aud": AUDIENCE, "event_id": "b", "token_use": "id",
        "auth_time": at(0), "jti": "c",
    });
    let principal = principal(&issuer, &key, claims, "custom:tenant_id", "cognito:groups").await;
    let expected =
        somebody(&issuer, "aaaaaaaa-bbbb-cccc-dddd-eeeeeeeeeeee", Some(TENANT), &[Role::Submitter]);
    assert_eq!(principal, expected);
}

#[tokio::test]
async fn roles_may_be_scopes() {
    let key = Key::new("a", "ES256");
    let issuer = Issuer::new(&[&key]).await;
    let claims =
        json!({"sub": "bob", "aud": AUDIENCE, "tenant_id": TENANT, "scope": "openid viewer approver"});
    let principal = principal(&issuer, &key, claims, "tenant_id", "scope").await;
    assert_eq!(principal, somebody(&issuer, "bob", Some(TENANT), &[Role::Viewer, Role::Approver]));
}

//! What no credential is, however much it looks like one.

use e2e::Stack;
use serde_json::json;

/// Whoever sends these is nobody, and is told nothing more.
async fn is_nobody(stack: &Stack, authorization: &[String], why: &str) {
    let stack = stack.with_headers(authorization);
    for (name, value) in [
        ("x-tenant-id", "580115b4-a291-4917-8dbd-247cfa13e2d6"),
        ("x-roles", "operator"),
        ("x-amzn-request-context", r#"{"authorizer":{"iam":{"userArn":"arn:aws:iam::1:root"}}}"#),
        ("x-amz-security-token", "x"),
    ] {
        let request = stack.request(reqwest::Method::GET, "/api/runs").header(name, value);
        let answer = stack.answer(request).await;
        answer.expect_problem(401, "unauthenticated");
        assert_eq!(
            answer.detail(),
            "Send a valid credential: `Authorization: Bearer` with an API key or a token",
            "{why}"
        );
        assert_eq!(answer.header("www-authenticate"), "Bearer", "{why}");
    }
}

#[tokio::test]
async fn what_only_looks_like_a_credential_is_none() {
    let stack = Stack::connect().await;
    let tenant = stack.tenant().await;
    let (one, other) = (stack.key(None, &["operator"]).await, stack.key(Some(tenant.id), &["viewer"]).await);
    let (id, secret) = (&other[..36], &one[36..]);
    let claims = |alg: &str| {
        let part = |value: serde_json::Value| base64(&value.to_string());
        let payload = json!({ "iss": "https://issuer.example", "sub": "x", "aud": "runplane", "roles": ["operator"], "exp": 4_000_000_000_u64 });
        format!("{}.{}.", part(json!({ "alg": alg, "typ": "JWT" })), part(payload))
    };
    let bearer = |text: &str| format!("Bearer {text}");
    let forged = [
        (vec![], "nothing"),
        (vec![bearer(&one), bearer(&one)], "two headers"),
        (vec![bearer(&one), bearer(&other)], "two keys"),
        (vec![bearer(&format!("{one},{one}"))], "two keys in one header"),
        (vec![one.clone()], "no scheme"),
        (vec![format!("Basic {one}")], "another scheme"),
        (vec![bearer(&format!("{id}{secret}"))], "the id of one key with the secret of another"),
        (vec![bearer(&format!("{one}A"))], "a longer secret"),
        (vec![bearer(&one[..one.len() - 1])], "a shorter secret"),
        (vec![bearer(&one.to_uppercase())], "in capitals"),
        (vec![bearer("rp_' or '1'='1_x")], "SQL"),
        (vec![bearer("rp_00000000000000000000000000000000_';drop/**/table/**/api_keys;--")], "more SQL"),
        (vec![bearer(&format!("rp_{}_{}", "0".repeat(32), &one[36..]))], "an id that is none"),
        (vec![bearer(&claims("none"))], "alg none"),
        (vec![bearer(&format!("{}c2ln", claims("HS256")))], "signed by anybody"),
        (vec![bearer(&"a".repeat(7000))], "long"),
    ];
    let drops_one = std::env::var_os("RUNPLANE_ONE_HEADER").is_some();
    for (authorization, why) in forged.into_iter().filter(|(values, _)| values.len() < 2 || !drops_one) {
        is_nobody(&stack, &authorization, why).await;
    }
    stack.with(Some(&one)).get("/api/runs?limit=1").await;
    stack.with(Some(&other)).get("/api/runs").await.expect(200);
}

/// As tokens write it: without padding, and with letters that a URL may have.
fn base64(text: &str) -> String {
    const LETTERS: &[u8; 64] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";
    let mut encoded = String::new();
    for chunk in text.as_bytes().chunks(3) {
        let bits =
            chunk.iter().fold(0_u32, |bits, byte| bits << 8 | u32::from(*byte)) << (8 * (3 - chunk.len()));
        for at in 0..=chunk.len() {
            encoded.push(LETTERS[(bits >> (18 - 6 * at)) as usize & 63] as char);
        }
    }
    encoded
}

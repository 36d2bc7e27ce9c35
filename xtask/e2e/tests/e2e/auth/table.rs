//! Every endpoint, with each kind of credential, about one's own things, another tenant's, and things that are not.

use e2e::{Stack, Validity};
use uuid::Uuid;

use super::endpoints::{Endpoint, ROLES, all};
use super::things::{Things, picture};

/// What a client may tell two answers by.
fn told(answer: &e2e::Answer, asked_for: &Things) -> String {
    let mut body = answer.body.clone();
    if let Some(fields) = body.as_object_mut() {
        fields.remove("request_id");
    }
    // The ids that were asked for are no news.
    let mut text = format!("{} {body}", answer.status);
    for id in [asked_for.tenant.id, asked_for.running, asked_for.queued, asked_for.failed, asked_for.key] {
        text = text.replace(&id.to_string(), "[id]");
    }
    text
}

/// Asks for everybody's things, and expects this problem each time.
async fn refused(endpoint: &Endpoint, stack: &Stack, whose: &[&Things], status: u16, code: &str, why: &str) {
    for things in whose {
        let (_, answer) = endpoint.ask(stack, things).await;
        let fault = answer.problem(status, &[code]);
        assert_eq!(fault, Ok(()), "{} {} {why}\n{answer}", endpoint.method, endpoint.path);
    }
}

async fn one(stack: &Stack, endpoint: &Endpoint) {
    let (own, other) = (Things::of_a_tenant(stack).await, Things::of_a_tenant(stack).await);
    let nobodys = Things::that_are_not();
    let everybodys = [&own, &other, &nobodys];
    let tenants = [own.tenant.id, other.tenant.id];
    let tenant = Some(own.tenant.id);
    let of = |role: &'static str| async move {
        let tenant = if role == "operator" { None } else { tenant };
        stack.key(tenant, &[role]).await
    };
    let mut allowed = Vec::new();
    for role in ROLES {
        allowed.push((role, endpoint.roles.contains(&role), of(role).await));
    }
    let right = *endpoint.roles.first().expect("somebody may");
    let mut useless = vec![("malformed", "rp_x".to_owned())];
    let right_tenant = if right == "operator" { None } else { tenant };
    for (why, validity) in [("expired", Validity::Expired), ("revoked", Validity::Revoked)] {
        useless.push((why, stack.key_that_is(validity, right_tenant, &[right]).await));
    }
    let before = picture(stack, &tenants).await;

    refused(endpoint, &stack.with(None), &everybodys, 401, "unauthenticated", "without a key").await;
    for (why, key) in &useless {
        refused(endpoint, &stack.with(Some(key)), &everybodys, 401, "unauthenticated", why).await;
    }
    let expected = endpoint.expected();
    for (role, is_allowed, key) in &allowed {
        let holder = stack.with(Some(key));
        if !is_allowed {
            refused(endpoint, &holder, &everybodys, 403, "forbidden", role).await;
        } else if *role != "operator" {
            let [others, nones] =
                [endpoint.ask(&holder, &other).await, endpoint.ask(&holder, &nobodys).await];
            for (status, answer) in [&others, &nones] {
                assert_eq!(
                    *status, expected.missing,
                    "{} {} as {role}\n{answer}",
                    endpoint.method, endpoint.path
                );
            }
            assert_eq!(told(&others.1, &other), told(&nones.1, &nobodys), "another tenant's and nobody's");
        }
    }
    let after = picture(stack, &tenants).await;
    assert_eq!(before, after, "{} {}: what is refused changes nothing", endpoint.method, endpoint.path);

    let key = allowed.iter().find(|(role, ..)| *role == right).map(|(.., key)| key.as_str());
    let (status, answer) = endpoint.ask(&stack.with(key), &own).await;
    assert_eq!(status, expected.done, "{} {} as {right}\n{answer}", endpoint.method, endpoint.path);
}

#[tokio::test]
async fn every_endpoint_lets_in_whom_the_policy_names_to_their_own_things() {
    let stack = Stack::connect().await;
    for endpoint in all() {
        one(&stack, &endpoint).await;
    }
}

#[tokio::test]
async fn a_key_that_is_revoked_over_the_api_is_of_no_use_to_an_environment_that_has_not_seen_it() {
    let stack = Stack::connect().await;
    let tenant = stack.tenant().await;
    let admin = stack.with(Some(&stack.key(Some(tenant.id), &["admin"]).await));
    let made = admin.post("/api/keys", &serde_json::json!({ "name": "ci", "roles": ["viewer"] })).await;
    let made = made.expect(201).clone();
    assert_eq!(made["tenant_id"], tenant.id.to_string());
    let id: Uuid = e2e::id_of(&made);
    let text = made["key"].as_str().expect("the key, this once");
    admin.delete(&format!("/api/keys/{id}")).await.expect(200);
    stack.with(Some(text)).get("/api/runs").await.expect_problem(401, "unauthenticated");
    let listed = admin.get("/api/keys").await;
    assert!(!listed.text.contains(text.splitn(3, '_').nth(2).expect("a secret")), "{listed}");
}

//! Who may ask for what, by real keys.

use runplane::auth::Role;
use runplane::testing::{captured_log, key, with_key};
use serde_json::{Value, json};
use sqlx::postgres::{PgConnectOptions, PgPoolOptions};
use uuid::Uuid;

use super::{TENANT, answer, locked, log, with_body};

const CREATE: &str = include_str!("../../../../events/admin.create_key.json");
const LIST: &str = include_str!("../../../../events/admin.json");
const REVOKE: &str = include_str!("../../../../events/admin.revoke_key.json");
const AUDIT: &str = include_str!("../../../../events/admin.list_audit.json");
/// The other tenant of the demo data.
const OTHER: &str = "0199e0c0-0000-7000-8000-000000000002";

fn tenant() -> Option<Uuid> {
    Some(Uuid::parse_str(TENANT).expect("a UUID"))
}

#[sqlx::test(migrator = "runplane::MIGRATOR")]
async fn an_admin_gives_away_what_is_its_tenants(_pool: PgPoolOptions, options: PgConnectOptions) {
    let app = locked(options).await;
    let admin = key(&app, tenant(), &[Role::Admin]).await;
    let ask = async |body: Value| answer(&app, &with_key(&with_body(CREATE, &body), &admin)).await;
    let made = ask(json!({"name": "k", "roles": ["worker"]})).await;
    assert_eq!((&made["status"], &made["body"]["tenant_id"]), (&json!(201), &json!(TENANT)), "{made}");
    assert_eq!(made["body"]["created_by"], "key:0199e0c0-0000-7000-8000-000000000041 demo");
    for (body, status, code) in [
        (json!({"name": "k", "roles": ["operator"]}), 403, "forbidden"),
        (json!({"name": "k", "roles": ["operator", "viewer"]}), 403, "forbidden"),
        (json!({"name": "k", "roles": ["worker"], "tenant_id": null}), 403, "forbidden"),
        (json!({"name": "k", "roles": ["operator"], "tenant_id": null}), 403, "forbidden"),
        (json!({"name": "k", "roles": ["worker"], "tenant_id": OTHER}), 404, "tenant_not_found"),
        (json!({"name": "k", "roles": ["worker"], "tenant_id": super::KEY}), 404, "tenant_not_found"),
    ] {
        let refused = ask(body.clone()).await;
        assert_eq!((&refused["status"], &refused["body"]["code"]), (&json!(status), &json!(code)), "{body}");
    }
    let log = log(&app).await;
    assert_eq!(log.as_array().map(Vec::len), Some(1), "{log}");
    assert_eq!(log[0]["principal"], made["body"]["created_by"]);
}

#[sqlx::test(migrator = "runplane::MIGRATOR")]
async fn only_admins_and_operators_come_this_far(_pool: PgPoolOptions, options: PgConnectOptions) {
    for role in Role::ALL {
        // Each has an environment of its own: one remembers the roles of a key for a while.
        let app = locked(options.clone()).await;
        let tenant = tenant().filter(|_| role != Role::Operator);
        let key = key(&app, tenant, &[role]).await;
        for (event, allowed) in [(CREATE, 201), (LIST, 200), (REVOKE, 200), (AUDIT, 200)] {
            let answer = answer(&app, &with_key(event, &key)).await;
            let expected = if matches!(role, Role::Admin | Role::Operator) { allowed } else { 403 };
            assert_eq!(answer["status"], expected, "{role}: {answer}");
        }
    }
    let app = locked(options).await;
    for event in [CREATE, LIST, REVOKE, AUDIT] {
        assert_eq!(answer(&app, event).await["status"], 401);
    }
}

#[sqlx::test(migrator = "runplane::MIGRATOR")]
async fn an_admin_of_another_tenant_finds_nothing(_pool: PgPoolOptions, options: PgConnectOptions) {
    let app = locked(options).await;
    let stranger = Some(Uuid::parse_str(OTHER).expect("a UUID"));
    let admin = key(&app, stranger, &[Role::Admin]).await;
    let ask = async |event: &str| answer(&app, &with_key(event, &admin)).await;
    // They name the tenant.
    for event in [CREATE, LIST, REVOKE, AUDIT] {
        let refused = ask(event).await;
        assert_eq!(
            (&refused["status"], &refused["body"]["code"]),
            (&json!(404), &json!("tenant_not_found")),
            "{refused}"
        );
    }
    let without_query = |event: &str| {
        let mut event: Value = serde_json::from_str(event).expect("JSON");
        event["rawQueryString"] = json!("");
        event["queryStringParameters"] = json!({});
        event.to_string()
    };
    let refused = ask(&without_query(REVOKE)).await;
    assert_eq!((&refused["status"], &refused["body"]["code"]), (&json!(404), &json!("key_not_found")));
    let own = ask(&without_query(LIST)).await;
    assert_eq!(
        (&own["body"]["count"], &own["body"]["items"][0]["name"]),
        (&json!(1), &json!("demo")),
        "{own}"
    );
    assert_eq!(ask(&without_query(AUDIT)).await["body"]["count"], 0);
}

#[sqlx::test(migrator = "runplane::MIGRATOR")]
async fn no_key_is_in_the_log(_pool: PgPoolOptions, options: PgConnectOptions) {
    let app = locked(options).await;
    let operator = key(&app, None, &[Role::Operator]).await;
    let (captured, _guard) = captured_log();
    let made = answer(&app, &with_key(CREATE, &operator)).await;
    assert_eq!(made["status"], 201, "{made}");
    let text = captured.text();
    assert!(text.contains("POST /api/keys answered 201"), "{text}");
    for key in [&operator, made["body"]["key"].as_str().expect("a key")] {
        let (_, secret) = key.split_at(36);
        assert!(!text.contains(secret), "{text}");
    }
}

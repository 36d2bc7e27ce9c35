//! Events about keys.

use serde_json::{Value, json};
use sqlx::postgres::{PgConnectOptions, PgPoolOptions};

use super::{answer, app, log, with_body};

const CREATE: &str = include_str!("../../../../events/admin.create_key.json");
const REVOKE: &str = include_str!("../../../../events/admin.revoke_key.json");

#[sqlx::test(migrator = "runplane::MIGRATOR")]
async fn a_key_is_made_and_shown_once(_pool: PgPoolOptions, options: PgConnectOptions) {
    let app = app(options).await;
    let created = answer(&app, CREATE).await;
    insta::assert_json_snapshot!(created, {".body.key" => "[key]"}, @r#"
    {
      "body": {
        "created_at": "[time]",
        "created_by": "open",
        "expires_at": null,
        "id": "[id]",
        "key": "[key]",
        "last_used_at": null,
        "name": "nightly imports",
        "requests_per_second": null,
        "revoked_at": null,
        "revoked_by": null,
        "roles": [
          "viewer",
          "submitter"
        ],
        "tenant_id": "580115b4-a291-4917-8dbd-247cfa13e2d6"
      },
      "headers": {
        "content-type": "application/json"
      },
      "status": 201
    }
    "#);
    let key = created["body"]["key"].as_str().unwrap();
    assert!(key.starts_with("rp_") && key.len() == 79, "{key}");
    insta::assert_json_snapshot!(log(&app).await, @r#"
    [
      {
        "action": "key.created",
        "details": {
          "expires_at": null,
          "name": "nightly imports",
          "requests_per_second": null,
          "roles": [
            "viewer",
            "submitter"
          ]
        },
        "principal": "open",
        "request_id": "",
        "tenant_id": "580115b4-a291-4917-8dbd-247cfa13e2d6"
      }
    ]
    "#);
    let listed = answer(&app, include_str!("../../../../events/admin.json")).await.to_string();
    assert!(
        listed.contains("nightly imports") && !listed.contains(key) && !listed.contains("sha256"),
        "{listed}"
    );
}

#[sqlx::test(migrator = "runplane::MIGRATOR")]
async fn every_field_that_is_wrong_is_named(_pool: PgPoolOptions, options: PgConnectOptions) {
    let app = app(options).await;
    let event = include_str!("../../../../events/admin.create_key.bad_fields.json");
    insta::assert_json_snapshot!(answer(&app, event).await, @r#"
    {
      "body": {
        "code": "invalid_field",
        "detail": "2 fields of the request are invalid",
        "errors": [
          {
            "detail": "must have 1 to 100 characters, has 0",
            "pointer": "/name"
          },
          {
            "detail": "is there twice: viewer",
            "pointer": "/roles/2"
          }
        ],
        "request_id": "",
        "status": 400,
        "title": "Invalid field",
        "type": "about:blank"
      },
      "headers": {
        "content-type": "application/problem+json"
      },
      "status": 400
    }
    "#);
    assert_eq!(log(&app).await, json!([]));
}

#[sqlx::test(migrator = "runplane::MIGRATOR")]
async fn what_no_key_can_be_is_told_where_it_stands(_pool: PgPoolOptions, options: PgConnectOptions) {
    let app = app(options).await;
    let tenant = super::TENANT;
    let late = years_ahead(6);
    for (body, status, code, pointer) in [
        (json!({"tenant_id": tenant, "roles": ["operator"]}), 400, "invalid_field", "/roles"),
        (json!({"roles": ["viewer"]}), 400, "invalid_field", "/tenant_id"),
        (
            json!({"tenant_id": tenant, "roles": ["viewer"], "expires_at": "2020-01-01T00:00:00Z"}),
            400,
            "invalid_field",
            "/expires_at",
        ),
        (
            json!({"tenant_id": tenant, "roles": ["viewer"], "expires_at": late}),
            400,
            "invalid_field",
            "/expires_at",
        ),
        (json!({"tenant_id": super::KEY, "roles": ["viewer"]}), 404, "tenant_not_found", ""),
    ] {
        let mut body = body;
        body["name"] = json!("k");
        let answer = answer(&app, &with_body(CREATE, &body)).await;
        assert_eq!((&answer["status"], &answer["body"]["code"]), (&json!(status), &json!(code)), "{answer}");
        assert_eq!(answer["body"]["errors"][0]["pointer"].as_str().unwrap_or_default(), pointer, "{answer}");
    }
    assert_eq!(log(&app).await, json!([]));
}

/// A day of so many years ahead.
fn years_ahead(years: u64) -> String {
    let since = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH).unwrap();
    let year = 1970 + since.as_secs() / 31_556_952 + years;
    format!("{year}-12-31T00:00:00Z")
}

#[sqlx::test(migrator = "runplane::MIGRATOR")]
async fn keys_are_listed_without_anything_secret(_pool: PgPoolOptions, options: PgConnectOptions) {
    let app = app(options).await;
    insta::assert_json_snapshot!(answer(&app, include_str!("../../../../events/admin.json")).await, @r#"
    {
      "body": {
        "count": 1,
        "items": [
          {
            "created_at": "[time]",
            "created_by": "a test",
            "expires_at": null,
            "id": "0199e0c0-0000-7000-8000-000000000042",
            "last_used_at": null,
            "name": "deploy",
            "requests_per_second": null,
            "revoked_at": null,
            "revoked_by": null,
            "roles": [
              "submitter",
              "worker"
            ],
            "tenant_id": "580115b4-a291-4917-8dbd-247cfa13e2d6"
          }
        ],
        "limit": 5,
        "next_cursor": null
      },
      "headers": {
        "content-type": "application/json"
      },
      "status": 200
    }
    "#);
}

#[sqlx::test(migrator = "runplane::MIGRATOR")]
async fn a_key_is_revoked_once_however_often_it_is_asked_for(
    _pool: PgPoolOptions,
    options: PgConnectOptions,
) {
    let app = app(options).await;
    let revoked = answer(&app, REVOKE).await;
    insta::assert_json_snapshot!(revoked, @r#"
    {
      "body": {
        "created_at": "[time]",
        "created_by": "a test",
        "expires_at": null,
        "id": "0199e0c0-0000-7000-8000-000000000042",
        "last_used_at": null,
        "name": "deploy",
        "requests_per_second": null,
        "revoked_at": "[time]",
        "revoked_by": "open",
        "roles": [
          "submitter",
          "worker"
        ],
        "tenant_id": "580115b4-a291-4917-8dbd-247cfa13e2d6"
      },
      "headers": {
        "content-type": "application/json"
      },
      "status": 200
    }
    "#);
    assert_eq!(answer(&app, REVOKE).await, revoked);
    let log = log(&app).await;
    assert_eq!(log.as_array().map(Vec::len), Some(1), "{log}");
    assert_eq!(log[0]["action"], "key.revoked");
}

#[sqlx::test(migrator = "runplane::MIGRATOR")]
async fn another_tenants_key_does_not_exist(_pool: PgPoolOptions, options: PgConnectOptions) {
    let app = app(options).await;
    let event = include_str!("../../../../events/admin.revoke_key.foreign.json");
    insta::assert_json_snapshot!(answer(&app, event).await, @r#"
    {
      "body": {
        "code": "key_not_found",
        "detail": "There is no such key",
        "request_id": "",
        "status": 404,
        "title": "Key not found",
        "type": "about:blank"
      },
      "headers": {
        "content-type": "application/problem+json"
      },
      "status": 404
    }
    "#);
    assert_eq!(log(&app).await, json!([]));
    let key = answer(&app, include_str!("../../../../events/admin.json")).await;
    assert_eq!(key["body"]["items"][0]["revoked_at"], Value::Null);
}

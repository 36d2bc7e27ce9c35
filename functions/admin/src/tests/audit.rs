//! Events about the audit log.

use runplane::testing;
use sqlx::postgres::{PgConnectOptions, PgPoolOptions};

use super::{answer, app};

#[sqlx::test(migrator = "runplane::MIGRATOR")]
async fn the_audit_log_is_listed_newest_first(_pool: PgPoolOptions, options: PgConnectOptions) {
    let app = app(options).await;
    for (action, at) in
        [("version.approved", "2026-11-24T08:00:00Z"), ("run.cancelled", "2026-11-24T09:00:00Z")]
    {
        let entry = sqlx::query(
            "insert into audit_log (id, at, tenant_id, principal, request_id, action, subject_id, details)
             values (gen_random_uuid(), $2::timestamptz, '580115b4-a291-4917-8dbd-247cfa13e2d6', 'key:k ann', 'r-1', $1,
                     '0199e0c0-0000-7000-8000-000000000051', '{\"name\": \"n\"}')",
        );
        testing::execute(&app, entry.bind(action).bind(at)).await;
    }
    let event = include_str!("../../../../events/admin.list_audit.json");
    insta::assert_json_snapshot!(answer(&app, event).await, @r#"
    {
      "body": {
        "count": 1,
        "items": [
          {
            "action": "run.cancelled",
            "at": "[time]",
            "details": {
              "name": "n"
            },
            "id": "[id]",
            "principal": "key:k ann",
            "request_id": "r-1",
            "subject_id": "0199e0c0-0000-7000-8000-000000000051",
            "tenant_id": "580115b4-a291-4917-8dbd-247cfa13e2d6"
          }
        ],
        "limit": 20,
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
async fn every_parameter_that_is_wrong_is_named(_pool: PgPoolOptions, options: PgConnectOptions) {
    let app = app(options).await;
    let event = include_str!("../../../../events/admin.list_audit.bad_query.json");
    insta::assert_json_snapshot!(answer(&app, event).await, @r#"
    {
      "body": {
        "code": "invalid_field",
        "detail": "3 fields of the request are invalid",
        "errors": [
          {
            "detail": "must be an action such as version.approved, docs/api.md has all of them",
            "pointer": "/action"
          },
          {
            "detail": "must be a time as in 2026-11-23T08:00:00Z (a + in it as %2B)",
            "pointer": "/since"
          },
          {
            "detail": "is not a parameter of this request",
            "pointer": "/from"
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
}

//! Events about what becomes of a version.

use runplane::auth::Role;
use runplane::testing::{key, locked, with_key};
use sqlx::postgres::{PgConnectOptions, PgPoolOptions};

use super::answer;
use crate::FUNCTION;
use crate::handler::handle;

#[sqlx::test(migrator = "runplane::MIGRATOR")]
async fn a_draft_is_approved(_pool: PgPoolOptions, options: PgConnectOptions) {
    let event = include_str!("../../../../events/catalog.change_status.json");
    insta::assert_json_snapshot!(answer(options, event).await, @r#"
    {
      "body": {
        "approved_at": "[time]",
        "approved_by": "ann",
        "created_at": "[time]",
        "dag_sha256": "95cfa185a1cf73d933a5bffe63e2b79681445e9fcaca67333d82d2365c02c37f",
        "dag_spec": {
          "steps": [
            "extract"
          ]
        },
        "id": "0199e0c0-0000-7000-8000-000000000022",
        "pipeline_id": "0199e0c0-0000-7000-8000-000000000011",
        "revision": 1,
        "status": "APPROVED",
        "tenant_id": "580115b4-a291-4917-8dbd-247cfa13e2d6",
        "transitions": [
          {
            "at": "[time]",
            "by": "ann",
            "comment": "as discussed",
            "from": "DRAFT",
            "to": "APPROVED"
          }
        ],
        "updated_at": "[time]",
        "version": "3"
      },
      "headers": {
        "content-type": "application/json"
      },
      "status": 200
    }
    "#);
}

#[sqlx::test(migrator = "runplane::MIGRATOR")]
async fn whose_key_it_is_did_it_whatever_the_body_says(_pool: PgPoolOptions, options: PgConnectOptions) {
    let event = include_str!("../../../../events/catalog.change_status.deprecated.json");
    let app = locked(options, FUNCTION).await;
    let key = key(&app, None, &[Role::Operator]).await;
    let answer = runplane::testing::answer(&app, &handle, &with_key(event, &key)).await;
    insta::assert_json_snapshot!(answer, @r#"
    {
      "body": {
        "approved_at": "[time]",
        "approved_by": "demo",
        "created_at": "[time]",
        "dag_sha256": "cdbb8c4b25c7672bfb051c532653104eaf80d6a5027a50a0bce2f2f209d7c0ca",
        "dag_spec": {
          "steps": [
            "extract",
            "transform",
            "load"
          ]
        },
        "id": "0199e0c0-0000-7000-8000-000000000021",
        "pipeline_id": "0199e0c0-0000-7000-8000-000000000011",
        "revision": 1,
        "status": "DEPRECATED",
        "tenant_id": "580115b4-a291-4917-8dbd-247cfa13e2d6",
        "transitions": [
          {
            "at": "[time]",
            "by": "demo",
            "comment": null,
            "from": "DRAFT",
            "to": "APPROVED"
          },
          {
            "at": "[time]",
            "by": "key:0199e0c0-0000-7000-8000-000000000041 demo",
            "comment": null,
            "from": "APPROVED",
            "to": "DEPRECATED"
          }
        ],
        "updated_at": "[time]",
        "version": "2"
      },
      "headers": {
        "content-type": "application/json"
      },
      "status": 200
    }
    "#);
}

#[sqlx::test(migrator = "runplane::MIGRATOR")]
async fn a_draft_is_not_deprecated(_pool: PgPoolOptions, options: PgConnectOptions) {
    let event = include_str!("../../../../events/catalog.change_status.draft.json");
    insta::assert_json_snapshot!(answer(options, event).await, @r#"
    {
      "body": {
        "code": "invalid_transition",
        "detail": "A version that is DRAFT cannot become DEPRECATED: DRAFT becomes APPROVED, APPROVED becomes DEPRECATED, DEPRECATED becomes APPROVED",
        "request_id": "",
        "status": 409,
        "title": "Invalid transition",
        "type": "about:blank"
      },
      "headers": {
        "content-type": "application/problem+json"
      },
      "status": 409
    }
    "#);
}

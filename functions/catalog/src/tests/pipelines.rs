//! Events about pipelines.

use sqlx::postgres::{PgConnectOptions, PgPoolOptions};

use super::answer;

#[sqlx::test(migrator = "runplane::MIGRATOR")]
async fn a_pipeline_is_created(_pool: PgPoolOptions, options: PgConnectOptions) {
    let event = include_str!("../../../../events/catalog.create_pipeline.json");
    insta::assert_json_snapshot!(answer(options, event).await, @r#"
    {
      "body": {
        "created_at": "[time]",
        "description": "Every night",
        "id": "[id]",
        "max_running": 1,
        "name": "nightly",
        "paused": false,
        "queue": "nights",
        "tenant_id": "580115b4-a291-4917-8dbd-247cfa13e2d6"
      },
      "headers": {
        "content-type": "application/json",
        "location": "/api/pipelines/[id]"
      },
      "status": 201
    }
    "#);
}

#[sqlx::test(migrator = "runplane::MIGRATOR")]
async fn a_name_of_a_tenants_pipeline_is_taken_once(_pool: PgPoolOptions, options: PgConnectOptions) {
    let event = include_str!("../../../../events/catalog.create_pipeline.name_taken.json");
    insta::assert_json_snapshot!(answer(options, event).await, @r#"
    {
      "body": {
        "code": "already_exists",
        "detail": "The tenant has a pipeline of this name already",
        "request_id": "",
        "status": 409,
        "title": "Already exists",
        "type": "about:blank"
      },
      "headers": {
        "content-type": "application/problem+json"
      },
      "status": 409
    }
    "#);
}

#[sqlx::test(migrator = "runplane::MIGRATOR")]
async fn every_field_that_is_wrong_is_named(_pool: PgPoolOptions, options: PgConnectOptions) {
    let event = include_str!("../../../../events/catalog.create_pipeline.bad_fields.json");
    insta::assert_json_snapshot!(answer(options, event).await, @r#"
    {
      "body": {
        "code": "invalid_field",
        "detail": "4 fields of the request are invalid",
        "errors": [
          {
            "detail": "must have 1 to 200 characters, has 0",
            "pointer": "/name"
          },
          {
            "detail": "must not contain the character NUL (\\u0000)",
            "pointer": "/description"
          },
          {
            "detail": "must have 1 to 100 characters, has 101",
            "pointer": "/queue"
          },
          {
            "detail": "must be 0 to 2147483647, is -1",
            "pointer": "/max_running"
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

#[sqlx::test(migrator = "runplane::MIGRATOR")]
async fn a_tenants_pipelines_are_listed(_pool: PgPoolOptions, options: PgConnectOptions) {
    let event = include_str!("../../../../events/catalog.json");
    insta::assert_json_snapshot!(answer(options, event).await, @r#"
    {
      "body": {
        "count": 1,
        "items": [
          {
            "created_at": "[time]",
            "description": "Succeeds at once",
            "id": "0199e0c0-0000-7000-8000-000000000011",
            "max_running": null,
            "name": "hello",
            "paused": false,
            "queue": null,
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
async fn a_pipeline_is_shown(_pool: PgPoolOptions, options: PgConnectOptions) {
    let event = include_str!("../../../../events/catalog.get_pipeline.json");
    insta::assert_json_snapshot!(answer(options, event).await, @r#"
    {
      "body": {
        "created_at": "[time]",
        "description": "Succeeds at once",
        "id": "0199e0c0-0000-7000-8000-000000000011",
        "max_running": null,
        "name": "hello",
        "paused": false,
        "queue": null,
        "tenant_id": "580115b4-a291-4917-8dbd-247cfa13e2d6"
      },
      "headers": {
        "content-type": "application/json"
      },
      "status": 200
    }
    "#);
}

#[sqlx::test(migrator = "runplane::MIGRATOR")]
async fn what_a_patch_leaves_out_stays_and_null_clears(_pool: PgPoolOptions, options: PgConnectOptions) {
    let event = include_str!("../../../../events/catalog.update_pipeline.json");
    insta::assert_json_snapshot!(answer(options, event).await, @r#"
    {
      "body": {
        "created_at": "[time]",
        "description": null,
        "id": "0199e0c0-0000-7000-8000-000000000011",
        "max_running": 4,
        "name": "hello",
        "paused": false,
        "queue": "fast",
        "tenant_id": "580115b4-a291-4917-8dbd-247cfa13e2d6"
      },
      "headers": {
        "content-type": "application/json"
      },
      "status": 200
    }
    "#);
}

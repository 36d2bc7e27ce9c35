//! Events about connections.

use sqlx::postgres::{PgConnectOptions, PgPoolOptions};

use super::answer;

#[sqlx::test(migrator = "runplane::MIGRATOR")]
async fn a_connection_is_created(_pool: PgPoolOptions, options: PgConnectOptions) {
    let event = include_str!("../../../../events/catalog.create_connection.json");
    insta::assert_json_snapshot!(answer(options, event).await, @r#"
    {
      "body": {
        "config": {
          "database": "warehouse",
          "host": "db.example.com",
          "read_only": true,
          "user": "loader"
        },
        "created_at": "[time]",
        "id": "[id]",
        "kind": "sql",
        "name": "warehouse",
        "secret_ref": "runplane/warehouse",
        "tenant_id": "580115b4-a291-4917-8dbd-247cfa13e2d6"
      },
      "headers": {
        "content-type": "application/json",
        "location": "/api/connections/[id]"
      },
      "status": 201
    }
    "#);
}

#[sqlx::test(migrator = "runplane::MIGRATOR")]
async fn a_config_with_secrets_in_it_is_refused(_pool: PgPoolOptions, options: PgConnectOptions) {
    let event = include_str!("../../../../events/catalog.create_connection.bad_config.json");
    insta::assert_json_snapshot!(answer(options, event).await, @r#"
    {
      "body": {
        "code": "invalid_field",
        "detail": "4 fields of the request are invalid",
        "errors": [
          {
            "detail": "must not contain credentials: they are named by secret_ref",
            "pointer": "/config/base_url"
          },
          {
            "detail": "cannot be set here: credentials are named by secret_ref and sent as `auth` says",
            "pointer": "/config/headers/Authorization"
          },
          {
            "detail": "is required: `auth` says how it is sent",
            "pointer": "/secret_ref"
          },
          {
            "detail": "is required: the header that carries the secret",
            "pointer": "/config/auth/name"
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
async fn connections_of_a_kind_are_listed(_pool: PgPoolOptions, options: PgConnectOptions) {
    let event = include_str!("../../../../events/catalog.list_connections.json");
    insta::assert_json_snapshot!(answer(options, event).await, @r#"
    {
      "body": {
        "count": 1,
        "items": [
          {
            "config": {
              "auth": {
                "type": "bearer"
              },
              "base_url": "https://example.com"
            },
            "created_at": "[time]",
            "id": "0199e0c0-0000-7000-8000-000000000031",
            "kind": "http",
            "name": "example",
            "secret_ref": "EXAMPLE_TOKEN",
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
async fn a_connection_is_shown(_pool: PgPoolOptions, options: PgConnectOptions) {
    let event = include_str!("../../../../events/catalog.get_connection.json");
    insta::assert_json_snapshot!(answer(options, event).await, @r#"
    {
      "body": {
        "config": {
          "auth": {
            "type": "bearer"
          },
          "base_url": "https://example.com"
        },
        "created_at": "[time]",
        "id": "0199e0c0-0000-7000-8000-000000000031",
        "kind": "http",
        "name": "example",
        "secret_ref": "EXAMPLE_TOKEN",
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
async fn a_connection_is_deleted_and_there_is_nothing_to_say(
    _pool: PgPoolOptions,
    options: PgConnectOptions,
) {
    let event = include_str!("../../../../events/catalog.delete_connection.json");
    insta::assert_json_snapshot!(answer(options, event).await, @r#"
    {
      "body": null,
      "headers": {},
      "status": 204
    }
    "#);
}

#[sqlx::test(migrator = "runplane::MIGRATOR")]
async fn another_tenants_connection_is_not_deleted(_pool: PgPoolOptions, options: PgConnectOptions) {
    let event = include_str!("../../../../events/catalog.delete_connection.foreign.json");
    insta::assert_json_snapshot!(answer(options, event).await, @r#"
    {
      "body": {
        "code": "connection_not_found",
        "detail": "There is no such connection",
        "request_id": "",
        "status": 404,
        "title": "Connection not found",
        "type": "about:blank"
      },
      "headers": {
        "content-type": "application/problem+json"
      },
      "status": 404
    }
    "#);
}

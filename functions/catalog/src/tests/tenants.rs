//! Events about tenants.

use sqlx::postgres::{PgConnectOptions, PgPoolOptions};

use super::answer;

#[sqlx::test(migrator = "runplane::MIGRATOR")]
async fn a_tenant_is_created(_pool: PgPoolOptions, options: PgConnectOptions) {
    let event = include_str!("../../../../events/catalog.create_tenant.json");
    insta::assert_json_snapshot!(answer(options, event).await, @r#"
    {
      "body": {
        "created_at": "[time]",
        "id": "[id]",
        "max_running": 10,
        "name": "Acme",
        "paused": false
      },
      "headers": {
        "content-type": "application/json",
        "location": "/api/tenants/[id]"
      },
      "status": 201
    }
    "#);
}

#[sqlx::test(migrator = "runplane::MIGRATOR")]
async fn a_page_of_tenants_says_where_the_next_one_begins(_pool: PgPoolOptions, options: PgConnectOptions) {
    let event = include_str!("../../../../events/catalog.list_tenants.json");
    insta::assert_json_snapshot!(answer(options, event).await, {".body.next_cursor" => "[cursor]"}, @r#"
    {
      "body": {
        "count": 1,
        "items": [
          {
            "created_at": "[time]",
            "id": "580115b4-a291-4917-8dbd-247cfa13e2d6",
            "max_running": null,
            "name": "Demo",
            "paused": false
          }
        ],
        "limit": 1,
        "next_cursor": "[cursor]"
      },
      "headers": {
        "content-type": "application/json"
      },
      "status": 200
    }
    "#);
}

#[sqlx::test(migrator = "runplane::MIGRATOR")]
async fn a_tenant_is_shown(_pool: PgPoolOptions, options: PgConnectOptions) {
    let event = include_str!("../../../../events/catalog.get_tenant.json");
    insta::assert_json_snapshot!(answer(options, event).await, @r#"
    {
      "body": {
        "created_at": "[time]",
        "id": "580115b4-a291-4917-8dbd-247cfa13e2d6",
        "max_running": null,
        "name": "Demo",
        "paused": false
      },
      "headers": {
        "content-type": "application/json"
      },
      "status": 200
    }
    "#);
}

#[sqlx::test(migrator = "runplane::MIGRATOR")]
async fn a_limit_is_taken_off_with_null_and_a_tenant_paused(_pool: PgPoolOptions, options: PgConnectOptions) {
    let event = include_str!("../../../../events/catalog.update_tenant.json");
    insta::assert_json_snapshot!(answer(options, event).await, @r#"
    {
      "body": {
        "created_at": "[time]",
        "id": "580115b4-a291-4917-8dbd-247cfa13e2d6",
        "max_running": null,
        "name": "Demo",
        "paused": true
      },
      "headers": {
        "content-type": "application/json"
      },
      "status": 200
    }
    "#);
}

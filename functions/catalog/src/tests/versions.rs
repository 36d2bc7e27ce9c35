//! Events about versions.

use sqlx::postgres::{PgConnectOptions, PgPoolOptions};

use super::answer;

#[sqlx::test(migrator = "runplane::MIGRATOR")]
async fn a_draft_is_created(_pool: PgPoolOptions, options: PgConnectOptions) {
    let event = include_str!("../../../../events/catalog.create_version.json");
    insta::assert_json_snapshot!(answer(options, event).await, @r#"
    {
      "body": {
        "approved_at": null,
        "approved_by": null,
        "created_at": "[time]",
        "dag_sha256": null,
        "dag_spec": {
          "steps": [
            "extract",
            "load"
          ]
        },
        "id": "[id]",
        "pipeline_id": "0199e0c0-0000-7000-8000-000000000011",
        "revision": 1,
        "status": "DRAFT",
        "tenant_id": "580115b4-a291-4917-8dbd-247cfa13e2d6",
        "transitions": [],
        "updated_at": "[time]",
        "version": "4"
      },
      "headers": {
        "content-type": "application/json",
        "location": "/api/pipeline-versions/[id]"
      },
      "status": 201
    }
    "#);
}

#[sqlx::test(migrator = "runplane::MIGRATOR")]
async fn a_draft_is_created_from_another_version(_pool: PgPoolOptions, options: PgConnectOptions) {
    let event = include_str!("../../../../events/catalog.create_version.copy.json");
    insta::assert_json_snapshot!(answer(options, event).await, @r#"
    {
      "body": {
        "approved_at": null,
        "approved_by": null,
        "created_at": "[time]",
        "dag_sha256": null,
        "dag_spec": {
          "steps": [
            "extract",
            "transform",
            "load"
          ]
        },
        "id": "[id]",
        "pipeline_id": "0199e0c0-0000-7000-8000-000000000011",
        "revision": 1,
        "status": "DRAFT",
        "tenant_id": "580115b4-a291-4917-8dbd-247cfa13e2d6",
        "transitions": [],
        "updated_at": "[time]",
        "version": "4"
      },
      "headers": {
        "content-type": "application/json",
        "location": "/api/pipeline-versions/[id]"
      },
      "status": 201
    }
    "#);
}

#[sqlx::test(migrator = "runplane::MIGRATOR")]
async fn a_spec_and_something_to_copy_exclude_each_other(_pool: PgPoolOptions, options: PgConnectOptions) {
    let event = include_str!("../../../../events/catalog.create_version.both.json");
    insta::assert_json_snapshot!(answer(options, event).await, @r#"
    {
      "body": {
        "code": "invalid_field",
        "detail": "/copy_of: cannot be combined with dag_spec: give one of the two",
        "errors": [
          {
            "detail": "cannot be combined with dag_spec: give one of the two",
            "pointer": "/copy_of"
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
async fn versions_are_listed_without_their_specs(_pool: PgPoolOptions, options: PgConnectOptions) {
    let event = include_str!("../../../../events/catalog.list_versions.json");
    insta::assert_json_snapshot!(answer(options, event).await, @r#"
    {
      "body": {
        "count": 1,
        "items": [
          {
            "approved_at": null,
            "approved_by": null,
            "created_at": "[time]",
            "dag_sha256": null,
            "id": "0199e0c0-0000-7000-8000-000000000022",
            "pipeline_id": "0199e0c0-0000-7000-8000-000000000011",
            "revision": 1,
            "status": "DRAFT",
            "tenant_id": "580115b4-a291-4917-8dbd-247cfa13e2d6",
            "updated_at": "[time]",
            "version": "3"
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
    let event = include_str!("../../../../events/catalog.list_versions.bad_query.json");
    insta::assert_json_snapshot!(answer(options, event).await, @r#"
    {
      "body": {
        "code": "invalid_field",
        "detail": "4 fields of the request are invalid",
        "errors": [
          {
            "detail": "must be a UUID",
            "pointer": "/tenant_id"
          },
          {
            "detail": "must be DRAFT, APPROVED or DEPRECATED",
            "pointer": "/status"
          },
          {
            "detail": "must be a whole number from 1 to 100",
            "pointer": "/limit"
          },
          {
            "detail": "is not a parameter of this request",
            "pointer": "/offset"
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
async fn a_version_is_shown_with_what_became_of_it(_pool: PgPoolOptions, options: PgConnectOptions) {
    let event = include_str!("../../../../events/catalog.get_version.json");
    insta::assert_json_snapshot!(answer(options, event).await, @r#"
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
        "status": "APPROVED",
        "tenant_id": "580115b4-a291-4917-8dbd-247cfa13e2d6",
        "transitions": [
          {
            "at": "[time]",
            "by": "demo",
            "comment": null,
            "from": "DRAFT",
            "to": "APPROVED"
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
async fn another_tenants_version_does_not_exist(_pool: PgPoolOptions, options: PgConnectOptions) {
    let event = include_str!("../../../../events/catalog.get_version.foreign.json");
    insta::assert_json_snapshot!(answer(options, event).await, @r#"
    {
      "body": {
        "code": "pipeline_version_not_found",
        "detail": "There is no such pipeline version",
        "request_id": "",
        "status": 404,
        "title": "Pipeline version not found",
        "type": "about:blank"
      },
      "headers": {
        "content-type": "application/problem+json"
      },
      "status": 404
    }
    "#);
}

#[sqlx::test(migrator = "runplane::MIGRATOR")]
async fn a_draft_is_edited(_pool: PgPoolOptions, options: PgConnectOptions) {
    let event = include_str!("../../../../events/catalog.edit_version.json");
    insta::assert_json_snapshot!(answer(options, event).await, @r#"
    {
      "body": {
        "approved_at": null,
        "approved_by": null,
        "created_at": "[time]",
        "dag_sha256": null,
        "dag_spec": {
          "steps": [
            "extract",
            "load"
          ]
        },
        "id": "0199e0c0-0000-7000-8000-000000000022",
        "pipeline_id": "0199e0c0-0000-7000-8000-000000000011",
        "revision": 2,
        "status": "DRAFT",
        "tenant_id": "580115b4-a291-4917-8dbd-247cfa13e2d6",
        "transitions": [],
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
async fn what_was_approved_is_not_edited(_pool: PgPoolOptions, options: PgConnectOptions) {
    let event = include_str!("../../../../events/catalog.edit_version.approved.json");
    insta::assert_json_snapshot!(answer(options, event).await, @r#"
    {
      "body": {
        "code": "invalid_transition",
        "detail": "Only a DRAFT is edited, and this version is APPROVED: create another version, with copy_of if you like",
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

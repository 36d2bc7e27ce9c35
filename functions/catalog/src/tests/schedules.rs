//! Events about schedules.

use runplane::testing;
use serde_json::json;
use sqlx::postgres::{PgConnectOptions, PgPoolOptions};

use super::answer;
use crate::FUNCTION;
use crate::handler::handle;

#[sqlx::test(migrator = "runplane::MIGRATOR")]
async fn a_schedule_is_created_and_shows_its_next_five_times(
    _pool: PgPoolOptions,
    options: PgConnectOptions,
) {
    let event = include_str!("../../../../events/catalog.create_schedule.json");
    insta::assert_json_snapshot!(answer(options, event).await, @r#"
    {
      "body": {
        "concurrency_key": "orders",
        "created_at": "[time]",
        "cron": "30 2 * * *",
        "dispatch": "push",
        "due_times": [
          "[time]",
          "[time]",
          "[time]",
          "[time]",
          "[time]"
        ],
        "ends_at": null,
        "id": "[id]",
        "labels": {
          "team": "shop"
        },
        "last_due_at": null,
        "last_error": null,
        "last_error_at": null,
        "last_run_id": null,
        "max_attempts": null,
        "max_lost": 3,
        "missed_runs": "all",
        "name": "nightly orders",
        "next_due_at": "[time]",
        "parameters": {
          "day": "yesterday"
        },
        "paused": false,
        "pipeline_id": "0199e0c0-0000-7000-8000-000000000011",
        "pipeline_version_id": null,
        "priority": 5,
        "queue": null,
        "starts_at": null,
        "tenant_id": "580115b4-a291-4917-8dbd-247cfa13e2d6",
        "time_zone": "Europe/Berlin",
        "updated_at": "[time]"
      },
      "headers": {
        "content-type": "application/json",
        "location": "/api/schedules/[id]"
      },
      "status": 201
    }
    "#);
}

#[sqlx::test(migrator = "runplane::MIGRATOR")]
async fn what_is_left_out_has_its_default(_pool: PgPoolOptions, options: PgConnectOptions) {
    let event = include_str!("../../../../events/catalog.create_schedule.smallest.json");
    let body = answer(options, event).await["body"].take();
    assert_eq!((&body["time_zone"], &body["missed_runs"]), (&json!("UTC"), &json!("latest")));
    assert_eq!((&body["parameters"], &body["paused"]), (&json!({}), &json!(false)));
}

#[sqlx::test(migrator = "runplane::MIGRATOR")]
async fn everything_that_is_wrong_is_named(_pool: PgPoolOptions, options: PgConnectOptions) {
    let event = include_str!("../../../../events/catalog.create_schedule.bad_fields.json");
    let answer = answer(options, event).await;
    assert_eq!((&answer["status"], &answer["body"]["code"]), (&json!(400), &json!("invalid_field")));
    let pointers: Vec<_> =
        answer["body"]["errors"].as_array().unwrap().iter().map(|error| &error["pointer"]).collect();
    assert_eq!(pointers, ["/name", "/cron", "/time_zone", "/priority"]);
    assert_eq!(
        answer["body"]["errors"][2]["detail"],
        "is no time zone of the IANA database: Europe/Berlin and UTC are some"
    );
}

#[sqlx::test(migrator = "runplane::MIGRATOR")]
async fn a_schedule_that_is_never_due_is_refused(_pool: PgPoolOptions, options: PgConnectOptions) {
    let event = include_str!("../../../../events/catalog.create_schedule.never_due.json");
    let answer = answer(options, event).await;
    assert_eq!(answer["status"], 400);
    assert_eq!(answer["body"]["errors"][0]["pointer"], "/cron");
}

#[sqlx::test(migrator = "runplane::MIGRATOR")]
async fn one_schedule_more_than_a_tenant_may_have_is_refused(
    _pool: PgPoolOptions,
    options: PgConnectOptions,
) {
    let app = testing::app(options, FUNCTION).await;
    let others = "insert into schedules (id, tenant_id, name, pipeline_id, cron, time_zone, missed_runs)
        select uuidv7(), s.tenant_id, 'n' || n, s.pipeline_id, s.cron, s.time_zone, s.missed_runs from schedules s, generate_series(2, 1000) n";
    testing::execute(&app, sqlx::query(others)).await;
    let event = include_str!("../../../../events/catalog.create_schedule.json");
    insta::assert_json_snapshot!(testing::answer(&app, &handle, event).await, @r#"
    {
      "body": {
        "code": "limit_reached",
        "detail": "The tenant has 1000 schedules, and may have no more",
        "request_id": "",
        "status": 409,
        "title": "Limit reached",
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
async fn a_schedule_that_has_much_to_make_up_for_is_not_changed_meanwhile(
    _pool: PgPoolOptions,
    options: PgConnectOptions,
) {
    let app = testing::app(options, FUNCTION).await;
    let behind = "update schedules set paused = false, missed_runs = 'all', cron = '* * * * *', next_due_at = date_trunc('minute', now()) - interval '150 min'";
    testing::execute(&app, sqlx::query(behind)).await;
    let event = include_str!("../../../../events/catalog.update_schedule.json");
    insta::assert_json_snapshot!(testing::answer(&app, &handle, event).await, @r#"
    {
      "body": {
        "code": "schedule_behind",
        "detail": "The schedule has more runs to make up for than can be created at once: try again when the sweep has created them, or give them up with missed_runs skip or latest",
        "request_id": "",
        "status": 409,
        "title": "Schedule behind",
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
async fn a_schedule_is_shown_and_listed(_pool: PgPoolOptions, options: PgConnectOptions) {
    let app = testing::app(options, FUNCTION).await;
    let ask = async |event| testing::answer(&app, &handle, event).await;
    let one = ask(include_str!("../../../../events/catalog.get_schedule.json")).await;
    assert_eq!(one["status"], 200);
    assert_eq!(one["body"]["name"], "hello every morning");
    assert_eq!((&one["body"]["paused"], &one["body"]["due_times"]), (&json!(true), &json!([])));
    let list = ask(include_str!("../../../../events/catalog.list_schedules.json")).await;
    assert_eq!((&list["status"], &list["body"]["count"]), (&json!(200), &json!(1)));
    assert_eq!(list["body"]["items"][0], one["body"]);
    let bad = ask(include_str!("../../../../events/catalog.list_schedules.bad_query.json")).await;
    let pointers: Vec<_> =
        bad["body"]["errors"].as_array().unwrap().iter().map(|error| &error["pointer"]).collect();
    assert_eq!(bad["status"], 400);
    assert_eq!(pointers, ["/pipeline_id", "/paused"]);
}

#[sqlx::test(migrator = "runplane::MIGRATOR")]
async fn a_schedule_is_changed_goes_on_and_is_deleted_and_the_audit_tells(
    _pool: PgPoolOptions,
    options: PgConnectOptions,
) {
    let app = testing::app(options, FUNCTION).await;
    let ask = async |event| testing::answer(&app, &handle, event).await;
    let foreign = ask(include_str!("../../../../events/catalog.update_schedule.foreign.json")).await;
    assert_eq!((&foreign["status"], &foreign["body"]["code"]), (&json!(404), &json!("schedule_not_found")));

    let changed = ask(include_str!("../../../../events/catalog.update_schedule.json")).await;
    assert_eq!(changed["status"], 200);
    let body = &changed["body"];
    assert_eq!((&body["paused"], &body["cron"]), (&json!(false), &json!("0 6 * * MON-FRI")));
    assert_eq!((&body["time_zone"], &body["queue"]), (&json!("America/New_York"), &json!(null)));
    assert_eq!(body["due_times"].as_array().unwrap().len(), 5);

    let delete = include_str!("../../../../events/catalog.delete_schedule.json");
    assert_eq!(ask(delete).await["status"], 204);
    assert_eq!(ask(delete).await["status"], 404);

    let entries: Vec<(String, serde_json::Value)> = app
        .call(async |conn| {
            sqlx::query_as("select action, details from audit_log order by id").fetch_all(conn).await
        })
        .await
        .unwrap();
    let zone = json!({"from": "Europe/Berlin", "to": "America/New_York"});
    let expected = [
        (
            "schedule.changed".to_owned(),
            json!({
                "paused": {"from": true, "to": false}, "cron": {"from": "0 7 * * *", "to": "0 6 * * MON-FRI"},
                "queue": {"from": "default", "to": null}, "time_zone": zone,
            }),
        ),
        (
            "schedule.deleted".to_owned(),
            json!({"name": "hello every morning", "pipeline_id": "0199e0c0-0000-7000-8000-000000000011"}),
        ),
    ];
    assert_eq!(entries, expected);
}

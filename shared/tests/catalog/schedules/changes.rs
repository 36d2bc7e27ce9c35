//! What a change of a schedule does to its times.

use chrono::TimeDelta;
use runplane::catalog::{self, Ticked, UpdateScheduleError, UpdateScheduleRequest, UpdatedSchedule};
use runplane::dag::ParamsCache;
use runplane::runs;
use runplane::scope::Scope;
use serde_json::{Value, json};
use sqlx::{Connection as _, PgConnection};
use uuid::Uuid;

use super::{NO_TIMES, due_since, get, now, schedule, tick, times, world};
use crate::support::{Conn, World, deprecate, request};

async fn update(
    conn: &mut PgConnection,
    id: Uuid,
    fields: Value,
) -> Result<UpdatedSchedule, UpdateScheduleError> {
    let request: UpdateScheduleRequest = request(fields);
    request.check().unwrap();
    let mut transaction = conn.begin().await.unwrap();
    let updated =
        catalog::update_schedule(&mut transaction, &ParamsCache::default(), Scope::All, id, &request).await;
    if updated.is_ok() {
        transaction.commit().await.unwrap();
    }
    updated
}

#[sqlx::test(migrator = "runplane::MIGRATOR")]
async fn a_paused_schedule_is_never_due_and_has_missed_nothing_when_it_goes_on(mut conn: Conn) {
    let (world, _) = world(&mut conn).await;
    for missed_runs in ["skip", "latest", "all"] {
        let made = schedule(&mut conn, world, json!({"missed_runs": missed_runs})).await;
        let paused = update(&mut conn, made.id, json!({"paused": true})).await.unwrap().after;
        assert_eq!((paused.paused, paused.next_due_at, paused.due_times), (true, None, vec![]));
        assert_eq!(tick(&mut conn, made.id).await, Ticked::default());
        // An hour goes by.
        let back = "update schedules set created_at = created_at - interval '1 h', updated_at = updated_at - interval '1 h'";
        sqlx::query(back).execute(&mut *conn).await.unwrap();
        let resumed = update(&mut conn, made.id, json!({"paused": false})).await.unwrap().after;
        assert!(resumed.next_due_at.unwrap() > now(&mut conn).await - TimeDelta::seconds(1), "{missed_runs}");
        assert_eq!(times(&mut conn, made.id).await, NO_TIMES);
    }
    let made = schedule(&mut conn, world, json!({"paused": true})).await;
    assert_eq!((made.next_due_at, made.paused), (None, true));
}

#[sqlx::test(migrator = "runplane::MIGRATOR")]
async fn what_is_due_at_the_change_runs_first_as_it_was_meant_before(mut conn: Conn) {
    let (world, _) = world(&mut conn).await;
    for change in
        [json!({"paused": true}), json!({"cron": "0 0 1 2 *"}), json!({"parameters": {"day": "new"}})]
    {
        let made = schedule(&mut conn, world, json!({"parameters": {"day": "old"}})).await;
        let due = due_since(&mut conn, made.id, "date_trunc('minute', now())").await;
        let updated = update(&mut conn, made.id, change.clone()).await.unwrap();
        assert_eq!(updated.ticked.created, 1, "{change}");
        assert_eq!(times(&mut conn, made.id).await, [due], "{change}");
        let after = get(&mut conn, made.id).await;
        let run = runs::get(&mut conn, Scope::All, after.last_run_id.unwrap()).await.unwrap().run;
        assert_eq!(run.parameters["day"], "old", "{change}");
        assert!(after.next_due_at.is_none_or(|next| next > due), "{change}");
        assert_eq!(tick(&mut conn, made.id).await, Ticked::default(), "{change}");
    }
}

#[sqlx::test(migrator = "runplane::MIGRATOR")]
async fn other_times_are_counted_from_now_and_other_changes_leave_the_times_alone(mut conn: Conn) {
    let (world, _) = world(&mut conn).await;
    let made = schedule(&mut conn, world, json!({"cron": "0 0 1 1 *", "missed_runs": "all"})).await;
    let fields = json!({
        "name": "renamed", "missed_runs": "skip", "queue": "q", "priority": 1, "labels": {"a": "b"}, "dispatch": "pull",
        "max_attempts": 2, "max_lost": 0, "concurrency_key": "k", "parameters": {"day": 1},
    });
    let renamed = update(&mut conn, made.id, fields.clone()).await.unwrap().after;
    assert_eq!(renamed.next_due_at, made.next_due_at);
    let shown = json!(renamed);
    for (name, value) in fields.as_object().unwrap() {
        assert_eq!(shown[name], *value, "{name}");
    }
    let cleared =
        json!({"queue": null, "max_attempts": null, "concurrency_key": null, "pipeline_version_id": null});
    let cleared = update(&mut conn, made.id, cleared).await.unwrap().after;
    assert_eq!((cleared.queue, cleared.max_attempts, cleared.concurrency_key), (None, None, None));

    let daily = update(&mut conn, made.id, json!({"cron": "30 12 * * *", "time_zone": "asia/tokyo"}))
        .await
        .unwrap()
        .after;
    assert_eq!(daily.time_zone, "Asia/Tokyo");
    let next = daily.next_due_at.unwrap();
    assert_eq!(next.format("%H:%M").to_string(), "03:30", "Tokyo is nine hours ahead");
    assert!(next > now(&mut conn).await && next <= now(&mut conn).await + TimeDelta::days(1));
    assert_eq!(times(&mut conn, made.id).await, NO_TIMES, "its old times are none that it has missed");
}

/// A sweep that began later, and had the schedule first: its now is ahead of that of the change.
#[sqlx::test(migrator = "runplane::MIGRATOR")]
async fn a_change_does_not_go_back_to_a_time_that_has_its_run(mut conn: Conn) {
    let (world, _) = world(&mut conn).await;
    let made = schedule(&mut conn, world, json!({})).await;
    let ahead = now(&mut conn).await + TimeDelta::minutes(3);
    let ran = "update schedules set last_due_at = date_trunc('minute', $2), last_run_id = id where id = $1";
    sqlx::query(ran).bind(made.id).bind(ahead).execute(&mut *conn).await.unwrap();
    let last = get(&mut conn, made.id).await.last_due_at.unwrap();
    let minutely = update(&mut conn, made.id, json!({"cron": "* * * * *"})).await.unwrap().after;
    assert_eq!(minutely.next_due_at, Some(last + TimeDelta::minutes(1)));
}

#[sqlx::test(migrator = "runplane::MIGRATOR")]
async fn a_change_that_cannot_be_is_refused_and_nothing_has_happened(mut conn: Conn) {
    let (world, version) = world(&mut conn).await;
    let made = schedule(&mut conn, world, json!({"starts_at": "2026-01-01T00:00:00Z"})).await;
    let taken = schedule(&mut conn, world, json!({"name": "taken"})).await;
    due_since(&mut conn, made.id, "date_trunc('minute', now())").await;
    let other = super::world(&mut conn).await.1;
    let before = get(&mut conn, made.id).await;
    for (fields, why) in [
        (json!({"name": "taken"}), "the tenant has a schedule of this name"),
        (json!({"cron": "0 0 30 2 *"}), "none of its times lies ahead"),
        (json!({"ends_at": "2025-01-01T00:00:00Z"}), "ends_at must be later than starts_at"),
        (json!({"ends_at": "2026-01-02T00:00:00Z"}), "none of its times lies ahead"),
        (json!({"pipeline_version_id": other}), "pipeline version not found"),
    ] {
        let error = update(&mut conn, made.id, fields.clone()).await.unwrap_err();
        assert_eq!(error.to_string(), why, "{fields}");
        assert_eq!(get(&mut conn, made.id).await, before, "{fields}");
        assert_eq!(times(&mut conn, made.id).await, NO_TIMES, "{fields}");
    }
    let error = update(&mut conn, Uuid::now_v7(), json!({})).await.unwrap_err();
    assert!(matches!(error, UpdateScheduleError::NotFound));

    // What it runs is not asked about when it is only paused.
    deprecate(&mut conn, version).await.unwrap();
    assert!(update(&mut conn, taken.id, json!({"paused": true})).await.unwrap().after.paused);
    let error = update(&mut conn, taken.id, json!({"parameters": {}})).await.unwrap_err();
    assert_eq!(error.to_string(), "the pipeline has no APPROVED version");
}

#[sqlx::test(migrator = "runplane::MIGRATOR")]
async fn an_edit_while_its_pipeline_is_paused_creates_nothing(mut conn: Conn) {
    let (world, _) = world(&mut conn).await;
    let made = schedule(&mut conn, world, json!({"missed_runs": "all"})).await;
    let due = due_since(&mut conn, made.id, "date_trunc('minute', now()) - interval '3 min'").await;
    sqlx::query("update pipelines set paused = true").execute(&mut *conn).await.unwrap();
    let renamed = update(&mut conn, made.id, json!({"name": "renamed"})).await.unwrap();
    assert_eq!((renamed.ticked.created, renamed.after.next_due_at), (0, Some(due)), "it goes on waiting");
    let edited = update(&mut conn, made.id, json!({"cron": "0 * * * *"})).await.unwrap();
    assert!(edited.after.next_due_at.unwrap() > due + TimeDelta::minutes(3), "counted from now");
    assert_eq!(times(&mut conn, made.id).await, NO_TIMES);
}

/// A schedule that has 150 runs to make up for.
async fn behind(conn: &mut PgConnection, world: World) -> Uuid {
    let fields = json!({"cron": "* * * * *", "missed_runs": "all", "parameters": {"day": "old"}});
    let made = schedule(conn, world, fields).await;
    due_since(conn, made.id, "date_trunc('minute', now()) - interval '149 min'").await;
    made.id
}

#[sqlx::test(migrator = "runplane::MIGRATOR")]
async fn a_change_waits_until_the_runs_are_there_that_were_missed_before_it(mut conn: Conn) {
    let (world, _) = world(&mut conn).await;
    let changes = [
        json!({"cron": "0 * * * *"}),
        json!({"time_zone": "Asia/Tokyo"}),
        json!({"paused": true}),
        json!({"parameters": {"day": "new"}}),
        json!({"missed_runs": "all", "priority": 1}),
    ];
    for change in changes {
        let id = behind(&mut conn, world).await;
        let before = get(&mut conn, id).await;
        let refused = update(&mut conn, id, change.clone()).await;
        assert!(matches!(refused, Err(UpdateScheduleError::Behind)), "{change}: {refused:?}");
        assert_eq!(get(&mut conn, id).await, before, "{change}");
        assert_eq!(times(&mut conn, id).await, NO_TIMES, "{change}");
        // A sweep comes by, and fifty are left: these it creates itself.
        assert_eq!(tick(&mut conn, id).await.created, 100);
        let updated = update(&mut conn, id, change.clone()).await.unwrap();
        // A minute or two may have ended since.
        assert!((50..=52).contains(&updated.ticked.created), "{change}: {:?}", updated.ticked);
        let olds =
            "select count(*) from pipeline_runs where schedule_id = $1 and parameters ->> 'day' = 'old'";
        let olds: i64 = sqlx::query_scalar(olds).bind(id).fetch_one(&mut *conn).await.unwrap();
        assert_eq!(olds.unsigned_abs(), 100 + updated.ticked.created, "{change}");
    }
}

/// Somebody who stops it need not wait for what he does not want.
#[sqlx::test(migrator = "runplane::MIGRATOR")]
async fn a_change_may_give_up_what_was_missed(mut conn: Conn) {
    let (world, _) = world(&mut conn).await;
    for missed_runs in ["skip", "latest"] {
        let id = behind(&mut conn, world).await;
        let change = json!({"missed_runs": missed_runs, "paused": true});
        let stopped = update(&mut conn, id, change).await.unwrap();
        assert_eq!((stopped.after.paused, stopped.after.next_due_at), (true, None));
        let times = times(&mut conn, id).await;
        assert!((5..=6).contains(&times.len()), "those that are merely late: {times:?}");
        assert_eq!(tick(&mut conn, id).await, Ticked::default());
    }
    // It says what becomes of what is missed from now on, where nothing waits to be made up for.
    let made = schedule(&mut conn, world, json!({"cron": "* * * * *", "missed_runs": "skip"})).await;
    due_since(&mut conn, made.id, "date_trunc('minute', now()) - interval '149 min'").await;
    let updated = update(&mut conn, made.id, json!({"missed_runs": "all"})).await.unwrap();
    assert!((5..=6).contains(&updated.ticked.created), "as it was meant: {:?}", updated.ticked);
}

#[sqlx::test(migrator = "runplane::MIGRATOR")]
async fn a_change_while_its_pipeline_is_paused_waits_for_nothing(mut conn: Conn) {
    let (world, _) = world(&mut conn).await;
    let id = behind(&mut conn, world).await;
    sqlx::query("update pipelines set paused = true").execute(&mut *conn).await.unwrap();
    let edited = update(&mut conn, id, json!({"cron": "0 * * * *"})).await.unwrap();
    assert!(edited.after.next_due_at.unwrap() > now(&mut conn).await - TimeDelta::seconds(1));
    assert_eq!(times(&mut conn, id).await, NO_TIMES);
}

#[sqlx::test(migrator = "runplane::MIGRATOR")]
async fn the_audit_is_told_what_changed_and_no_parameters(mut conn: Conn) {
    let (world, _) = world(&mut conn).await;
    let made = schedule(&mut conn, world, json!({"parameters": {"day": "a"}})).await;
    let same = update(&mut conn, made.id, json!({"priority": 5})).await.unwrap();
    assert_eq!(catalog::schedule_changes(&same.before, &same.after), None);
    let fields = json!({"paused": true, "queue": "q", "parameters": {"day": "b"}});
    let updated = update(&mut conn, made.id, fields).await.unwrap();
    assert_eq!(
        catalog::schedule_changes(&updated.before, &updated.after),
        Some(json!({
            "paused": {"from": false, "to": true}, "queue": {"from": null, "to": "q"}, "parameters": "changed",
        }))
    );
}

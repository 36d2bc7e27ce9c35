//! What a schedule does when it is due.

use chrono::{DurationRound as _, TimeDelta};
use runplane::catalog::{self, Ticked};
use runplane::dag::ParamsCache;
use runplane::runs::{self, Marks, RunStatus};
use runplane::scope::Scope;
use serde_json::json;
use uuid::Uuid;

use super::{approved, due_since, get, now, schedule, tick, times, world};
use crate::support::{Conn, deprecate};

const ONE: Ticked = Ticked { created: 1, failed: 0 };
const NOTHING: Ticked = Ticked { created: 0, failed: 0 };

#[sqlx::test(migrator = "runplane::MIGRATOR")]
async fn a_schedule_that_is_due_creates_its_run_and_is_due_at_its_next_time(mut conn: Conn) {
    let (world, version) = world(&mut conn).await;
    let fields = json!({
        "queue": "nightly", "priority": 7, "labels": {"team": "shop"}, "max_attempts": 3, "max_lost": 1,
        "concurrency_key": "orders", "parameters": {"shop": 1},
    });
    let made = schedule(&mut conn, world, fields).await;
    assert!(made.next_due_at.unwrap() > now(&mut conn).await);
    assert_eq!(tick(&mut conn, made.id).await, NOTHING, "it is not due yet");

    let due = due_since(&mut conn, made.id, "date_trunc('minute', now())").await;
    assert_eq!(tick(&mut conn, made.id).await, ONE);
    let after = get(&mut conn, made.id).await;
    assert_eq!(after.next_due_at, made.next_due_at);
    assert_eq!((after.last_due_at, after.last_error.as_deref()), (Some(due), None));
    let run = runs::get(&mut conn, Scope::All, after.last_run_id.unwrap()).await.unwrap().run;
    assert_eq!((run.schedule_id, run.scheduled_for), (Some(made.id), Some(due)));
    assert_eq!((run.trigger_type.as_str(), run.status), ("schedule", RunStatus::Queued));
    assert_eq!((run.pipeline_version_id, run.tenant_id), (version, world.tenant));
    assert_eq!(run.parameters, json!({"shop": 1, "day": "today"}), "with the version's defaults");
    assert_eq!((run.queue.as_str(), run.priority, run.max_attempts, run.max_lost), ("nightly", 7, 3, 1));
    assert_eq!((run.labels["team"].as_str(), run.concurrency_key.as_deref()), ("shop", Some("orders")));
    assert!(run.dispatch_due_at.is_some(), "SQS is to be told");
    assert_eq!(tick(&mut conn, made.id).await, NOTHING, "that was all");
}

#[sqlx::test(migrator = "runplane::MIGRATOR")]
async fn missed_times_are_skipped_or_the_latest_of_them_runs_or_all_of_them(mut conn: Conn) {
    let (world, _) = world(&mut conn).await;
    let hours =
        |from: i64, to: i64| (to..=from).rev().map(|hours| TimeDelta::hours(-hours)).collect::<Vec<_>>();
    // Half an hour after its last time, and due since the one three hours before that.
    for (missed_runs, expected) in [("skip", vec![]), ("latest", hours(0, 0)), ("all", hours(3, 0))] {
        let minute = (now(&mut conn).await + TimeDelta::minutes(30)).format("%M").to_string();
        let made = schedule(
            &mut conn,
            world,
            json!({"cron": format!("{minute} * * * *"), "missed_runs": missed_runs}),
        )
        .await;
        let last = made.next_due_at.unwrap() - TimeDelta::hours(1);
        let first = last - TimeDelta::hours(3);
        due_since(&mut conn, made.id, &format!("'{}'", first.to_rfc3339())).await;
        let created = tick(&mut conn, made.id).await.created;
        let expected: Vec<_> = expected.into_iter().map(|before| last + before).collect();
        assert_eq!(times(&mut conn, made.id).await, expected, "{missed_runs}");
        assert_eq!(created, expected.len() as u64);
        assert_eq!(get(&mut conn, made.id).await.next_due_at, made.next_due_at, "{missed_runs}");
    }
}

#[sqlx::test(migrator = "runplane::MIGRATOR")]
async fn times_that_are_a_little_late_all_run(mut conn: Conn) {
    let (world, _) = world(&mut conn).await;
    for missed_runs in ["skip", "latest", "all"] {
        let made = schedule(&mut conn, world, json!({"cron": "* * * * *", "missed_runs": missed_runs})).await;
        let first = due_since(&mut conn, made.id, "date_trunc('minute', now()) - interval '2 min'").await;
        tick(&mut conn, made.id).await;
        let expected = [0, 1, 2].map(|minutes| first + TimeDelta::minutes(minutes));
        // A minute may have ended since.
        assert_eq!(times(&mut conn, made.id).await[..3], expected, "{missed_runs}");
    }
}

#[sqlx::test(migrator = "runplane::MIGRATOR")]
async fn a_long_time_is_made_up_for_a_hundred_runs_at_a_time_and_no_more_than_seven_days(mut conn: Conn) {
    let (world, _) = world(&mut conn).await;
    let made = schedule(&mut conn, world, json!({"cron": "*/30 * * * *", "missed_runs": "all"})).await;
    due_since(&mut conn, made.id, "date_trunc('hour', now()) - interval '30 days'").await;
    let mut created = Vec::new();
    loop {
        let ticked = tick(&mut conn, made.id).await;
        if ticked == NOTHING {
            break;
        }
        created.push(ticked.created);
    }
    // 7 days have 336 of these times.
    assert_eq!(created[..3], [100, 100, 100]);
    let times = times(&mut conn, made.id).await;
    assert!((335..=337).contains(&times.len()), "{}", times.len());
    assert!(times.windows(2).all(|two| two[1] - two[0] == TimeDelta::minutes(30)), "none is left out");
    assert!(now(&mut conn).await - times[0] <= TimeDelta::days(7));
    assert!(get(&mut conn, made.id).await.next_due_at >= made.next_due_at);
}

#[sqlx::test(migrator = "runplane::MIGRATOR")]
async fn a_time_of_day_comes_once_when_the_clock_goes_back_although_it_is_shown_twice(mut conn: Conn) {
    let (world, _) = world(&mut conn).await;
    let fields = json!({"cron": "30 2 * * *", "time_zone": "Europe/Berlin", "missed_runs": "all", "starts_at": "2020-01-01T00:00:00Z"});
    let made = schedule(&mut conn, world, fields).await;
    let after = get(&mut conn, made.id).await;
    assert_eq!(after.due_times.len(), 5);
    assert_eq!(after.due_times[0], made.next_due_at.unwrap());
    // By the clock of Berlin all of them are at half past two, but for one that the clock passes over.
    let walls: Vec<String> = sqlx::query_scalar(
        "select to_char(t at time zone 'Europe/Berlin', 'HH24:MI') from unnest($1::timestamptz[]) t",
    )
    .bind(&after.due_times)
    .fetch_all(&mut *conn)
    .await
    .unwrap();
    assert!(walls.iter().all(|wall| wall == "02:30" || wall == "03:00"), "{walls:?}");
}

#[sqlx::test(migrator = "runplane::MIGRATOR")]
async fn without_a_version_the_one_that_was_approved_last_runs(mut conn: Conn) {
    let (world, first) = world(&mut conn).await;
    let made = schedule(&mut conn, world, json!({})).await;
    let pinned = schedule(&mut conn, world, json!({"pipeline_version_id": first})).await;
    let ran = async |conn: &mut Conn, id: Uuid| {
        due_since(conn, id, "date_trunc('minute', now())").await;
        // Another minute each time, as one of them has had its run.
        sqlx::query("delete from pipeline_runs").execute(&mut **conn).await.unwrap();
        assert_eq!(tick(conn, id).await, ONE);
        let run = get(conn, id).await.last_run_id.unwrap();
        runs::get(conn, Scope::All, run).await.unwrap().run.pipeline_version_id
    };
    assert_eq!(ran(&mut conn, made.id).await, first);
    let second = approved(&mut conn, world).await;
    world.draft(&mut conn).await;
    assert_eq!(ran(&mut conn, made.id).await, second);
    assert_eq!(ran(&mut conn, pinned.id).await, first);
    deprecate(&mut conn, second).await.unwrap();
    assert_eq!(ran(&mut conn, made.id).await, first);
}

#[sqlx::test(migrator = "runplane::MIGRATOR")]
async fn its_last_time_is_the_end_of_it(mut conn: Conn) {
    let (world, _) = world(&mut conn).await;
    let now = now(&mut conn).await.duration_trunc(TimeDelta::minutes(1)).unwrap();
    let ends_at = now + TimeDelta::minutes(2);
    let made = schedule(&mut conn, world, json!({"cron": "* * * * *", "ends_at": ends_at})).await;
    assert_eq!(made.due_times.last(), Some(&ends_at), "the bound belongs to it");
    sqlx::query("update schedules set ends_at = $2, next_due_at = $2 where id = $1")
        .bind(made.id)
        .bind(now)
        .execute(&mut *conn)
        .await
        .unwrap();
    assert_eq!(tick(&mut conn, made.id).await, ONE);
    let after = get(&mut conn, made.id).await;
    assert_eq!((after.next_due_at, after.due_times), (None, vec![]));
}

#[sqlx::test(migrator = "runplane::MIGRATOR")]
async fn while_its_tenant_or_its_pipeline_is_paused_it_waits(mut conn: Conn) {
    let (world, _) = world(&mut conn).await;
    let made = schedule(&mut conn, world, json!({"cron": "* * * * *", "missed_runs": "all"})).await;
    let first = due_since(&mut conn, made.id, "date_trunc('minute', now()) - interval '10 min'").await;
    for table in ["tenants", "pipelines"] {
        let pause = |paused: bool| {
            sqlx::AssertSqlSafe(format!(
                "update {table} set paused = {paused} where $1 in (id, '{}')",
                world.tenant
            ))
        };
        sqlx::query(pause(true)).bind(world.pipeline).execute(&mut *conn).await.unwrap();
        sqlx::query(pause(true)).bind(world.tenant).execute(&mut *conn).await.unwrap();
        assert_eq!(tick(&mut conn, made.id).await, NOTHING, "{table}");
        let due = runplane::sweep::due_schedules(&mut conn, Scope::All, true, None, 10).await.unwrap();
        assert_eq!(due, [], "{table}");
        sqlx::query(pause(false)).bind(world.pipeline).execute(&mut *conn).await.unwrap();
        sqlx::query(pause(false)).bind(world.tenant).execute(&mut *conn).await.unwrap();
    }
    tick(&mut conn, made.id).await;
    assert_eq!(
        times(&mut conn, made.id).await[0],
        first,
        "what it has missed meanwhile is as anything missed"
    );
}

#[sqlx::test(migrator = "runplane::MIGRATOR")]
async fn a_retry_is_for_the_same_time_and_the_worker_knows_it(mut conn: Conn) {
    let (world, _) = world(&mut conn).await;
    let made = schedule(&mut conn, world, json!({})).await;
    let due = due_since(&mut conn, made.id, "date_trunc('minute', now())").await;
    tick(&mut conn, made.id).await;
    let options = runs::ClaimOptions {
        worker: "w",
        queues: None,
        lease_seconds: 300,
        claim_id: None,
        max_runs: 1,
        pushed_only: false,
    };
    let scope = Scope::Tenant(world.tenant);
    let claimed = runs::claim(&mut conn, scope, &Marks::default(), options).await.unwrap().claims.remove(0);
    let run = claimed.run.run;
    assert_eq!((run.schedule_id, run.scheduled_for), (Some(made.id), Some(due)));
    runs::cancel(&mut conn, scope, run.id, &serde_json::from_value(json!({})).unwrap()).await.unwrap();
    let again = serde_json::from_value(json!({})).unwrap();
    let retried =
        runs::retry(&mut conn, &ParamsCache::default(), scope, run.id, &again, None).await.unwrap().run;
    assert_eq!((retried.schedule_id, retried.scheduled_for), (Some(made.id), Some(due)));
    assert_eq!(retried.trigger_type, "retry");
    catalog::delete_schedule(&mut conn, scope, made.id).await.unwrap();
    let left = runs::get(&mut conn, scope, retried.id).await.unwrap().run;
    assert_eq!(left.schedule_id, Some(made.id), "runs stay as they are");
}

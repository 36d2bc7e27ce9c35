//! A schedule that cannot create its runs says so, goes on, and keeps nobody from theirs.

use chrono::TimeDelta;
use runplane::catalog::Ticked;
use runplane::runs;
use serde_json::{Value, json};
use sqlx::PgConnection;
use uuid::Uuid;

use super::{NO_TIMES, approved, due_since, get, now, schedule, tick, times, world};
use crate::support::{Conn, approve, deprecate};

const FAILED: Ticked = Ticked { created: 0, failed: 1 };

/// Lets it be due, in vain; returns what it says.
async fn error(conn: &mut PgConnection, id: Uuid) -> String {
    let due = due_since(conn, id, "date_trunc('minute', now())").await;
    assert_eq!(tick(conn, id).await, FAILED);
    let after = get(conn, id).await;
    assert!(after.next_due_at.is_some_and(|next| next > due), "it goes on at its next time");
    assert_eq!(times(conn, id).await, NO_TIMES);
    assert!(after.last_error_at.is_some() && after.last_due_at.is_none());
    after.last_error.unwrap()
}

#[sqlx::test(migrator = "runplane::MIGRATOR")]
async fn why_there_is_no_run_stands_on_the_schedule_until_there_is_one(mut conn: Conn) {
    let (world, version) = world(&mut conn).await;
    let pinned = schedule(&mut conn, world, json!({"pipeline_version_id": version})).await.id;
    let newest = schedule(&mut conn, world, json!({})).await.id;
    deprecate(&mut conn, version).await.unwrap();
    assert_eq!(error(&mut conn, pinned).await, "pipeline version must be APPROVED to run");
    assert_eq!(error(&mut conn, newest).await, "the pipeline has no APPROVED version");

    approve(&mut conn, version).await.unwrap();
    for id in [pinned, newest] {
        due_since(&mut conn, id, "date_trunc('minute', now())").await;
        assert_eq!(tick(&mut conn, id).await.created, 1);
        let after = get(&mut conn, id).await;
        assert_eq!((after.last_error, after.last_error_at), (None, None));
        // Nothing is due: what it says stays.
        assert_eq!(tick(&mut conn, id).await.created, 0);
    }
}

#[sqlx::test(migrator = "runplane::MIGRATOR")]
async fn parameters_that_a_newer_version_does_not_take_are_named(mut conn: Conn) {
    let (world, _) = world(&mut conn).await;
    let made = schedule(&mut conn, world, json!({"parameters": {"day": 7}})).await.id;
    let spec: Value =
        json!({"steps": [], "params": {"type": "object", "properties": {"day": {"type": "string"}}}});
    let version = world.version(spec);
    let version = runplane::catalog::create_version(&mut conn, &version).await.unwrap().version.id;
    approve(&mut conn, version).await.unwrap();
    let error = error(&mut conn, made).await;
    assert!(
        error.starts_with("the parameters are not what the version asks for: /parameters/day "),
        "{error}"
    );
}

#[sqlx::test(migrator = "runplane::MIGRATOR")]
async fn what_postgres_refuses_is_the_schedules_own_matter(mut conn: Conn) {
    let (world, _) = world(&mut conn).await;
    let made = schedule(&mut conn, world, json!({"queue": "cursed"})).await.id;
    let well = schedule(&mut conn, world, json!({})).await.id;
    sqlx::raw_sql("alter table pipeline_runs add constraint no_such_queue check (queue <> 'cursed')")
        .execute(&mut *conn)
        .await
        .unwrap();
    assert_eq!(error(&mut conn, made).await, "Postgres refused the run: the sweep's log says why");
    due_since(&mut conn, well, "date_trunc('minute', now())").await;
    assert_eq!(tick(&mut conn, well).await.created, 1);
}

#[sqlx::test(migrator = "runplane::MIGRATOR")]
async fn times_that_cannot_be_told_are_asked_for_again_in_an_hour(mut conn: Conn) {
    let (world, _) = world(&mut conn).await;
    let made = schedule(&mut conn, world, json!({})).await.id;
    let spoil = "update schedules set time_zone = 'Europe/Atlantis', next_due_at = now() where id = $1";
    sqlx::query(spoil).bind(made).execute(&mut *conn).await.unwrap();
    assert_eq!(tick(&mut conn, made).await, FAILED);
    let after = get(&mut conn, made).await;
    assert!(
        after.last_error.unwrap().starts_with("its times cannot be told: is no time zone"),
        "{:?}",
        after.cron
    );
    let wait = after.next_due_at.unwrap() - now(&mut conn).await;
    assert!(wait > TimeDelta::minutes(59) && wait <= TimeDelta::hours(1), "{wait}");
}

/// What says when to look again is no time of the cron.
#[sqlx::test(migrator = "runplane::MIGRATOR")]
async fn a_schedule_whose_times_can_be_told_again_runs_at_times_of_its_cron_alone(mut conn: Conn) {
    let (world, _) = world(&mut conn).await;
    for (cron, missed_runs) in
        [("0 0 1 1 *", "skip"), ("0 0 1 1 *", "latest"), ("0 0 1 1 *", "all"), ("* * * * *", "all")]
    {
        let made = schedule(&mut conn, world, json!({"cron": cron, "missed_runs": missed_runs})).await;
        let spoil = "update schedules set time_zone = 'Europe/Atlantis', next_due_at = now() where id = $1";
        sqlx::query(spoil).bind(made.id).execute(&mut *conn).await.unwrap();
        assert_eq!(tick(&mut conn, made.id).await, FAILED);
        let mend = "update schedules set time_zone = 'UTC', next_due_at = next_due_at - interval '62 min' where id = $1";
        sqlx::query(mend).bind(made.id).execute(&mut *conn).await.unwrap();
        let shown = get(&mut conn, made.id).await;
        assert!(
            shown.due_times.iter().all(|time| time.timestamp_micros() % 60_000_000 == 0),
            "{:?}",
            shown.due_times
        );
        let ticked = tick(&mut conn, made.id).await;
        let times = times(&mut conn, made.id).await;
        assert!(
            times.iter().all(|time| time.timestamp_micros() % 60_000_000 == 0),
            "{cron} {missed_runs}: {times:?}"
        );
        let after = get(&mut conn, made.id).await;
        assert!(after.next_due_at.is_some_and(|next| next > shown.next_due_at.unwrap()));
        if cron == "* * * * *" {
            assert!((2..=3).contains(&times.len()), "{times:?}");
            assert_eq!((ticked.created, ticked.failed), (times.len() as u64, 0));
        } else {
            assert_eq!((ticked, times), (Ticked::default(), vec![]), "{missed_runs}");
            assert_eq!(after.next_due_at, made.next_due_at);
        }
    }
}

#[sqlx::test(migrator = "runplane::MIGRATOR")]
async fn somebody_elses_use_of_the_key_is_told(mut conn: Conn) {
    let (world, _) = world(&mut conn).await;
    let version = approved(&mut conn, world).await;
    let made = schedule(&mut conn, world, json!({})).await.id;
    let due = due_since(&mut conn, made, "date_trunc('minute', now())").await;
    let key = format!("schedule/{made}/{}", due.to_rfc3339_opts(chrono::SecondsFormat::Secs, true));
    let request = crate::support::request(json!({"tenant_id": world.tenant, "pipeline_version_id": version}));
    runs::create(&mut conn, &Default::default(), &request, Some(&key)).await.unwrap();
    assert_eq!(tick(&mut conn, made).await, FAILED);
    let told = get(&mut conn, made).await.last_error.unwrap();
    assert_eq!(told, "somebody else has used the Idempotency-Key of this time");
}

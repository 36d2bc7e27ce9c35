//! When the sweep has to come again: each kind of thing that falls due, and what has nobody come.

use runplane::runs::RunStatus;
use runplane::sweep::{self, Next};
use sqlx::PgConnection;
use uuid::Uuid;

use crate::plans::{pages, seed};
use crate::support::{Row, World, change, queued, world};

type Conn = sqlx::pool::PoolConnection<sqlx::Postgres>;

async fn next(conn: &mut PgConnection) -> Next {
    sweep::next(conn).await.unwrap()
}

/// In how many minutes something is due, to the nearest one; None: nothing is.
async fn due_in_minutes(conn: &mut PgConnection) -> Option<f64> {
    next(conn).await.due_in_seconds.map(|seconds| (seconds / 60.0).round())
}

#[sqlx::test(migrator = "runplane::MIGRATOR")]
async fn with_runs_that_have_ended_nothing_is_due(mut conn: Conn) {
    assert_eq!(next(&mut conn).await, Next::default());
    let world = world(&mut conn).await;
    for status in [RunStatus::Succeeded, RunStatus::Failed, RunStatus::Cancelled] {
        Row::new(status).insert(&mut conn, world).await;
    }
    assert_eq!(next(&mut conn).await, Next::default());
}

#[sqlx::test(migrator = "runplane::MIGRATOR")]
async fn a_run_that_is_running_is_in_flight_whether_its_lease_lives_or_not(mut conn: Conn) {
    let world = world(&mut conn).await;
    let in_flight = Next { in_flight: true, ..Next::default() };
    let run = Row::new(RunStatus::Running).insert(&mut conn, world).await;
    assert_eq!(next(&mut conn).await, in_flight);
    change(&mut conn, run, "lease_expires_at = now() - interval '1 h'").await;
    assert_eq!(next(&mut conn).await, in_flight);
    change(&mut conn, run, "status = 'SUCCEEDED', finished_at = now(), lease_expires_at = null").await;
    assert_eq!(next(&mut conn).await, Next::default());
}

#[sqlx::test(migrator = "runplane::MIGRATOR")]
async fn a_dispatch_is_due_a_minute_before_the_run_may_go_on(mut conn: Conn) {
    let world = world(&mut conn).await;
    let run = queued(&mut conn, world, "dispatch_due_at = now() + interval '20 min'").await;
    assert_eq!(due_in_minutes(&mut conn).await, Some(19.0));
    change(&mut conn, run, "dispatch_due_at = now() - interval '5 min'").await;
    assert_eq!(due_in_minutes(&mut conn).await, Some(-6.0));
    // Parked: whoever frees a slot has the sweep come.
    change(&mut conn, run, "dispatch_due_at = null, redispatch_at = null").await;
    assert_eq!(due_in_minutes(&mut conn).await, None);
}

#[sqlx::test(migrator = "runplane::MIGRATOR")]
async fn a_dispatch_that_has_led_to_no_claim_is_due_again(mut conn: Conn) {
    let world = world(&mut conn).await;
    queued(&mut conn, world, "dispatch_due_at = null, redispatch_at = now() + interval '10 min'").await;
    assert_eq!(due_in_minutes(&mut conn).await, Some(10.0));
}

#[sqlx::test(migrator = "runplane::MIGRATOR")]
async fn a_start_by_is_due_until_the_run_has_started(mut conn: Conn) {
    let world = world(&mut conn).await;
    let late = "dispatch = 'pull', dispatch_due_at = null, start_by = now() + interval '30 min'";
    let run = queued(&mut conn, world, late).await;
    assert_eq!(due_in_minutes(&mut conn).await, Some(30.0));
    change(&mut conn, run, "started_at = now()").await;
    assert_eq!(due_in_minutes(&mut conn).await, None);
}

async fn schedule(conn: &mut PgConnection, world: World, minutes: i32) {
    sqlx::query(
        "insert into schedules (id, tenant_id, pipeline_id, name, cron, time_zone, missed_runs, next_due_at)
         values ($1, $2, $3, $1::text, '0 3 * * *', 'UTC', 'skip', now() + make_interval(mins => $4))",
    )
    .bind(Uuid::now_v7())
    .bind(world.tenant)
    .bind(world.pipeline)
    .bind(minutes)
    .execute(conn)
    .await
    .unwrap();
}

#[sqlx::test(migrator = "runplane::MIGRATOR")]
async fn the_first_schedule_is_due_whose_tenant_and_pipeline_are_not_paused(mut conn: Conn) {
    let worlds = [world(&mut conn).await, world(&mut conn).await, world(&mut conn).await];
    for (world, minutes) in worlds.into_iter().zip([-10, 5, 40]) {
        schedule(&mut conn, world, minutes).await;
    }
    assert_eq!(due_in_minutes(&mut conn).await, Some(-10.0));
    let pause = "update tenants set paused = true where id = $1";
    sqlx::query(pause).bind(worlds[0].tenant).execute(&mut *conn).await.unwrap();
    assert_eq!(due_in_minutes(&mut conn).await, Some(5.0));
    let pause = "update pipelines set paused = true where id = $1";
    sqlx::query(pause).bind(worlds[1].pipeline).execute(&mut *conn).await.unwrap();
    assert_eq!(due_in_minutes(&mut conn).await, Some(40.0));
    // One that is paused itself, or has no more times.
    sqlx::raw_sql("update schedules set paused = true, next_due_at = null")
        .execute(&mut *conn)
        .await
        .unwrap();
    assert_eq!(due_in_minutes(&mut conn).await, None);
}

#[sqlx::test(migrator = "runplane::MIGRATOR")]
async fn the_first_of_all_kinds_is_due(mut conn: Conn) {
    let world = world(&mut conn).await;
    schedule(&mut conn, world, 25).await;
    queued(&mut conn, world, "dispatch_due_at = null, redispatch_at = now() + interval '15 min'").await;
    let run = queued(&mut conn, world, "dispatch_due_at = now() + interval '45 min'").await;
    assert_eq!(due_in_minutes(&mut conn).await, Some(15.0));
    change(&mut conn, run, "start_by = now() + interval '5 min'").await;
    assert_eq!(due_in_minutes(&mut conn).await, Some(5.0));
}

/// In how many minutes an event is due, to the nearest one.
async fn event_in_minutes(conn: &mut PgConnection) -> Option<f64> {
    next(conn).await.events_due_in_seconds.map(|seconds| (seconds / 60.0).round())
}

#[sqlx::test(migrator = "runplane::MIGRATOR")]
async fn an_event_is_due_when_its_listener_has_rested_unless_it_is_paused(mut conn: Conn) {
    let world = world(&mut conn).await;
    let listeners = [Uuid::now_v7(), Uuid::now_v7()];
    for listener in listeners {
        sqlx::query(
            "insert into listeners (id, tenant_id, name, url, secret_ref) values ($1, $2, $1::text, 'https://x', 's')",
        )
        .bind(listener)
        .bind(world.tenant)
        .execute(&mut *conn)
        .await
        .unwrap();
    }
    assert_eq!(event_in_minutes(&mut conn).await, None);
    queued(&mut conn, world, "dispatch = 'pull', dispatch_due_at = null").await;
    assert_eq!(event_in_minutes(&mut conn).await, Some(0.0));
    assert_eq!(due_in_minutes(&mut conn).await, None, "of events alone");
    let later = "update deliveries set due_at = now() + interval '4 min' where listener_id = $1";
    sqlx::query(later).bind(listeners[0]).execute(&mut *conn).await.unwrap();
    let rest = "insert into listener_health (listener_id, failures, failing_since, rests_until) values ($1, 3, now(), now() + interval '7 min')";
    sqlx::query(rest).bind(listeners[1]).execute(&mut *conn).await.unwrap();
    assert_eq!(event_in_minutes(&mut conn).await, Some(4.0));
    let pause = "update listeners set paused = true where id = $1";
    sqlx::query(pause).bind(listeners[0]).execute(&mut *conn).await.unwrap();
    assert_eq!(event_in_minutes(&mut conn).await, Some(7.0));
    sqlx::raw_sql("update deliveries set given_up = true").execute(&mut *conn).await.unwrap();
    assert_eq!(event_in_minutes(&mut conn).await, None);
}

#[sqlx::test(migrator = "runplane::MIGRATOR")]
async fn plans_of_what_is_next_read_a_few_pages_however_much_there_is(mut conn: Conn) {
    let world = seed(&mut conn).await;
    sqlx::query(
        "with due as (
           update pipeline_runs set dispatch = 'push', start_by = now() + interval '1 h', dispatch_due_at = now() + interval '1 h'
           where status = 'QUEUED' returning id),
         listener as (
           insert into listeners (id, tenant_id, name, url, secret_ref) values ($1, $1, 'w', 'https://x', 's') returning id)
         insert into deliveries (listener_id, tenant_id, run_id, event_id, event_type, data, due_at)
         select l.id, $1, gen_random_uuid(), gen_random_uuid(), 'run.queued', '{}', now() + interval '1 h'
         from listener l, generate_series(1, 10000)",
    )
    .bind(world.tenant)
    .execute(&mut *conn)
    .await
    .unwrap();
    for minutes in 1..=500 {
        schedule(&mut conn, world, minutes).await;
    }
    let vacuum = "vacuum analyze pipeline_runs, deliveries, listeners, schedules, tenants, pipelines";
    sqlx::raw_sql(vacuum).execute(&mut *conn).await.unwrap();
    let read = pages(&mut conn, "force_generic_plan", include_str!("../../sql/sweep_next.sql"), "").await;
    assert!(read <= 40, "{read} pages");
}

//! What becomes due without anybody asking: start_by, dispatches, retention.

use std::collections::HashSet;

use runplane::evidence::{self, LogLine};
use runplane::runs::{Marks, RunStatus, WaitingReason};
use runplane::scope::Scope;
use runplane::sweep;
use serde_json::json;
use sqlx::postgres::{PgConnectOptions, PgPoolOptions};
use sqlx::{ConnectOptions, PgConnection};
use uuid::Uuid;

use crate::support::{Row, change, claim, claim_by, claim_by_id, details, queued, running, told, world};

type Conn = sqlx::pool::PoolConnection<sqlx::Postgres>;

#[sqlx::test(migrator = "runplane::MIGRATOR")]
async fn a_run_that_was_not_started_in_time_is_cancelled_and_never_claimed(mut conn: Conn) {
    let world = world(&mut conn).await;
    let scope = Scope::Tenant(world.tenant);
    let late = queued(&mut conn, world, "start_by = now() - interval '1 s'").await;
    let started = queued(&mut conn, world, "start_by = now() - interval '1 s', started_at = now()").await;
    let early = queued(&mut conn, world, "start_by = now() + interval '1 h'").await;
    assert_eq!(claim_by_id(&mut conn, scope, late, "w").await, None);
    let mut claimed = HashSet::new();
    while let Some(claim) = claim(&mut conn, scope, &Marks::default(), claim_by("w")).await.unwrap() {
        claimed.insert(claim.run.run.id);
    }
    assert_eq!(claimed, HashSet::from([started, early]));

    assert_eq!(sweep::start_by(&mut conn, Scope::Tenant(Uuid::now_v7()), 10).await.unwrap(), 0);
    assert_eq!(sweep::start_by(&mut conn, scope, 10).await.unwrap(), 1);
    let run = details(&mut conn, late).await.run;
    assert_eq!((run.status, run.error_code.as_deref()), (RunStatus::Cancelled, Some("expired")));
    assert!(run.error_message.unwrap().starts_with("expired: not started by 20"));
    assert_eq!(sweep::start_by(&mut conn, scope, 10).await.unwrap(), 0);
}

#[sqlx::test(migrator = "runplane::MIGRATOR")]
async fn a_due_dispatch_is_taken_once_and_comes_back_if_it_is_not_marked(mut conn: Conn) {
    let world = world(&mut conn).await;
    let scope = Scope::Tenant(world.tenant);
    let now = queued(&mut conn, world, "").await;
    let soon = queued(
        &mut conn,
        world,
        "available_at = now() + interval '30 s', dispatch_due_at = now() + interval '30 s'",
    )
    .await;
    queued(
        &mut conn,
        world,
        "available_at = now() + interval '1 h', dispatch_due_at = now() + interval '1 h'",
    )
    .await;
    queued(&mut conn, world, "dispatch_due_at = null").await;
    assert_eq!(sweep::take_dispatches(&mut conn, Scope::Tenant(Uuid::now_v7()), 10).await.unwrap().taken, []);
    let taken = sweep::take_dispatches(&mut conn, scope, 10).await.unwrap().taken;
    let mut told: Vec<_> =
        taken.iter().map(|taken| (taken.notice.run_id, taken.notice.delay_seconds)).collect();
    told.sort_by_key(|(_, delay)| *delay);
    assert_eq!(told[0], (now, 0));
    assert!(told[1].0 == soon && (25..=30).contains(&told[1].1), "{told:?}");
    assert_eq!(told.len(), 2);
    assert_eq!(
        sweep::take_dispatches(&mut conn, scope, 10).await.unwrap().taken,
        [],
        "somebody sends them already"
    );

    // Of the two, one was sent before the sweep died.
    let sent: Vec<_> = taken.into_iter().filter(|taken| taken.notice.run_id == now).collect();
    sweep::mark_dispatched(&mut conn, &sent).await.unwrap();
    let waiting = details(&mut conn, now).await;
    assert_eq!(waiting.run.dispatch_due_at, None);
    let waiting = waiting.waiting_for.unwrap();
    assert_eq!((waiting.reason, waiting.dispatches), (WaitingReason::Worker, Some(1)));
    assert!(waiting.next_dispatch_at.is_some());
    let two_minutes = "dispatch_due_at = dispatch_due_at - interval '2 min'";
    change(&mut conn, soon, two_minutes).await;
    let again = sweep::take_dispatches(&mut conn, scope, 10).await.unwrap().taken;
    assert_eq!(again.iter().map(|taken| taken.notice.run_id).collect::<Vec<_>>(), [soon]);
}

#[sqlx::test(migrator = "runplane::MIGRATOR")]
async fn two_sweeps_at_once_take_each_dispatch_once(_pool: PgPoolOptions, options: PgConnectOptions) {
    let mut conn = options.connect().await.unwrap();
    let world = world(&mut conn).await;
    for _ in 0..60 {
        queued(&mut conn, world, "").await;
    }
    let sweepers = (0..6).map(|_| {
        let options = options.clone();
        tokio::spawn(async move {
            let mut conn = options.connect().await.unwrap();
            let mut all = Vec::new();
            loop {
                let taken = sweep::take_dispatches(&mut conn, Scope::All, 7).await.unwrap().taken;
                all.extend(taken.iter().map(|taken| taken.notice.run_id));
                if taken.is_empty() {
                    return all;
                }
            }
        })
    });
    let mut all = Vec::new();
    for sweeper in sweepers.collect::<Vec<_>>() {
        all.extend(sweeper.await.unwrap());
    }
    assert_eq!((all.len(), all.iter().collect::<HashSet<_>>().len()), (60, 60));
}

#[sqlx::test(migrator = "runplane::MIGRATOR")]
async fn a_dispatch_that_led_to_no_claim_becomes_due_again_and_a_claim_forgets_it(mut conn: Conn) {
    let world = world(&mut conn).await;
    let scope = Scope::Tenant(world.tenant);
    let dispatched = "dispatch_due_at = null, dispatches = 1, redispatch_at = now() - interval '1 s'";
    let forgotten = queued(&mut conn, world, dispatched).await;
    let waiting = queued(
        &mut conn,
        world,
        "dispatch_due_at = null, dispatches = 1, redispatch_at = now() + interval '1 min'",
    )
    .await;
    assert_eq!(sweep::redispatches(&mut conn, Scope::Tenant(Uuid::now_v7()), 10).await.unwrap(), 0);
    assert_eq!(sweep::redispatches(&mut conn, scope, 0).await.unwrap(), 0, "no room in the queue");
    assert_eq!(sweep::redispatches(&mut conn, scope, 10).await.unwrap(), 1);
    let taken = sweep::take_dispatches(&mut conn, scope, 10).await.unwrap().taken;
    assert_eq!(taken.iter().map(|taken| taken.notice.run_id).collect::<Vec<_>>(), [forgotten]);
    claim_by_id(&mut conn, scope, waiting, "w").await.unwrap();
    let row = crate::support::row(&mut conn, waiting).await;
    assert_eq!((&row["redispatch_at"], &row["dispatches"]), (&serde_json::Value::Null, &0.into()));
}

#[sqlx::test(migrator = "runplane::MIGRATOR")]
async fn runs_are_deleted_with_their_attempts_when_they_ended_long_ago(mut conn: Conn) {
    let world = world(&mut conn).await;
    let scope = Scope::Tenant(world.tenant);
    let mut ids = Vec::new();
    for status in RunStatus::ALL {
        let mut old = Row::new(status);
        old.attempt_outcome = Some("LOST");
        ids.push(old.insert(&mut conn, world).await);
    }
    sqlx::query("update pipeline_runs set created_at = now() - interval '91 days'")
        .execute(&mut *conn)
        .await
        .unwrap();
    let (none, all) = (sweep::Retained::default(), None);
    let kept = sweep::retention(&mut conn, scope, 90, 10, all).await.unwrap();
    assert_eq!((kept.walked, kept.deleted), (5, 0), "created long ago, but ended just now");
    sqlx::query("update pipeline_runs set finished_at = finished_at - interval '90 days 1 s'")
        .execute(&mut *conn)
        .await
        .unwrap();
    let foreign = Scope::Tenant(Uuid::now_v7());
    assert_eq!(sweep::retention(&mut conn, foreign, 90, 10, all).await.unwrap(), none);
    assert_eq!(sweep::retention(&mut conn, scope, 91, 10, all).await.unwrap().deleted, 0);
    let first = sweep::retention(&mut conn, scope, 90, 3, all).await.unwrap();
    assert_eq!((first.walked, first.deleted), (3, 1), "QUEUED and RUNNING ones are passed by");
    let second = sweep::retention(&mut conn, scope, 90, 3, first.last).await.unwrap();
    assert_eq!((second.walked, second.deleted), (2, 2), "the next batch does not look at them again");
    assert_eq!(sweep::retention(&mut conn, scope, 90, 3, second.last).await.unwrap(), none);
    let left: Vec<String> = sqlx::query_scalar("select status from pipeline_runs order by 1")
        .fetch_all(&mut *conn)
        .await
        .unwrap();
    assert_eq!(left, ["QUEUED", "RUNNING"]);
    let attempts: i64 =
        sqlx::query_scalar("select count(*) from run_attempts").fetch_one(&mut *conn).await.unwrap();
    assert_eq!(attempts, 2);
}

#[sqlx::test(migrator = "runplane::MIGRATOR")]
async fn what_belongs_to_old_runs_is_deleted_in_small_portions_before_them(mut conn: Conn) {
    let world = world(&mut conn).await;
    let old = Row::new(RunStatus::Succeeded).insert(&mut conn, world).await;
    let young = Row::new(RunStatus::Succeeded).insert(&mut conn, world).await;
    let (alive, _) = running(&mut conn, world).await;
    for run in [old, young, alive] {
        let lines: Vec<_> = (0..25).map(|line| json!({ "message": line.to_string() })).collect();
        let lines: Vec<LogLine> = serde_json::from_value(json!(lines)).unwrap();
        evidence::add_logs(&mut conn, Scope::All, run, &lines).await.unwrap();
    }
    for run in [old, alive] {
        change(&mut conn, run, "created_at = now() - interval '100 days'").await;
    }
    change(&mut conn, old, "finished_at = now() - interval '91 days'").await;
    let left = async |conn: &mut PgConnection| {
        [told(conn, old).await.len(), told(conn, young).await.len(), told(conn, alive).await.len()]
    };
    let foreign = Scope::Tenant(Uuid::now_v7());
    assert!(!sweep::evidence(&mut conn, foreign, 90, 100, None, 10).await.unwrap());
    assert_eq!(left(&mut conn).await, [25; 3]);
    for (more, expected) in [(true, 15), (true, 5), (false, 0), (false, 0)] {
        assert_eq!(sweep::evidence(&mut conn, Scope::All, 90, 100, None, 10).await.unwrap(), more);
        assert_eq!(left(&mut conn).await, [expected, 25, 25]);
    }
    assert_eq!(sweep::retention(&mut conn, Scope::All, 90, 100, None).await.unwrap().deleted, 1);
}

#[sqlx::test(migrator = "runplane::MIGRATOR")]
async fn the_oldest_run_that_could_be_claimed_is_found_whoevers_it_is(mut conn: Conn) {
    assert_eq!(sweep::standing(&mut conn).await.unwrap(), sweep::Standing::default());
    let (one, other, paused) = (world(&mut conn).await, world(&mut conn).await, world(&mut conn).await);
    for set in
        ["available_at = now() + interval '1 h'", "available_at = now() - interval '1 min', priority = 9"]
    {
        queued(&mut conn, one, set).await;
    }
    let oldest = async |conn: &mut PgConnection| {
        (sweep::standing(conn).await.unwrap().oldest_queued_seconds / 60.0).floor() as i64
    };
    assert_eq!(oldest(&mut conn).await, 1);
    // Of a lower priority, of another tenant, and in whichever order the tenants come.
    queued(&mut conn, one, "available_at = now() - interval '10 min', priority = 2").await;
    assert_eq!(oldest(&mut conn).await, 10);
    let seen = queued(&mut conn, other, "available_at = now() - interval '20 min', priority = 0").await;
    assert_eq!(oldest(&mut conn).await, 20);
    queued(&mut conn, paused, "available_at = now() - interval '30 min'").await;
    assert_eq!(oldest(&mut conn).await, 30);
    for (pause, world) in [("tenants", paused.tenant), ("pipelines", other.pipeline)] {
        let sql = sqlx::AssertSqlSafe(format!("update {pause} set paused = true where id = $1"));
        sqlx::query(sql).bind(world).execute(&mut *conn).await.unwrap();
    }
    assert_eq!(oldest(&mut conn).await, 10, "what is paused waits because somebody wants it to");
    assert_eq!(claim_by_id(&mut conn, Scope::All, seen, "w").await, None);
}

#[sqlx::test(migrator = "runplane::MIGRATOR")]
async fn leases_that_were_lost_of_late_are_counted_whoever_took_their_runs_over(mut conn: Conn) {
    let world = world(&mut conn).await;
    let lost = async |conn: &mut PgConnection| sweep::standing(conn).await.unwrap().leases_lost;
    let expire = "lease_expires_at = now() - interval '1 s'";
    let (taken, _) = running(&mut conn, world).await;
    change(&mut conn, taken, expire).await;
    assert_eq!(lost(&mut conn).await, 0, "nobody has noticed");
    claim_by_id(&mut conn, Scope::All, taken, "heir").await.unwrap();
    assert_eq!(lost(&mut conn).await, 1);
    let (swept, _) = running(&mut conn, world).await;
    change(&mut conn, swept, expire).await;
    assert_eq!(sweep::leases(&mut conn, Scope::All, 10).await.unwrap().requeued, 1);
    assert_eq!(lost(&mut conn).await, 2);
    let past = "update run_attempts set ended_at = now() - interval '6 min' where run_id = $1";
    sqlx::query(past).bind(swept).execute(&mut *conn).await.unwrap();
    assert_eq!(lost(&mut conn).await, 1);
}

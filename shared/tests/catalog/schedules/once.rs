//! Each due run exactly once.

use std::collections::BTreeSet;

use chrono::{DateTime, Utc};
use runplane::catalog::{self, Ticked, UpdateScheduleRequest};
use runplane::dag::ParamsCache;
use runplane::scope::Scope;
use runplane::sweep;
use serde_json::json;
use sqlx::postgres::{PgConnectOptions, PgPoolOptions};
use sqlx::{ConnectOptions as _, Connection as _, PgConnection};
use uuid::Uuid;

use super::{NO_TIMES, due_since, get, schedule, tick, times, world};
use crate::support::{Conn, request};

const NOTHING: Ticked = Ticked { created: 0, failed: 0 };

/// A sweep over everything that is due, as the function does it.
async fn sweep_all(mut conn: PgConnection) -> u64 {
    let cache = ParamsCache::default();
    let (mut created, mut missed, mut after) = (0, false, None);
    loop {
        let due = sweep::due_schedules(&mut conn, Scope::All, missed, after, 7).await.unwrap();
        let Some(last) = due.last().copied() else {
            if missed {
                return created;
            }
            (missed, after) = (true, None);
            continue;
        };
        for one in due {
            let mut transaction = conn.begin().await.unwrap();
            created +=
                catalog::tick_schedule(&mut transaction, &cache, Scope::All, one.id).await.unwrap().created;
            transaction.commit().await.unwrap();
            tokio::task::yield_now().await;
        }
        after = Some(last);
    }
}

#[sqlx::test(migrator = "runplane::MIGRATOR")]
async fn two_sweeps_at_once_create_each_run_once(_pool: PgPoolOptions, options: PgConnectOptions) {
    let mut conn = options.connect().await.unwrap();
    let (world, _) = world(&mut conn).await;
    let mut ids = Vec::new();
    for minutes in 0..40 {
        let made = schedule(&mut conn, world, json!({"cron": "* * * * *", "missed_runs": "all"})).await;
        due_since(&mut conn, made.id, &format!("date_trunc('minute', now()) - interval '{minutes} min'"))
            .await;
        ids.push(made.id);
    }
    let sweeps = [
        options.connect().await.unwrap(),
        options.connect().await.unwrap(),
        options.connect().await.unwrap(),
    ];
    let sweeps: Vec<_> = sweeps.into_iter().map(|conn| tokio::spawn(sweep_all(conn))).collect();
    let mut created = 0;
    for sweep in sweeps {
        created += sweep.await.unwrap();
    }
    let rows: Vec<(Uuid, DateTime<Utc>)> =
        sqlx::query_as("select schedule_id, scheduled_for from pipeline_runs")
            .fetch_all(&mut conn)
            .await
            .unwrap();
    assert_eq!(rows.len() as u64, created);
    let distinct: BTreeSet<_> = rows.iter().collect();
    assert_eq!(distinct.len(), rows.len(), "none twice");
    for (minutes, id) in ids.into_iter().enumerate() {
        let found = times(&mut conn, id).await;
        // A minute may have ended since.
        assert!([minutes + 1, minutes + 2].contains(&found.len()), "{minutes}: {found:?}");
    }
}

#[sqlx::test(migrator = "runplane::MIGRATOR")]
async fn a_sweep_passes_by_what_another_one_has_and_one_that_dies_leaves_no_trace(
    _pool: PgPoolOptions,
    options: PgConnectOptions,
) {
    let (mut one, mut other) = (options.connect().await.unwrap(), options.connect().await.unwrap());
    let (world, _) = world(&mut one).await;
    let made = schedule(&mut one, world, json!({})).await;
    let due = due_since(&mut one, made.id, "date_trunc('minute', now())").await;

    // Who waits nevertheless fails, rather than for ever.
    sqlx::query("set lock_timeout = '5 s'").execute(&mut other).await.unwrap();
    let mut transaction = one.begin().await.unwrap();
    let ticked =
        catalog::tick_schedule(&mut transaction, &ParamsCache::default(), Scope::All, made.id).await.unwrap();
    assert_eq!(ticked.created, 1);
    assert_eq!(tick(&mut other, made.id).await, NOTHING, "it does not wait either");
    // The function is killed between the run and the commit.
    transaction.rollback().await.unwrap();
    assert_eq!(times(&mut other, made.id).await, NO_TIMES);
    assert_eq!(get(&mut other, made.id).await.next_due_at, Some(due));

    assert_eq!(tick(&mut other, made.id).await.created, 1);
    assert_eq!(tick(&mut one, made.id).await, NOTHING);
    assert_eq!(times(&mut one, made.id).await, [due]);
}

#[sqlx::test(migrator = "runplane::MIGRATOR")]
async fn a_change_waits_for_the_sweep_that_has_the_schedule_and_makes_no_second_run(
    _pool: PgPoolOptions,
    options: PgConnectOptions,
) {
    let (mut one, mut other) = (options.connect().await.unwrap(), options.connect().await.unwrap());
    let (world, _) = world(&mut one).await;
    let made = schedule(&mut one, world, json!({"parameters": {"day": "old"}})).await;
    let due = due_since(&mut one, made.id, "date_trunc('minute', now())").await;

    let mut sweep = one.begin().await.unwrap();
    let ticked =
        catalog::tick_schedule(&mut sweep, &ParamsCache::default(), Scope::All, made.id).await.unwrap();
    assert_eq!(ticked.created, 1);
    let changing = tokio::spawn(async move {
        let paused: UpdateScheduleRequest = request(json!({"paused": true}));
        let mut change = other.begin().await.unwrap();
        let cache = ParamsCache::default();
        let changed =
            catalog::update_schedule(&mut change, &cache, Scope::All, made.id, &paused).await.unwrap();
        change.commit().await.unwrap();
        changed
    });
    let mut watch = options.connect().await.unwrap();
    let waiting =
        "select query from pg_stat_activity where datname = current_database() and wait_event_type = 'Lock'";
    let waits_for = loop {
        let found: Option<String> = sqlx::query_scalar(waiting).fetch_optional(&mut watch).await.unwrap();
        assert!(!changing.is_finished(), "it has not waited");
        if let Some(query) = found {
            break query;
        }
        tokio::task::yield_now().await;
    };
    assert!(waits_for.starts_with("-- A schedule before it is changed"), "before it reads it: {waits_for}");
    sweep.commit().await.unwrap();
    let changed = changing.await.unwrap();
    assert_eq!(
        (changed.before.last_due_at, changed.ticked),
        (Some(due), NOTHING),
        "it knows what the sweep did"
    );
    assert_eq!((changed.after.paused, changed.after.next_due_at), (true, None));
    assert_eq!(times(&mut watch, made.id).await, [due]);
}

#[sqlx::test(migrator = "runplane::MIGRATOR")]
async fn a_time_that_comes_again_by_hand_has_its_run_already(mut conn: Conn) {
    let (world, _) = world(&mut conn).await;
    let made = schedule(&mut conn, world, json!({})).await;
    let due = due_since(&mut conn, made.id, "date_trunc('minute', now())").await;
    assert_eq!(tick(&mut conn, made.id).await.created, 1);
    let run = get(&mut conn, made.id).await.last_run_id;
    due_since(&mut conn, made.id, "last_due_at").await;
    assert_eq!(tick(&mut conn, made.id).await, NOTHING);
    assert_eq!(times(&mut conn, made.id).await, [due]);
    let after = get(&mut conn, made.id).await;
    assert_eq!((after.last_run_id, after.last_error), (run, None));
}

#[sqlx::test(migrator = "runplane::MIGRATOR")]
async fn a_walk_comes_to_each_schedule_once_the_longest_due_first_and_to_those_that_have_missed_times_apart(
    mut conn: Conn,
) {
    let (world, _) = world(&mut conn).await;
    let mut expected = [vec![], vec![]];
    for minutes in [3, 9, 9, 1, 5] {
        let made = schedule(&mut conn, world, json!({})).await;
        due_since(&mut conn, made.id, &format!("date_trunc('minute', now()) - interval '{minutes} min'"))
            .await;
        expected[usize::from(minutes >= 5)].push((-minutes, made.id));
    }
    schedule(&mut conn, world, json!({})).await;
    for (missed, mut expected) in [false, true].into_iter().zip(expected) {
        expected.sort_unstable();
        let (mut walked, mut after) = (Vec::new(), None);
        loop {
            let scope = Scope::Tenant(world.tenant);
            let due = sweep::due_schedules(&mut conn, scope, missed, after, 2).await.unwrap();
            let Some(last) = due.last().copied() else { break };
            walked.extend(due.into_iter().map(|due| due.id));
            after = Some(last);
        }
        assert_eq!(walked, expected.into_iter().map(|(_, id)| id).collect::<Vec<_>>());
        let stranger = Scope::Tenant(Uuid::now_v7());
        assert_eq!(sweep::due_schedules(&mut conn, stranger, missed, None, 10).await.unwrap(), []);
    }
}

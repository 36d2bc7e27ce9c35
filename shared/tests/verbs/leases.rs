//! Lost leases: who takes a run over, what is kept of the attempt, and when it is given up.

use chrono::{DateTime, TimeDelta, Utc};
use runplane::db::{Db, Plans, Pooler};
use runplane::runs::{
    self, ClaimOptions, CompleteError, CompleteRefusal, CompleteRequest, Marks, Outcome, RunStatus,
};
use runplane::scope::Scope;
use runplane::sweep::{self, Leases};
use sqlx::ConnectOptions;
use sqlx::postgres::{PgConnectOptions, PgPoolOptions};
use uuid::Uuid;

use crate::support::{change, claim, claim_by, claim_by_id, details, expire, queued, row, world};

type Conn = sqlx::pool::PoolConnection<sqlx::Postgres>;

#[sqlx::test(migrator = "runplane::MIGRATOR")]
async fn a_claim_takes_over_a_run_whose_lease_has_expired(mut conn: Conn) {
    let world = world(&mut conn).await;
    let scope = Scope::Tenant(world.tenant);
    let id = queued(&mut conn, world, "").await;
    let zombie = claim(&mut conn, scope, &Marks::default(), claim_by("zombie")).await.unwrap().unwrap();
    // Alive: nobody else's.
    assert_eq!(claim(&mut conn, scope, &Marks::default(), claim_by("heir")).await.unwrap(), None);
    change(&mut conn, id, "heartbeat_at = now() - interval '40 s'").await;
    expire(&mut conn, id).await;
    let before = details(&mut conn, id).await.run;

    let heir = claim(&mut conn, scope, &Marks::default(), claim_by("heir")).await.unwrap().unwrap();
    let run = &heir.run.run;
    assert_eq!((run.id, run.claim_count, run.lost, run.attempt), (id, 2, 1, 1));
    assert_eq!((run.claimed_by.as_deref(), run.heartbeat_at), (Some("heir"), None));
    assert_eq!(run.started_at, before.started_at);
    assert_ne!(heir.run.lease_token, zombie.run.lease_token);

    // Worker, from, to, why; the token only in the table.
    let lost = details(&mut conn, id).await.attempts;
    let [lost] = lost.as_slice() else { panic!("{lost:?}") };
    assert_eq!((lost.attempt, lost.outcome.as_str(), lost.claimed_by.as_str()), (1, "LOST", "zombie"));
    assert_eq!((Some(lost.claimed_at), Some(lost.ended_at)), (before.claimed_at, before.lease_expires_at));
    assert_eq!(lost.error_code.as_deref(), Some("lease_expired"));
    let since = since(lost.error_message.as_deref().unwrap(), "zombie");
    assert!(since - before.heartbeat_at.unwrap() < TimeDelta::milliseconds(1), "{lost:?}");
    let token: Uuid =
        sqlx::query_scalar("select lease_token from run_attempts").fetch_one(&mut *conn).await.unwrap();
    assert_eq!(token, zombie.run.lease_token);
}

/// Since when the message says that `worker` was silent.
fn since(message: &str, worker: &str) -> DateTime<Utc> {
    let rest = message.strip_prefix(&format!("worker {worker} was silent since ")).expect(message);
    rest.split(';').next().unwrap().parse().expect(message)
}

#[sqlx::test(migrator = "runplane::MIGRATOR")]
async fn a_message_takes_over_a_run_whose_lease_has_expired(mut conn: Conn) {
    let world = world(&mut conn).await;
    let scope = Scope::Tenant(world.tenant);
    let id = queued(&mut conn, world, "").await;
    claim_by_id(&mut conn, scope, id, "zombie").await.unwrap();
    assert_eq!(claim_by_id(&mut conn, scope, id, "heir").await, None);
    expire(&mut conn, id).await;
    // Another tenant's message finds nothing.
    let other = Scope::Tenant(Uuid::now_v7());
    assert_eq!(claim_by_id(&mut conn, other, id, "thief").await, None);
    let heir = claim_by_id(&mut conn, scope, id, "heir").await.unwrap();
    assert_eq!((heir.run.run.claim_count, heir.run.run.lost), (2, 1));
    let attempts = details(&mut conn, id).await.attempts;
    assert_eq!(attempts.iter().map(|lost| lost.claimed_by.as_str()).collect::<Vec<_>>(), ["zombie"]);
}

#[sqlx::test(migrator = "runplane::MIGRATOR")]
async fn a_run_that_is_due_comes_before_one_that_was_lost_and_queues_hold_for_both(mut conn: Conn) {
    let world = world(&mut conn).await;
    let lost = queued(&mut conn, world, "queue = 'a'").await;
    claim(&mut conn, Scope::All, &Marks::default(), claim_by("zombie")).await.unwrap().unwrap();
    expire(&mut conn, lost).await;
    let due = queued(&mut conn, world, "queue = 'a'").await;
    let of = |queue: &str| [queue.to_owned()];
    let (a, b) = (of("a"), of("b"));
    let other_queue = ClaimOptions { queues: Some(&b), ..claim_by("w") };
    assert_eq!(claim(&mut conn, Scope::All, &Marks::default(), other_queue).await.unwrap(), None);
    let this_queue = ClaimOptions { queues: Some(&a), ..claim_by("w") };
    for expected in [due, lost] {
        let claimed = claim(&mut conn, Scope::All, &Marks::default(), this_queue).await.unwrap().unwrap();
        assert_eq!(claimed.run.run.id, expected);
    }
}

#[sqlx::test(migrator = "runplane::MIGRATOR")]
async fn of_many_claimers_at_once_one_takes_a_lost_run_over(_pool: PgPoolOptions, options: PgConnectOptions) {
    let mut conn = options.connect().await.unwrap();
    let world = world(&mut conn).await;
    let id = queued(&mut conn, world, "").await;
    claim_by_id(&mut conn, Scope::All, id, "zombie").await.unwrap();
    expire(&mut conn, id).await;
    let claimers = (0..16).map(|number| {
        let options = options.clone();
        tokio::spawn(async move {
            let mut conn = options.connect().await.unwrap();
            let name = format!("heir-{number}");
            match number % 3 {
                0 => claim_by_id(&mut conn, Scope::All, id, &name).await.is_some(),
                1 => sweep::leases(&mut conn, Scope::All, 10).await.unwrap().requeued > 0,
                _ => {
                    claim(&mut conn, Scope::All, &Marks::default(), claim_by(&name)).await.unwrap().is_some()
                }
            }
        })
    });
    for claimer in claimers.collect::<Vec<_>>() {
        claimer.await.unwrap();
    }
    let run = details(&mut conn, id).await;
    assert_eq!((run.run.lost, run.attempts.len()), (1, 1), "{run:?}");
    assert!(run.run.claim_count <= 2, "{run:?}");
}

#[sqlx::test(migrator = "runplane::MIGRATOR")]
async fn after_max_lost_leases_the_run_is_given_up(mut conn: Conn) {
    let world = world(&mut conn).await;
    let scope = Scope::Tenant(world.tenant);
    let id = queued(&mut conn, world, "max_lost = 2").await;
    for lost in 0..=2 {
        let claimed = claim(&mut conn, scope, &Marks::default(), claim_by("mayfly")).await.unwrap().unwrap();
        assert_eq!(claimed.run.run.lost, lost);
        expire(&mut conn, id).await;
    }
    // As many were lost as may be: no claim takes it over, the sweep ends it.
    assert_eq!(claim(&mut conn, scope, &Marks::default(), claim_by("heir")).await.unwrap(), None);
    assert_eq!(claim_by_id(&mut conn, scope, id, "heir").await, None);
    assert_eq!(sweep::leases(&mut conn, scope, 10).await.unwrap(), Leases { requeued: 0, failed: 1 });
    let given_up = details(&mut conn, id).await;
    let run = &given_up.run;
    assert_eq!(
        (run.status, run.lost, run.error_code.as_deref()),
        (RunStatus::Failed, 2, Some("lease_expired"))
    );
    since(run.error_message.as_deref().unwrap(), "mayfly");
    assert!(run.finished_at.is_some());
    assert_eq!(given_up.attempts.len(), 3);
    assert!(given_up.attempts.iter().all(|attempt| attempt.outcome == "LOST"));
}

#[sqlx::test(migrator = "runplane::MIGRATOR")]
async fn the_sweep_requeues_and_the_zombie_is_refused(mut conn: Conn) {
    let world = world(&mut conn).await;
    let scope = Scope::Tenant(world.tenant);
    let id = queued(&mut conn, world, "").await;
    let zombie = claim(&mut conn, scope, &Marks::default(), claim_by("zombie")).await.unwrap().unwrap();
    // Alive, and another tenant's sweep: nothing.
    assert_eq!(sweep::leases(&mut conn, scope, 10).await.unwrap(), Leases::default());
    expire(&mut conn, id).await;
    assert_eq!(sweep::leases(&mut conn, Scope::Tenant(Uuid::now_v7()), 10).await.unwrap(), Leases::default());
    assert_eq!(sweep::leases(&mut conn, scope, 10).await.unwrap(), Leases { requeued: 1, failed: 0 });

    let requeued = details(&mut conn, id).await;
    let run = &requeued.run;
    assert_eq!((run.status, run.lost, run.attempt, run.claim_count), (RunStatus::Queued, 1, 1, 1));
    assert!(run.dispatch_due_at.is_some_and(|due| due <= run.updated_at), "it is dispatched again at once");
    assert_eq!(requeued.attempts.len(), 1);
    let late = CompleteRequest {
        lease_token: Some(zombie.run.lease_token),
        ..CompleteRequest::new(Outcome::Succeeded)
    };
    let before = row(&mut conn, id).await;
    let refused = runs::complete(&mut conn, scope, id, &late).await;
    assert!(matches!(refused, Err(CompleteError::Refused(CompleteRefusal::AttemptOver))), "{refused:?}");
    assert_eq!(row(&mut conn, id).await, before);
}

/// A lease that had more than 10 s left when a heartbeat looked is extended without the lock of those who count leases (heartbeat.sql). So the
/// transaction must have ended, whatever becomes of its client, before somebody can count that lease as expired.
#[sqlx::test(migrator = "runplane::MIGRATOR")]
async fn no_transaction_of_a_function_outlives_the_seconds_that_a_heartbeat_leaves(
    _pool: PgPoolOptions,
    options: PgConnectOptions,
) {
    for pooler in [Pooler::None, Pooler::Transaction] {
        let db = Db::new(options.clone(), Plans::Generic, pooler);
        let sql = "select extract(epoch from current_setting(name)::interval)::float8
                   from unnest(array['statement_timeout', 'idle_in_transaction_session_timeout']) name";
        let seconds: Result<Vec<f64>, sqlx::Error> =
            db.transaction(async |conn| sqlx::query_scalar(sql).fetch_all(conn).await).await;
        let seconds = seconds.unwrap();
        // 0 is: none.
        assert!(seconds.iter().all(|limit| *limit > 0.0), "{pooler:?}: {seconds:?}");
        assert!(seconds.iter().sum::<f64>() < 10.0, "{pooler:?}: {seconds:?}");
    }
}

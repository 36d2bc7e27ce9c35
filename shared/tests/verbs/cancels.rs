//! Cancel, and hand back.

use chrono::{TimeDelta, Utc};
use runplane::runs::{
    self, CancelError, CancelRequest, HeartbeatError, HeartbeatRefusal, Marks, ReleaseRequest, RunStatus,
    WaitingReason,
};
use runplane::scope::Scope;
use sqlx::PgConnection;
use uuid::Uuid;

use crate::support::{Row, change, claim, claim_by, details, expire, queued, row, world};

type Conn = sqlx::pool::PoolConnection<sqlx::Postgres>;

async fn cancel(conn: &mut PgConnection, scope: Scope, id: Uuid) -> Result<runs::Run, CancelError> {
    let request = CancelRequest { reason: Some("not needed".to_owned()) };
    runs::cancel(conn, scope, id, &request).await.map(|cancelled| cancelled.run)
}

#[sqlx::test(migrator = "runplane::MIGRATOR")]
async fn what_has_not_ended_is_cancelled_and_what_has_is_not(mut conn: Conn) {
    let world = world(&mut conn).await;
    let scope = Scope::Tenant(world.tenant);
    for status in RunStatus::ALL {
        let held = Row::new(status);
        let id = held.insert(&mut conn, world).await;
        let before = row(&mut conn, id).await;
        let answer = cancel(&mut conn, scope, id).await;
        match (status, answer) {
            (RunStatus::Queued | RunStatus::Running, Ok(run)) => {
                assert_eq!(
                    (run.status, run.error_code.as_deref()),
                    (RunStatus::Cancelled, Some("cancelled"))
                );
                assert_eq!(run.error_message.as_deref(), Some("not needed"));
                assert!(run.finished_at.is_some() && run.lease_expires_at.is_none());
                // Again: unchanged.
                assert_eq!(cancel(&mut conn, scope, id).await.unwrap(), run);
            }
            (RunStatus::Cancelled, Ok(_)) | (_, Err(CancelError::AlreadyFinished)) => {
                assert_eq!(row(&mut conn, id).await, before, "{status:?}");
            }
            (_, answer) => panic!("{status:?}: {answer:?}"),
        }
    }
    let id = queued(&mut conn, world, "").await;
    let foreign = cancel(&mut conn, Scope::Tenant(Uuid::now_v7()), id).await;
    assert!(matches!(foreign, Err(CancelError::NotFound)), "{foreign:?}");
    let run = cancel(&mut conn, scope, id).await.unwrap();
    assert_eq!(run.dispatch_due_at, None, "SQS is not told about it any more");
}

#[sqlx::test(migrator = "runplane::MIGRATOR")]
async fn a_run_that_is_handed_back_waits_without_an_attempt_less(mut conn: Conn) {
    let world = world(&mut conn).await;
    let scope = Scope::Tenant(world.tenant);
    let id = queued(&mut conn, world, "").await;
    for (ahead, alive, claims) in [(None, true, 1), (Some(TimeDelta::hours(1)), true, 2), (None, false, 3)] {
        let claimed = claim(&mut conn, scope, &Marks::default(), claim_by("w")).await.unwrap().unwrap();
        if !alive {
            expire(&mut conn, id).await;
        }
        let available_at = ahead.map(|ahead| Utc::now() + ahead);
        let request = ReleaseRequest { lease_token: claimed.run.lease_token, available_at };
        let run = runs::release(&mut conn, scope, id, &request).await.unwrap();
        assert_eq!((run.status, run.attempt, run.lost, run.claim_count), (RunStatus::Queued, 1, 0, claims));
        assert_eq!((run.claimed_by, run.lease_expires_at), (None, None));
        let waits = (run.available_at - run.updated_at).num_minutes();
        assert_eq!(waits / 50, ahead.map_or(0, |_| 1), "{waits} min");
        assert_eq!(run.dispatch_due_at, Some(run.available_at));
        let waiting = details(&mut conn, id).await.waiting_for.unwrap();
        let (reason, until) = match ahead {
            Some(_) => (WaitingReason::Delayed, Some(run.available_at)),
            None => (WaitingReason::Dispatch, None),
        };
        assert_eq!((waiting.reason, waiting.until, waiting.since), (reason, until, run.updated_at));
        assert_eq!(details(&mut conn, id).await.attempts, [], "nothing went badly");

        // The token is of no use any more.
        let again = runs::release(&mut conn, scope, id, &request).await;
        assert!(matches!(again, Err(HeartbeatError::Refused(HeartbeatRefusal::LeaseLost))), "{again:?}");
        change(&mut conn, id, "available_at = now()").await;
    }
}

#[sqlx::test(migrator = "runplane::MIGRATOR")]
async fn only_who_holds_a_run_hands_it_back(mut conn: Conn) {
    let world = world(&mut conn).await;
    let scope = Scope::Tenant(world.tenant);
    for (status, right, expected) in [
        (RunStatus::Running, false, HeartbeatRefusal::LeaseLost),
        (RunStatus::Queued, false, HeartbeatRefusal::LeaseLost),
        (RunStatus::Succeeded, true, HeartbeatRefusal::AlreadyFinished),
        (RunStatus::Failed, false, HeartbeatRefusal::LeaseLost),
        (RunStatus::Cancelled, true, HeartbeatRefusal::Cancelled),
    ] {
        let held = Row::new(status);
        let id = held.insert(&mut conn, world).await;
        let before = row(&mut conn, id).await;
        let lease_token = if right { held.token } else { Uuid::new_v4() };
        let answer =
            runs::release(&mut conn, scope, id, &ReleaseRequest { lease_token, available_at: None }).await;
        match answer {
            Err(HeartbeatError::Refused(refusal)) => assert_eq!(refusal, expected, "{status:?}"),
            answer => panic!("{status:?}: {answer:?}"),
        }
        assert_eq!(row(&mut conn, id).await, before);
    }
    let held = Row::new(RunStatus::Running);
    let id = held.insert(&mut conn, world).await;
    let request = ReleaseRequest { lease_token: held.token, available_at: None };
    let foreign = runs::release(&mut conn, Scope::Tenant(Uuid::now_v7()), id, &request).await;
    assert!(matches!(foreign, Err(HeartbeatError::Refused(HeartbeatRefusal::NotRunning))), "{foreign:?}");
}

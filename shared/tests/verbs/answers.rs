//! The answer table of docs/api.md, whole: every token × every state, for complete and for heartbeat.

use runplane::runs::{
    self, CompleteError, CompleteRefusal as C, CompleteRequest, HeartbeatError, HeartbeatRefusal as H,
    HeartbeatRequest, Outcome, RunStatus,
};
use runplane::scope::Scope;
use runplane::sweep;
use sqlx::PgConnection;
use uuid::Uuid;

use crate::support::{Row, World, row, world};

/// A row of the table: the state of the run.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum State {
    Alive,
    Expired,
    /// QUEUED, never claimed.
    Fresh,
    /// QUEUED after this token's attempt FAILED.
    QueuedAgain,
    /// QUEUED after this token's lease was lost.
    QueuedAfterLost,
    Succeeded,
    Failed,
    /// FAILED by the sweep, since its lease expired once too often: not by this token.
    GivenUp,
    Cancelled,
    Unknown,
    ForeignTenant,
}

/// A column of the table: what the caller comes with.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Token {
    Right,
    /// Of an attempt that FAILED before the present one.
    Old,
    MadeUp,
    NoneFirstClaim,
    NoneLaterClaim,
}

pub const STATES: [State; 11] = [
    State::Alive,
    State::Expired,
    State::Fresh,
    State::QueuedAgain,
    State::QueuedAfterLost,
    State::Succeeded,
    State::Failed,
    State::GivenUp,
    State::Cancelled,
    State::Unknown,
    State::ForeignTenant,
];
const TOKENS: [Token; 5] =
    [Token::Right, Token::Old, Token::MadeUp, Token::NoneFirstClaim, Token::NoneLaterClaim];

/// What the table says of a completion: `Ok` = 200.
fn complete_answer(state: State, token: Token, outcome: Outcome) -> Result<(), C> {
    use State::*;
    use Token::*;
    match (state, token) {
        (Unknown | ForeignTenant, _) => Err(C::NotRunning),
        (Cancelled, _) => Err(C::Cancelled),
        (Alive | Expired, Right | NoneFirstClaim) => Ok(()),
        (Alive | Expired, Old | MadeUp) => Err(C::LeaseLost),
        (Alive | Expired, NoneLaterClaim) => Err(C::LeaseTokenRequired),
        (Fresh | QueuedAgain | QueuedAfterLost, NoneFirstClaim | NoneLaterClaim) => Err(C::NotRunning),
        (QueuedAgain, Right) if outcome == Outcome::Failed => Ok(()),
        (Fresh | QueuedAgain | QueuedAfterLost, _) => Err(C::AttemptOver),
        (Succeeded, Right) if outcome == Outcome::Succeeded => Ok(()),
        (Failed, Right) if outcome == Outcome::Failed => Ok(()),
        (Succeeded | Failed, Old | MadeUp) | (GivenUp, Right | Old | MadeUp) => Err(C::AttemptOver),
        (Succeeded | Failed | GivenUp, _) => Err(C::AlreadyFinished),
    }
}

/// What the table says of a heartbeat: `Ok` = 200.
pub fn heartbeat_answer(state: State, token: Token) -> Result<(), H> {
    use State::*;
    use Token::*;
    match (state, token) {
        (Unknown | ForeignTenant, _) => Err(H::NotRunning),
        (Cancelled, _) => Err(H::Cancelled),
        (Alive, Right | NoneFirstClaim) => Ok(()),
        (Alive | Expired, NoneLaterClaim) => Err(H::LeaseTokenRequired),
        (Alive, Old | MadeUp) | (Expired, _) => Err(H::LeaseLost),
        (Fresh | QueuedAgain | QueuedAfterLost, NoneFirstClaim | NoneLaterClaim) => Err(H::NotRunning),
        (Fresh | QueuedAgain | QueuedAfterLost, _) => Err(H::LeaseLost),
        (Succeeded | Failed, Old | MadeUp) | (GivenUp, Right | Old | MadeUp) => Err(H::LeaseLost),
        (Succeeded | Failed | GivenUp, _) => Err(H::AlreadyFinished),
    }
}

pub struct Cell {
    pub scope: Scope,
    pub run_id: Uuid,
    pub token: Option<Uuid>,
}

/// Puts a run into the state and says what the caller of this column sends.
pub async fn cell(conn: &mut PgConnection, world: World, state: State, token: Token) -> Cell {
    let status = match state {
        State::Alive | State::Expired | State::GivenUp | State::Unknown | State::ForeignTenant => {
            RunStatus::Running
        }
        State::Fresh | State::QueuedAgain | State::QueuedAfterLost => RunStatus::Queued,
        State::Succeeded => RunStatus::Succeeded,
        State::Failed => RunStatus::Failed,
        State::Cancelled => RunStatus::Cancelled,
    };
    let mut held = Row::new(status);
    held.lease_alive = !matches!(state, State::Expired | State::GivenUp);
    held.claim_count = match (state, token) {
        (State::Fresh, _) => 0,
        (_, Token::NoneLaterClaim | Token::Old) => 2,
        _ => 1,
    };
    held.attempt_outcome = match state {
        State::QueuedAgain => Some("FAILED"),
        State::QueuedAfterLost => Some("LOST"),
        _ => None,
    };
    let mut run_id = held.insert(conn, world).await;
    let old = Uuid::new_v4();
    if token == Token::Old {
        sqlx::query(
            "insert into run_attempts (run_id, claim_number, tenant_id, attempt, outcome, lease_token, claimed_by, claimed_at)
             values ($1, 1, $2, 1, 'FAILED', $3, 'zombie', now())",
        )
        .bind(run_id)
        .bind(world.tenant)
        .bind(old)
        .execute(&mut *conn)
        .await
        .unwrap();
    }
    if state == State::GivenUp {
        let hopeless = sqlx::query("update pipeline_runs set max_lost = 0 where id = $1").bind(run_id);
        hopeless.execute(&mut *conn).await.unwrap();
        assert_eq!(sweep::leases(&mut *conn, Scope::Tenant(world.tenant), 1000).await.unwrap().failed, 1);
    }
    if state == State::Unknown {
        run_id = Uuid::now_v7();
    }
    let tenant = if state == State::ForeignTenant { Uuid::now_v7() } else { world.tenant };
    let token = match token {
        Token::Right => Some(held.token),
        Token::Old => Some(old),
        Token::MadeUp => Some(Uuid::new_v4()),
        Token::NoneFirstClaim | Token::NoneLaterClaim => None,
    };
    Cell { scope: Scope::Tenant(tenant), run_id, token }
}

fn completion(status: Outcome, lease_token: Option<Uuid>) -> CompleteRequest {
    CompleteRequest { lease_token, ..CompleteRequest::new(status) }
}

#[sqlx::test(migrator = "runplane::MIGRATOR")]
async fn complete_answers_as_the_table_says(mut conn: sqlx::pool::PoolConnection<sqlx::Postgres>) {
    let world = world(&mut conn).await;
    for state in STATES {
        for token in TOKENS {
            for outcome in [Outcome::Succeeded, Outcome::Failed] {
                let cell = cell(&mut conn, world, state, token).await;
                let before = sqlx::query_scalar::<_, i64>(
                    "select count(*) from pipeline_runs where status = 'RUNNING'",
                )
                .fetch_one(&mut *conn)
                .await
                .unwrap();
                let answer =
                    runs::complete(&mut conn, cell.scope, cell.run_id, &completion(outcome, cell.token))
                        .await;
                let expected = complete_answer(state, token, outcome);
                match (&answer, &expected) {
                    (Ok(run), Ok(())) if matches!(state, State::Alive | State::Expired) => {
                        // Every run of this table may have more attempts.
                        let status = match outcome {
                            Outcome::Succeeded => RunStatus::Succeeded,
                            Outcome::Failed => RunStatus::Queued,
                        };
                        assert_eq!(run.status, status, "{state:?} × {token:?} × {outcome:?}");
                    }
                    (Ok(run), Ok(())) => assert_eq!(run.id, cell.run_id),
                    (Err(CompleteError::Refused(refusal)), Err(expected)) => {
                        assert_eq!(refusal, expected, "{state:?} × {token:?} × {outcome:?}");
                    }
                    _ => panic!("{state:?} × {token:?} × {outcome:?}: {answer:?}, expected {expected:?}"),
                }
                let after = sqlx::query_scalar::<_, i64>(
                    "select count(*) from pipeline_runs where status = 'RUNNING'",
                )
                .fetch_one(&mut *conn)
                .await
                .unwrap();
                let ended = i64::from(expected.is_ok() && matches!(state, State::Alive | State::Expired));
                assert_eq!(
                    before - after,
                    ended,
                    "{state:?} × {token:?} × {outcome:?} ended the wrong number of runs"
                );
            }
        }
    }
}

#[sqlx::test(migrator = "runplane::MIGRATOR")]
async fn heartbeat_answers_as_the_table_says(mut conn: sqlx::pool::PoolConnection<sqlx::Postgres>) {
    let world = world(&mut conn).await;
    for state in STATES {
        for token in TOKENS {
            let cell = cell(&mut conn, world, state, token).await;
            let request = HeartbeatRequest { lease_token: cell.token, ..HeartbeatRequest::default() };
            let answer = runs::heartbeat(&mut conn, cell.scope, cell.run_id, &request).await;
            let expected = heartbeat_answer(state, token);
            match (&answer, &expected) {
                (Ok(reply), Ok(())) => {
                    assert!(reply.ok && reply.lease_expires_at > reply.heartbeat_at, "{state:?} × {token:?}");
                }
                (Err(HeartbeatError::Refused(refusal)), Err(expected)) => {
                    assert_eq!(refusal, expected, "{state:?} × {token:?}");
                }
                _ => panic!("{state:?} × {token:?}: {answer:?}, expected {expected:?}"),
            }
        }
    }
}

#[sqlx::test(migrator = "runplane::MIGRATOR")]
async fn a_worker_that_is_named_without_a_token_must_be_the_one_that_claimed(
    mut conn: sqlx::pool::PoolConnection<sqlx::Postgres>,
) {
    let world = world(&mut conn).await;
    let id = Row::new(RunStatus::Running).insert(&mut conn, world).await;
    let beat =
        |worker: &str| HeartbeatRequest { worker_id: Some(worker.to_owned()), ..HeartbeatRequest::default() };
    let other = runs::heartbeat(&mut conn, Scope::All, id, &beat("other")).await;
    assert!(matches!(other, Err(HeartbeatError::Refused(H::LeaseLost))), "{other:?}");
    runs::heartbeat(&mut conn, Scope::All, id, &beat("worker")).await.unwrap();
}

#[sqlx::test(migrator = "runplane::MIGRATOR")]
async fn a_repeated_completion_changes_nothing(mut conn: sqlx::pool::PoolConnection<sqlx::Postgres>) {
    let world = world(&mut conn).await;
    let held = Row::new(RunStatus::Running);
    let id = held.insert(&mut conn, world).await;
    let request = CompleteRequest {
        output: Some(serde_json::json!({"rows": 3})),
        ..completion(Outcome::Succeeded, Some(held.token))
    };
    let first = runs::complete(&mut conn, Scope::All, id, &request).await.unwrap();
    let stored = row(&mut conn, id).await;
    let again = completion(Outcome::Succeeded, Some(held.token));
    assert_eq!(runs::complete(&mut conn, Scope::All, id, &again).await.unwrap(), first);
    assert_eq!(row(&mut conn, id).await, stored);
    assert_eq!(first.output, Some(serde_json::json!({"rows": 3})));
}

#[sqlx::test(migrator = "runplane::MIGRATOR")]
async fn a_heartbeat_extends_by_the_lease_as_claimed_or_as_asked(
    mut conn: sqlx::pool::PoolConnection<sqlx::Postgres>,
) {
    let world = world(&mut conn).await;
    let held = Row::new(RunStatus::Running);
    let id = held.insert(&mut conn, world).await;
    for (asked, seconds) in [(None, 300), (Some(7), 7), (None, 300)] {
        let request =
            HeartbeatRequest { lease_token: Some(held.token), worker_id: None, lease_seconds: asked };
        let reply = runs::heartbeat(&mut conn, Scope::All, id, &request).await.unwrap();
        assert_eq!((reply.lease_expires_at - reply.heartbeat_at).num_seconds(), seconds);
    }
}

//! Two callers at one version: one of them wins, and the other is told.

use runplane::catalog::{ChangeStatusError, EditVersionError, VersionInFull, VersionStatus};
use serde_json::json;
use sqlx::postgres::{PgConnectOptions, PgConnection, PgPoolOptions};
use sqlx::{ConnectOptions, Connection};
use uuid::Uuid;

use crate::support::{approve, deprecate, edit, get, world};

const ROUNDS: usize = 60;

/// Waits until another connection waits for a lock.
pub async fn somebody_waits(conn: &mut PgConnection) {
    for _ in 0..500 {
        let waiting: i64 = sqlx::query_scalar(
            "select count(*) from pg_stat_activity where datname = current_database() and wait_event_type = 'Lock'",
        )
        .fetch_one(&mut *conn)
        .await
        .unwrap();
        if waiting > 0 {
            return;
        }
        tokio::time::sleep(std::time::Duration::from_millis(10)).await;
    }
    panic!("nobody waits for a lock");
}

/// The spec that was approved is the one that the digest is of.
fn assert_whole(version: &VersionInFull) {
    let digest = hex::encode(runplane::canonical::sha256(version.dag_spec.clone()));
    assert_eq!(version.version.dag_sha256, Some(digest), "{version:?}");
}

#[sqlx::test(migrator = "runplane::MIGRATOR")]
async fn an_approval_that_an_edit_overtakes_is_refused(_pool: PgPoolOptions, options: PgConnectOptions) {
    let mut conn = options.connect().await.unwrap();
    let (mut first, mut second) = (options.connect().await.unwrap(), options.connect().await.unwrap());
    let id = world(&mut conn).await.draft(&mut conn).await;
    let mut editing = first.begin().await.unwrap();
    edit(&mut editing, id, json!({"steps": ["edited"]}), None).await.unwrap();
    // It reads the draft as it was, checks that, and waits.
    let approving = tokio::spawn(async move { approve(&mut second, id).await });
    somebody_waits(&mut conn).await;
    editing.commit().await.unwrap();
    let refused = approving.await.unwrap();
    assert!(matches!(refused, Err(ChangeStatusError::ChangedMeanwhile)), "{refused:?}");
    let stored = get(&mut conn, id).await;
    assert_eq!((stored.version.status, stored.transitions.len()), (VersionStatus::Draft, 0));
    assert_eq!(stored.dag_spec, json!({"steps": ["edited"]}));
}

#[sqlx::test(migrator = "runplane::MIGRATOR")]
async fn an_approval_that_an_edit_by_hand_overtakes_is_refused(
    _pool: PgPoolOptions,
    options: PgConnectOptions,
) {
    let mut conn = options.connect().await.unwrap();
    let (mut first, mut second) = (options.connect().await.unwrap(), options.connect().await.unwrap());
    let id = world(&mut conn).await.draft(&mut conn).await;
    let mut editing = first.begin().await.unwrap();
    let by_hand = "update pipeline_versions set dag_spec = '{\"steps\": [\"by hand\"]}' where id = $1";
    sqlx::query(by_hand).bind(id).execute(&mut *editing).await.unwrap();
    let approving = tokio::spawn(async move { approve(&mut second, id).await });
    somebody_waits(&mut conn).await;
    editing.commit().await.unwrap();
    let refused = approving.await.unwrap();
    assert!(matches!(refused, Err(ChangeStatusError::ChangedMeanwhile)), "{refused:?}");
}

#[sqlx::test(migrator = "runplane::MIGRATOR")]
async fn an_edit_that_an_approval_overtakes_is_refused(_pool: PgPoolOptions, options: PgConnectOptions) {
    let mut conn = options.connect().await.unwrap();
    let (mut first, mut second) = (options.connect().await.unwrap(), options.connect().await.unwrap());
    let id = world(&mut conn).await.draft(&mut conn).await;
    let mut approving = first.begin().await.unwrap();
    let approved = approve(&mut approving, id).await.unwrap();
    let editing = tokio::spawn(async move { edit(&mut second, id, json!({"steps": ["late"]}), None).await });
    somebody_waits(&mut conn).await;
    approving.commit().await.unwrap();
    let refused = editing.await.unwrap();
    assert!(matches!(refused, Err(EditVersionError::NotDraft(VersionStatus::Approved))), "{refused:?}");
    assert_eq!(get(&mut conn, id).await, approved);
}

/// A status that has gone away and come back is not the one that was read.
#[sqlx::test(migrator = "runplane::MIGRATOR")]
async fn a_change_that_two_others_overtake_is_refused(_pool: PgPoolOptions, options: PgConnectOptions) {
    let mut conn = options.connect().await.unwrap();
    let (mut first, mut second) = (options.connect().await.unwrap(), options.connect().await.unwrap());
    let id = world(&mut conn).await.draft(&mut conn).await;
    approve(&mut conn, id).await.unwrap();
    let mut holding = first.begin().await.unwrap();
    deprecate(&mut holding, id).await.unwrap();
    approve(&mut holding, id).await.unwrap();
    let late = tokio::spawn(async move { deprecate(&mut second, id).await });
    somebody_waits(&mut conn).await;
    holding.commit().await.unwrap();
    let refused = late.await.unwrap();
    assert!(matches!(refused, Err(ChangeStatusError::ChangedMeanwhile)), "{refused:?}");
}

/// Both at once, on connections of their own; in every other round `one` has a start that grows with the square of the round, so that it comes
/// first sooner or later, however many statements it needs and however busy the machine is.
async fn both<A, B>(
    options: &PgConnectOptions,
    id: Uuid,
    round: usize,
    one: impl AsyncFnOnce(PgConnection, Uuid) -> A,
    other: impl AsyncFnOnce(PgConnection, Uuid) -> B,
) -> (A, B) {
    let (first, second) = (options.connect().await.unwrap(), options.connect().await.unwrap());
    // join! polls its futures in turn: the first statement of the first one is sent first.
    if round.is_multiple_of(2) {
        let later = async {
            tokio::time::sleep(std::time::Duration::from_micros(50 * (round * round) as u64)).await;
            other(second, id).await
        };
        tokio::join!(one(first, id), later)
    } else {
        let (other, one) = tokio::join!(other(second, id), one(first, id));
        (one, other)
    }
}

#[sqlx::test(migrator = "runplane::MIGRATOR")]
async fn of_an_approval_and_an_edit_at_once_one_wins(_pool: PgPoolOptions, options: PgConnectOptions) {
    let mut conn = options.connect().await.unwrap();
    let world = world(&mut conn).await;
    let (mut edits, mut approvals) = (0, 0);
    for round in 0..ROUNDS {
        let id = world.draft(&mut conn).await;
        let (approved, edited) = both(
            &options,
            id,
            round,
            async |mut conn, id| approve(&mut conn, id).await,
            async |mut conn, id| edit(&mut conn, id, json!({"steps": ["edited"]}), Some(1)).await,
        )
        .await;
        let stored = get(&mut conn, id).await;
        match (approved, edited) {
            (Ok(approved), Err(EditVersionError::NotDraft(VersionStatus::Approved))) => {
                approvals += 1;
                assert_eq!((stored, approved.dag_spec.clone()), (approved, json!({"steps": ["a"]})));
            }
            (Err(ChangeStatusError::ChangedMeanwhile), Ok(edited)) => {
                edits += 1;
                assert_eq!(stored, edited);
            }
            // One after the other: the approval has seen the edit.
            (Ok(approved), Ok(_)) => {
                edits += 1;
                assert_eq!(approved.dag_spec, json!({"steps": ["edited"]}));
                assert_whole(&approved);
            }
            other => panic!("round {round}: {other:?}"),
        }
    }
    assert!(edits > 0 && approvals > 0, "{edits} edits and {approvals} approvals came first");
}

#[sqlx::test(migrator = "runplane::MIGRATOR")]
async fn of_two_approvals_at_once_one_counts(_pool: PgPoolOptions, options: PgConnectOptions) {
    let mut conn = options.connect().await.unwrap();
    let world = world(&mut conn).await;
    for round in 0..ROUNDS {
        let id = world.draft(&mut conn).await;
        let approving = async |mut conn: PgConnection, id| approve(&mut conn, id).await;
        let (one, other) = both(&options, id, round, approving, approving).await;
        let refused = match (one, other) {
            (Ok(_), Err(refused)) | (Err(refused), Ok(_)) => refused,
            other => panic!("round {round}: {other:?}"),
        };
        let expected = matches!(
            refused,
            ChangeStatusError::ChangedMeanwhile | ChangeStatusError::InvalidTransition { .. }
        );
        assert!(expected, "{refused:?}");
        let stored = get(&mut conn, id).await;
        assert_eq!(stored.transitions.len(), 1);
        assert_whole(&stored);
    }
}

#[sqlx::test(migrator = "runplane::MIGRATOR")]
async fn of_two_edits_of_one_revision_one_counts(_pool: PgPoolOptions, options: PgConnectOptions) {
    let mut conn = options.connect().await.unwrap();
    let world = world(&mut conn).await;
    for round in 0..ROUNDS {
        let id = world.draft(&mut conn).await;
        let (one, other) = both(
            &options,
            id,
            round,
            async |mut conn, id| edit(&mut conn, id, json!({"steps": ["one"]}), Some(1)).await,
            async |mut conn, id| edit(&mut conn, id, json!({"steps": ["other"]}), Some(1)).await,
        )
        .await;
        let winner = match (one, other) {
            (Ok(winner), Err(EditVersionError::OtherRevision(2)))
            | (Err(EditVersionError::OtherRevision(2)), Ok(winner)) => winner,
            other => panic!("round {round}: {other:?}"),
        };
        assert_eq!(get(&mut conn, id).await, winner);
    }
}

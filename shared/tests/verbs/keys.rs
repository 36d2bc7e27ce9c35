//! Concurrency keys: of the runs of a tenant with one key, at most one is RUNNING.

use std::collections::HashMap;

use runplane::runs::{self, ClaimOptions, CompleteRequest, Marks, Outcome, WaitingReason};
use runplane::scope::Scope;
use sqlx::ConnectOptions;
use sqlx::postgres::{PgConnectOptions, PgPoolOptions};
use uuid::Uuid;

use crate::support::{claim_by, claim_by_id, details, expire, queued, world};

type Conn = sqlx::pool::PoolConnection<sqlx::Postgres>;

async fn several(conn: &mut sqlx::PgConnection, scope: Scope, marks: &Marks) -> Vec<runs::Claim> {
    runs::claim(conn, scope, marks, ClaimOptions { max_runs: 10, ..claim_by("w") }).await.unwrap().claims
}

fn ids(claims: &[runs::Claim]) -> Vec<Uuid> {
    claims.iter().map(|claim| claim.run.run.id).collect()
}

#[sqlx::test(migrator = "runplane::MIGRATOR")]
async fn runs_with_one_key_run_one_after_the_other_and_hold_up_nobody(mut conn: Conn) {
    let (mine, theirs) = (world(&mut conn).await, world(&mut conn).await);
    let marks = Marks::default();
    let first = queued(&mut conn, mine, "concurrency_key = 'sync'").await;
    let second = queued(&mut conn, mine, "concurrency_key = 'sync'").await;
    let other_key = queued(&mut conn, mine, "concurrency_key = 'report'").await;
    let without = queued(&mut conn, mine, "").await;
    let same_word = queued(&mut conn, theirs, "concurrency_key = 'sync'").await;
    let scope = Scope::Tenant(mine.tenant);
    let claims = several(&mut conn, scope, &marks).await;
    assert_eq!(ids(&claims), [first, other_key, without]);
    assert_eq!(claims.iter().map(|claim| claim.limited).collect::<Vec<_>>(), [true, true, false]);
    assert_eq!(ids(&several(&mut conn, Scope::All, &marks).await), [same_word]);
    assert_eq!(claim_by_id(&mut conn, scope, second, "w").await, None);
    assert_eq!(details(&mut conn, second).await.waiting_for.unwrap().reason, WaitingReason::ConcurrencyKey);

    // A lease that has expired frees nothing: that run is still RUNNING, and is taken over first.
    expire(&mut conn, first).await;
    assert_eq!(claim_by_id(&mut conn, scope, second, "w").await, None);
    let heir = several(&mut conn, scope, &marks).await;
    assert_eq!(ids(&heir), [first]);
    let end = CompleteRequest {
        lease_token: Some(heir[0].run.lease_token),
        ..CompleteRequest::new(Outcome::Succeeded)
    };
    runs::complete(&mut conn, scope, first, &end).await.unwrap();
    assert_eq!(ids(&several(&mut conn, scope, &marks).await), [second]);
}

#[sqlx::test(migrator = "runplane::MIGRATOR")]
async fn of_sixteen_claimers_never_two_have_one_key(_pool: PgPoolOptions, options: PgConnectOptions) {
    let mut conn = options.connect().await.unwrap();
    let world = world(&mut conn).await;
    sqlx::query(
        "insert into pipeline_runs (id, root_run_id, tenant_id, pipeline_id, pipeline_version_id, dispatch, concurrency_key)
         select i.id, i.id, $1, $2, $3, 'pull', 'key ' || n % 5 from (select uuidv7() as id, n from generate_series(1, 300) n) i",
    )
    .bind(world.tenant)
    .bind(world.pipeline)
    .bind(world.version)
    .execute(&mut conn)
    .await
    .unwrap();
    let claimers: Vec<_> = (0..16)
        .map(|number| {
            let options = options.clone();
            tokio::spawn(async move {
                let mut conn = options.connect().await.unwrap();
                let (marks, worker) = (Marks::default(), format!("w{number}"));
                let mut done = HashMap::new();
                loop {
                    let wish = ClaimOptions { max_runs: 1 + number % 3, ..claim_by(&worker) };
                    let claims = runs::claim(&mut conn, Scope::All, &marks, wish).await.unwrap().claims;
                    let left: i64 =
                        sqlx::query_scalar("select count(*) from pipeline_runs where finished_at is null")
                            .fetch_one(&mut conn)
                            .await
                            .unwrap();
                    if left == 0 {
                        return done;
                    }
                    for claim in claims {
                        let end = CompleteRequest {
                            lease_token: Some(claim.run.lease_token),
                            ..CompleteRequest::new(Outcome::Succeeded)
                        };
                        runs::complete(&mut conn, Scope::All, claim.run.run.id, &end).await.unwrap();
                        *done.entry(claim.run.run.id).or_insert(0) += 1;
                    }
                }
            })
        })
        .collect();
    // Two that are RUNNING with one key cannot be stored (pipeline_runs_concurrency_key): a claim that tried would have failed.
    let mut all: HashMap<Uuid, i32> = HashMap::new();
    for claimer in claimers {
        for (id, times) in claimer.await.unwrap() {
            *all.entry(id).or_insert(0) += times;
        }
    }
    assert_eq!((all.len(), all.values().sum::<i32>()), (300, 300));
}

#[sqlx::test(migrator = "runplane::MIGRATOR")]
async fn of_many_with_one_key_one_is_claimed_and_the_others_are_passed_by(mut conn: Conn) {
    let world = world(&mut conn).await;
    let mut keyed = Vec::new();
    for _ in 0..15 {
        keyed.push(queued(&mut conn, world, "concurrency_key = 'a', priority = 9").await);
    }
    let mut free = Vec::new();
    for _ in 0..15 {
        free.push(queued(&mut conn, world, "").await);
    }
    for (scope, queues) in [(Scope::All, None), (Scope::Tenant(world.tenant), Some(["pipes".to_owned()]))] {
        let queues = queues.as_ref().map(|queues| &queues[..]);
        let options = ClaimOptions { max_runs: 10, queues, ..claim_by("w") };
        let claims = runs::claim(&mut conn, scope, &Marks::default(), options).await.unwrap().claims;
        let mut expected: Vec<_> = free[..9].to_vec();
        expected.insert(0, keyed[0]);
        assert_eq!(ids(&claims), expected, "{scope:?}");
        let back = "update pipeline_runs set status = 'QUEUED', lease_token = null, claimed_by = null, claimed_at = null, lease_seconds = null,
            lease_expires_at = null, started_at = null, claim_count = 0";
        sqlx::query(back).execute(&mut *conn).await.unwrap();
    }
}

//! What an environment remembers makes claims cheap, and hides nothing.

use runplane::runs::{self, ClaimOptions, Marks};
use runplane::scope::Scope;
use sqlx::ConnectOptions;
use sqlx::postgres::{PgConnectOptions, PgPoolOptions};

use crate::support::{change, claim, claim_by, queued, world};

type Conn = sqlx::pool::PoolConnection<sqlx::Postgres>;

#[sqlx::test(migrator = "runplane::MIGRATOR")]
async fn what_comes_to_lie_before_a_mark_is_claimed_as_soon_as_nothing_else_is_left(mut conn: Conn) {
    let world = world(&mut conn).await;
    for scope in [Scope::All, Scope::Tenant(world.tenant)] {
        let marks = Marks::default();
        let first = queued(&mut conn, world, "").await;
        let second = queued(&mut conn, world, "").await;
        let next = async |conn: &mut sqlx::PgConnection| {
            claim(conn, scope, &marks, claim_by("w")).await.unwrap().map(|claim| claim.run.run.id)
        };
        assert_eq!(next(&mut conn).await, Some(first));
        // Older than what the marks have passed: a run that was handed back, or whose creation was committed late.
        let old = queued(&mut conn, world, "available_at = now() - interval '1 h'").await;
        assert_eq!(next(&mut conn).await, Some(second), "{scope:?}: the marks are of no use");
        assert_eq!(next(&mut conn).await, Some(old), "{scope:?}");
        assert_eq!(next(&mut conn).await, None);
    }
}

#[sqlx::test(migrator = "runplane::MIGRATOR")]
async fn a_delayed_run_does_not_hide_what_is_created_after_it(mut conn: Conn) {
    let world = world(&mut conn).await;
    let marks = Marks::default();
    let delayed = queued(&mut conn, world, "available_at = now() + interval '1 h'").await;
    for _ in 0..3 {
        let id = queued(&mut conn, world, "").await;
        let other = queued(&mut conn, world, "priority = 9").await;
        for expected in [other, id] {
            let claimed = claim(&mut conn, Scope::All, &marks, claim_by("w")).await.unwrap().unwrap();
            assert_eq!(claimed.run.run.id, expected);
        }
    }
    change(&mut conn, delayed, "available_at = now()").await;
    assert_eq!(
        claim(&mut conn, Scope::All, &marks, claim_by("w")).await.unwrap().unwrap().run.run.id,
        delayed
    );
}

/// The pages that this database has read so far.
async fn read(conn: &mut sqlx::PgConnection) -> i64 {
    sqlx::raw_sql("select pg_stat_force_next_flush()").execute(&mut *conn).await.unwrap();
    let read = "select blks_hit + blks_read from pg_stat_database where datname = current_database()";
    sqlx::query_scalar(read).fetch_one(conn).await.unwrap()
}

/// The pages that a claim reads, and a few of the question.
async fn pages(conn: &mut sqlx::PgConnection, scope: Scope, marks: &Marks) -> i64 {
    let before = read(conn).await;
    runs::claim(conn, scope, marks, claim_by("w")).await.unwrap().claims.pop().unwrap();
    read(conn).await - before
}

#[sqlx::test(migrator = "runplane::MIGRATOR")]
async fn while_somebody_holds_an_old_snapshot_claims_stay_as_cheap_as_they_are(
    _pool: PgPoolOptions,
    options: PgConnectOptions,
) {
    let (mut conn, mut holder) = (options.connect().await.unwrap(), options.connect().await.unwrap());
    let world = world(&mut conn).await;
    sqlx::query(
        "insert into pipeline_runs (id, root_run_id, tenant_id, pipeline_id, pipeline_version_id, dispatch, available_at)
         select i.id, i.id, $1, $2, $3, 'pull', now() - interval '1 h' + n * interval '1 ms'
         from (select uuidv7() as id, n from generate_series(1, 12000) n) i",
    )
    .bind(world.tenant)
    .bind(world.pipeline)
    .bind(world.version)
    .execute(&mut conn)
    .await
    .unwrap();
    sqlx::raw_sql("analyze pipeline_runs").execute(&mut conn).await.unwrap();
    sqlx::raw_sql("begin isolation level repeatable read; select 1").execute(&mut holder).await.unwrap();
    let _snapshot: i64 =
        sqlx::query_scalar("select count(*) from pipeline_runs").fetch_one(&mut holder).await.unwrap();
    for scope in [Scope::Tenant(world.tenant), Scope::All] {
        let marks = Marks::default();
        let many = ClaimOptions { max_runs: 100, ..claim_by("w") };
        for _ in 0..50 {
            assert_eq!(runs::claim(&mut conn, scope, &marks, many).await.unwrap().claims.len(), 100);
        }
        // Once in a while it starts over all the same; not twice in a row.
        let with_marks = pages(&mut conn, scope, &marks).await.min(pages(&mut conn, scope, &marks).await);
        let without = pages(&mut conn, scope, &Marks::default()).await;
        // Without marks it walks over all that was claimed since.
        assert!(without > 300, "{scope:?}: {without} pages without marks: there is nothing to walk over");
        assert!(with_marks < 100, "{scope:?}: {with_marks} pages with marks, {without} without");
    }
}

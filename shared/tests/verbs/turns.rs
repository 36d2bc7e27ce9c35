//! Claims without a tenant: everybody gets a turn, and no claim looks at more tenants than it may.

use runplane::runs::{self, ClaimOptions, Claimed, Marks};
use runplane::scope::Scope;
use sqlx::PgConnection;
use uuid::Uuid;

use crate::support::{World, claim_by, queued, world};

type Conn = sqlx::pool::PoolConnection<sqlx::Postgres>;

async fn ask(conn: &mut PgConnection, marks: &Marks) -> Claimed {
    runs::claim(conn, Scope::All, marks, claim_by("w")).await.unwrap()
}

fn tenant_of(claimed: &Claimed) -> Option<Uuid> {
    claimed.claims.first().map(|claim| claim.run.run.tenant_id)
}

async fn backlog(conn: &mut PgConnection, world: World, count: i32) {
    sqlx::query(
        "insert into pipeline_runs (id, root_run_id, tenant_id, pipeline_id, pipeline_version_id, dispatch, priority, available_at)
         select i.id, i.id, $1, $2, $3, 'pull', 9, now() - interval '1 h' from (select uuidv7() as id from generate_series(1, $4)) i",
    )
    .bind(world.tenant)
    .bind(world.pipeline)
    .bind(world.version)
    .bind(count)
    .execute(conn)
    .await
    .unwrap();
}

#[sqlx::test(migrator = "runplane::MIGRATOR")]
async fn whatever_the_backlog_of_one_the_run_of_another_is_claimed_within_two_claims(mut conn: Conn) {
    // Ids rise: the one with the backlog comes before, between and behind the others.
    let worlds = [world(&mut conn).await, world(&mut conn).await, world(&mut conn).await];
    for (place, greedy) in worlds.iter().enumerate() {
        backlog(&mut conn, *greedy, 2_000).await;
        let marks = Marks::default();
        for _ in 0..20 {
            assert_eq!(tenant_of(&ask(&mut conn, &marks).await), Some(greedy.tenant));
        }
        for modest in worlds.iter().filter(|world| world.tenant != greedy.tenant) {
            // Its run is worse and younger than any of the backlog.
            queued(&mut conn, *modest, "priority = 0").await;
            let turns = [ask(&mut conn, &marks).await, ask(&mut conn, &marks).await];
            assert!(turns.iter().any(|turn| tenant_of(turn) == Some(modest.tenant)), "{place}");
        }
        sqlx::query("delete from pipeline_runs").execute(&mut *conn).await.unwrap();
    }
}

#[sqlx::test(migrator = "runplane::MIGRATOR")]
async fn several_at_once_are_filled_up_from_the_next_tenants(mut conn: Conn) {
    let (first, second) = (world(&mut conn).await, world(&mut conn).await);
    backlog(&mut conn, first, 500).await;
    backlog(&mut conn, second, 3).await;
    let marks = Marks::default();
    let many = ClaimOptions { max_runs: 100, ..claim_by("w") };
    let of = |claimed: Claimed, world: World| {
        claimed.claims.iter().filter(|claim| claim.run.run.tenant_id == world.tenant).count()
    };
    let claimed = runs::claim(&mut conn, Scope::All, &marks, many).await.unwrap();
    assert_eq!((claimed.claims.len(), of(claimed, first)), (100, 100));
    let claimed = runs::claim(&mut conn, Scope::All, &marks, many).await.unwrap();
    assert_eq!((claimed.claims.len(), of(claimed, second)), (100, 3));
}

#[sqlx::test(migrator = "runplane::MIGRATOR")]
async fn of_a_hundred_tenants_at_their_limits_one_claim_looks_at_a_part_and_says_that_there_is_more(
    mut conn: Conn,
) {
    for _ in 0..100 {
        let full = world(&mut conn).await;
        queued(&mut conn, full, "").await;
    }
    sqlx::query("update tenants set max_running = 0").execute(&mut *conn).await.unwrap();
    let marks = Marks::default();
    // 32 at a time, each once, and then it is known that there is nothing.
    let asked = [
        ask(&mut conn, &marks).await,
        ask(&mut conn, &marks).await,
        ask(&mut conn, &marks).await,
        ask(&mut conn, &marks).await,
    ];
    assert_eq!(
        asked.map(|claimed| (claimed.claims.len(), claimed.more)),
        [(0, true), (0, true), (0, true), (0, false)]
    );

    // Whoever may run is found on the way, wherever it is.
    let free = world(&mut conn).await;
    queued(&mut conn, free, "").await;
    let mut found = None;
    for _ in 0..4 {
        found = found.or(tenant_of(&ask(&mut conn, &marks).await));
    }
    assert_eq!(found, Some(free.tenant));
}

#[sqlx::test(migrator = "runplane::MIGRATOR")]
async fn of_a_tenant_whose_leases_somebody_counts_the_next_claim_does_not_wait(
    _pool: sqlx::postgres::PgPoolOptions,
    options: sqlx::postgres::PgConnectOptions,
) {
    use sqlx::ConnectOptions;
    let (mut conn, mut other) = (options.connect().await.unwrap(), options.connect().await.unwrap());
    let (bounded, free) = (world(&mut conn).await, world(&mut conn).await);
    sqlx::query("update tenants set max_running = 5 where id = $1")
        .bind(bounded.tenant)
        .execute(&mut conn)
        .await
        .unwrap();
    for world in [bounded, free] {
        backlog(&mut conn, world, 5).await;
    }
    sqlx::query("begin").execute(&mut other).await.unwrap();
    sqlx::query("select pg_advisory_xact_lock(tenant_lock_key($1))")
        .bind(bounded.tenant)
        .execute(&mut other)
        .await
        .unwrap();
    let marks = Marks::default();
    for _ in 0..5 {
        assert_eq!(tenant_of(&ask(&mut conn, &marks).await), Some(free.tenant));
    }
    // Nothing else is left: it says that there may be more.
    let claimed = ask(&mut conn, &marks).await;
    assert_eq!((claimed.claims.len(), claimed.more), (0, true));
    sqlx::query("rollback").execute(&mut other).await.unwrap();
    assert_eq!(tenant_of(&ask(&mut conn, &marks).await), Some(bounded.tenant));
}

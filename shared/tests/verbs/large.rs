//! A claim of several runs whose parameters would not fit through Lambda together.

use runplane::runs::{self, ClaimOptions, Marks};
use runplane::scope::Scope;

use crate::support::{claim_by, queued, world, world_with};

type Conn = sqlx::pool::PoolConnection<sqlx::Postgres>;

const LARGE: &str = "parameters = jsonb_build_object('text', repeat('x', 250000))";

#[sqlx::test(migrator = "runplane::MIGRATOR")]
async fn as_many_as_fit_are_claimed_and_the_rest_is_said_to_be_there(mut conn: Conn) {
    let world = world(&mut conn).await;
    for _ in 0..20 {
        queued(&mut conn, world, LARGE).await;
    }
    let marks = Marks::default();
    let many = ClaimOptions { max_runs: 100, ..claim_by("w") };
    let mut sizes = Vec::new();
    loop {
        let claimed = runs::claim(&mut conn, Scope::All, &marks, many).await.unwrap();
        let bytes = claimed
            .claims
            .iter()
            .map(|claim| serde_json::to_string(&claim.run).unwrap().len())
            .sum::<usize>();
        assert!(bytes < 5_000_000, "{bytes} bytes");
        sizes.push(claimed.claims.len());
        if !claimed.more {
            break;
        }
    }
    // 15 of 250,000 bytes are below 4,000,000.
    assert_eq!(sizes, [15, 5]);
}

#[sqlx::test(migrator = "runplane::MIGRATOR")]
async fn versions_count_for_each_of_their_runs(mut conn: Conn) {
    let spec = serde_json::json!({ "steps": [], "text": "x".repeat(900_000) });
    let world = world_with(&mut conn, "APPROVED", spec).await;
    for _ in 0..6 {
        queued(&mut conn, world, "").await;
    }
    let many = ClaimOptions { max_runs: 100, ..claim_by("w") };
    let claimed = runs::claim(&mut conn, Scope::Tenant(world.tenant), &Marks::default(), many).await.unwrap();
    assert_eq!((claimed.claims.len(), claimed.more), (4, true));
}

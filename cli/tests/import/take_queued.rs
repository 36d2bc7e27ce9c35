//! Runs that still wait, taken over from a service that is stopped.

use runplane::runs::{self, ClaimOptions, Marks, RunStatus};
use runplane::scope::Scope;
use serde_json::json;
use sqlx::{Connection as _, PgPool};

use crate::support::{Ends, id};

const OPTIONS: ClaimOptions<'_> = ClaimOptions {
    worker: "worker",
    queues: None,
    lease_seconds: 300,
    claim_id: None,
    max_runs: 100,
    pushed_only: false,
};

#[sqlx::test(migrator = "runplane::MIGRATOR")]
async fn waiting_runs_are_taken_over_once_and_claimed_in_their_old_order(pool: PgPool) {
    let ends = Ends::world(pool).await;
    ends.there(
        "update pipeline_runs set parameters = '{\"day\": 4}', claimed_by = 'gone' where id like '%1004'",
    )
    .await;
    let said = ends.import(&["--take-queued"]).await.ended(0);
    assert_eq!(said.count("runs", "copied"), 5);
    assert_eq!(
        said.notes(),
        [format!("changed {} it waits again after a claim there: it was never claimed here", id("1004"))]
    );
    assert!(!said.remarks().iter().any(|remark| remark.contains("QUEUED")), "{:?}", said.remarks());

    let mut conn = ends.pool.acquire().await.unwrap();
    let claims = runs::claim(&mut conn, Scope::All, &Marks::default(), OPTIONS).await.unwrap().claims;
    let claimed: Vec<_> = claims.into_iter().map(|claim| claim.run.run).collect();
    assert_eq!(claimed.len(), 2);
    drop(conn);
    assert_eq!([claimed[0].id, claimed[1].id], [id("1005"), id("1004")], "the older one first");
    assert_eq!(json!(claimed[1].parameters), json!({"day": 4}));
    assert!(claimed.iter().all(|run| run.status == RunStatus::Running && run.claim_count == 1));

    // Nothing is taken twice, whatever has become of it here.
    let rows = ends.rows().await;
    let said = ends.import(&["--take-queued"]).await.ended(0);
    assert_eq!((said.count("runs", "copied"), said.count("runs", "already_there")), (0, 5));
    assert_eq!(ends.rows().await, rows);
    // Nobody is told to let them run there as well.
    for args in [[].as_slice(), &["--verify"]] {
        let remarks = ends.import(args).await.ended(0).remarks();
        assert_eq!(
            remarks[0],
            "2 runs that are QUEUED there wait or ran here: taken over, and to be left alone there."
        );
        assert!(!remarks.iter().any(|remark| remark.contains("let the old workers")), "{remarks:?}");
    }
    assert_eq!(ends.rows().await, rows);
    ends.drop_database().await;
}

#[sqlx::test(migrator = "runplane::MIGRATOR")]
async fn nothing_is_taken_while_somebody_uses_the_old_database(pool: PgPool) {
    let ends = Ends::world(pool).await;
    let somebody = ends.connect_there().await;
    let said = ends.import(&["--take-queued"]).await.ended(4);
    assert!(said.err.contains("--take-queued is for a service that is stopped"), "{}", said.err);
    assert_eq!(ends.value("select count(*) from tenants").await, 0);
    ends.import(&[]).await.ended(0);
    somebody.close().await.unwrap();
    ends.import(&["--take-queued"]).await.ended(0);
    ends.drop_database().await;
}

#[sqlx::test(migrator = "runplane::MIGRATOR")]
async fn what_could_not_run_here_as_it_would_have_there_is_not_taken(pool: PgPool) {
    let ends = Ends::world(pool).await;
    ends.there(
        "update pipeline_runs set pipeline_version_id = '00000000-0000-4000-8000-000000000103' where id like '%1004';
         update pipeline_runs set parameters = '[1]' where id like '%1005'",
    )
    .await;
    let mut notes = ends.import(&["--take-queued"]).await.ended(6).notes();
    notes.sort();
    assert_eq!(
        notes,
        [
            format!(
                "left_out {} it waits, and its version {} is a DRAFT: only APPROVED ones run",
                id("1004"),
                id("103")
            ),
            format!(
                "left_out {} it waits, and its parameters are no object: its worker would get other ones",
                id("1005")
            ),
        ]
    );
    ends.drop_database().await;
}

#[sqlx::test(migrator = "runplane::MIGRATOR")]
async fn a_run_that_both_services_had_is_told(pool: PgPool) {
    let ends = Ends::world(pool).await;
    ends.import(&["--take-queued"]).await.ended(0);
    ends.there("update pipeline_runs set status = 'FAILED', finished_at = now() where id like '%1004'").await;
    let rows = ends.rows().await;
    let notes = ends.import(&[]).await.ended(6).notes();
    assert_eq!(
        notes,
        [format!(
            "left_out {} is FAILED there and QUEUED here: both services had it; kept as it is here",
            id("1004")
        )]
    );
    assert_eq!(ends.rows().await, rows);
    ends.drop_database().await;
}

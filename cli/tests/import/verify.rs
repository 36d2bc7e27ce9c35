//! `--verify`: both sides compared.

use serde_json::{Value, json};
use sqlx::PgPool;

use crate::support::{Ends, Said, id};

/// Tenant, status, there, here, and whether the checksums are equal (those of waiting runs are both null).
fn totals(said: &Said) -> Value {
    let summary = said.summary();
    let runs = summary["runs"].as_array().unwrap().iter().map(|side| {
        let is_equal = side["checksum_there"] == side["checksum_here"];
        json!([side["tenant_id"], side["status"], side["there"], side["here"], is_equal])
    });
    runs.collect()
}

#[sqlx::test(migrator = "runplane::MIGRATOR")]
async fn two_sides_that_are_alike_are_found_alike(pool: PgPool) {
    let ends = Ends::world(pool).await;
    ends.there(
        "update pipeline_runs set parameters = '{\"b\": 1.50, \"a\": [\"\\u00e4\"], \"n\": 12345678901234567890123}' where id like '%1001'",
    )
    .await;
    ends.import(&[]).await.ended(0);
    let rows = ends.rows().await;
    let said = ends.import(&["--verify"]).await.ended(0);
    assert_eq!(ends.rows().await, rows);
    assert_eq!(
        totals(&said),
        json!([
            [id("1"), "FAILED", 1, 1, true],
            [id("1"), "QUEUED", 2, 0, true],
            [id("1"), "SUCCEEDED", 1, 1, true],
            [id("2"), "CANCELLED", 1, 1, true],
        ])
    );
    let people = ends.run(&["--verify"]).await.ended(0).out;
    assert!(people.contains("checksum there"), "{people}");
    ends.drop_database().await;
}

#[sqlx::test(migrator = "runplane::MIGRATOR")]
async fn a_missing_and_a_changed_row_are_named(pool: PgPool) {
    let ends = Ends::world(pool).await;
    ends.import(&[]).await.ended(0);
    ends.here(
        "delete from pipeline_runs where id::text like '%1001';
         update pipeline_runs set error_message = 'another' where id::text like '%1002';
         delete from pipeline_versions where version = '2.0';
         insert into pipeline_runs (id, root_run_id, tenant_id, pipeline_id, pipeline_version_id)
         select gen_random_uuid(), id, tenant_id, pipeline_id, id from pipeline_versions where version = '1.1'",
    )
    .await;
    let said = ends.import(&["--verify"]).await.ended(6);
    assert_eq!(
        said.notes(),
        [
            format!("missing {} is not here: import again", id("103")),
            format!("missing {} is not here: import again", id("1001")),
            format!("differs {} has another error_message there: kept as it is here", id("1002")),
        ]
    );
    assert_eq!(
        totals(&said),
        json!([
            [id("1"), "FAILED", 1, 1, false],
            [id("1"), "QUEUED", 2, 0, true],
            [id("1"), "SUCCEEDED", 1, 0, false],
            [id("2"), "CANCELLED", 1, 1, true],
        ])
    );
    assert!(said.remarks().iter().any(|remark| remark.starts_with("1 more runs of these tenants are here")));
    ends.drop_database().await;
}

#[sqlx::test(migrator = "runplane::MIGRATOR")]
async fn an_empty_database_is_no_success(pool: PgPool) {
    let ends = Ends::world(pool).await;
    let said = ends.import(&["--verify"]).await.ended(6);
    let count = |kind| said.count(kind, "missing") + said.count(kind, "left_out");
    assert_eq!(["tenants", "pipelines", "versions", "runs"].map(count), [2, 2, 4, 5]);
    ends.drop_database().await;
}

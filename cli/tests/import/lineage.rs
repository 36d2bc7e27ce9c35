//! Roots of lineages that the old service did not write down.

use serde_json::{Value, json};
use sqlx::PgPool;

use crate::support::Ends;

#[sqlx::test(migrator = "runplane::MIGRATOR")]
async fn roots_are_found_along_the_lineage(pool: PgPool) {
    let ends = Ends::world(pool).await;
    // 2001 ← 2002 ← … ← 2030, of which a batch holds three at a time, with ids in letters of either case; 3001 and 3002 retry
    // each other; the run that 4001 retries names its root.
    ends.there(
        "create function run(n integer) returns text language sql
           return '0000000a-0000-4000-8000-' || lpad(n::text, 12, '0');
         insert into pipeline_runs (id, tenant_id, pipeline_version_id, status, finished_at, retry_of_run_id, root_run_id)
         select run(n), '00000000-0000-4000-8000-000000000001', '00000000-0000-4000-8000-000000000102', 'FAILED', now(),
           upper(run(of)), run(root)
         from (select n, nullif(n - 1, 2000) as of, null::integer as root from generate_series(2001, 2030) n
               union all
               values (3001, 3002, null), (3002, 3001, null), (4001, 4000, null), (4000, 3999, 3998)) as runs (n, of, root);
         update pipeline_runs set id = upper(id) where id ~ '20.[02468]$'",
    )
    .await;
    let notes = ends.import(&["--batch-size", "3"]).await.ended(0).notes();
    assert!(
        notes.len() == 2 && notes.iter().all(|note| note.contains("it retries itself, through others")),
        "{notes:?}"
    );

    let roots = ends
        .value(
            "select jsonb_object_agg(right(id::text, 4), right(root_run_id::text, 4)) from pipeline_runs
             where id::text like '0000000a%'",
        )
        .await;
    let mut expected: serde_json::Map<_, _> =
        (2001..=2030).map(|run| (run.to_string(), json!("2001"))).collect();
    for (run, root) in [("3001", "3001"), ("3002", "3002"), ("4000", "3998"), ("4001", "3998")] {
        expected.insert(run.to_owned(), json!(root));
    }
    assert_eq!(roots, Value::Object(expected));
    ends.import(&["--verify"]).await.ended(0);
    ends.drop_database().await;
}

//! Databases that lack columns, and whose times have no zone.

use serde_json::json;
use sqlx::PgPool;

use crate::support::{Ends, OLDER, WORLD, id};

#[sqlx::test(migrator = "runplane::MIGRATOR")]
async fn an_older_database_is_read_with_its_times_as_utc(pool: PgPool) {
    let ends = Ends::new(pool, &[OLDER, WORLD]).await;
    let said = ends.import(&[]).await.ended(0);
    assert_eq!(
        (said.count("versions", "copied"), said.count("runs", "copied"), said.notes().len()),
        (4, 3, 0)
    );
    let run = ends
        .value(
            "select jsonb_build_array(trigger_type, parameters, heartbeat_at, retry_of_run_id, root_run_id, created_at, finished_at)
             from pipeline_runs where id::text like '%1001'",
        )
        .await;
    assert_eq!(
        run,
        json!([
            "manual",
            {},
            null,
            null,
            id("1001"),
            "2024-02-01T10:00:00.123456+00:00",
            "2024-02-01T10:05:00+00:00"
        ])
    );
    let rows = ends.rows().await;
    ends.import(&[]).await.ended(0);
    assert_eq!(ends.rows().await, rows);
    ends.import(&["--verify"]).await.ended(0);
    let said = ends.import(&["--since", "2024-02-02T10:05:00Z"]).await.ended(0);
    assert_eq!(said.count("runs", "read"), 2);
    ends.drop_database().await;
}

#[sqlx::test(migrator = "runplane::MIGRATOR")]
async fn texts_longer_than_ours_are_cut_where_that_can_be_told(pool: PgPool) {
    let ends = Ends::new(pool, &[OLDER, WORLD]).await;
    ends.there(
        "alter table pipeline_runs add trigger_type text;
         update tenants set name = repeat('ä', 300) where id like '%1';
         update pipelines set name = repeat('p', 201) where id like '%11';
         update pipeline_versions set version = repeat('v', 51) where id like '%101';
         update pipeline_runs set trigger_type = repeat('t', 31), claimed_by = repeat('w', 201) where id like '%1001'",
    )
    .await;
    let said = ends.import(&[]).await.ended(0);
    assert_eq!(said.notes().len(), 5, "{:?}", said.notes());
    assert!(said.notes().iter().all(|note| note.starts_with("changed ")), "{:?}", said.notes());
    assert!(said.notes()[0].contains(&"ä".repeat(300)), "the whole name is in the report");
    let names = ends
        .value(
            "select jsonb_build_array(t.name, p.name, v.version, r.trigger_type, length(r.claimed_by))
             from pipeline_runs r join pipeline_versions v on v.id = r.pipeline_version_id join pipelines p on p.id = r.pipeline_id
             join tenants t on t.id = r.tenant_id where r.id::text like '%1001'",
        )
        .await;
    let with_id = |letter: &str, length: usize| format!("{}-00000000", letter.repeat(length - 9));
    assert_eq!(names, json!([with_id("ä", 200), with_id("p", 200), with_id("v", 50), "t".repeat(30), 200]));
    let rows = ends.rows().await;
    assert_eq!(ends.import(&[]).await.ended(0).notes(), [""; 0]);
    assert_eq!(ends.rows().await, rows);
    ends.import(&["--verify"]).await.ended(0);
    ends.drop_database().await;
}

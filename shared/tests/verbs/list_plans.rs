//! The plans of the lists: each filter uses the index that was made for it, and a page costs the same wherever it lies.

use crate::plans::{assert_uses, pages, plan, seed};
use crate::support::world;

type Conn = sqlx::pool::PoolConnection<sqlx::Postgres>;

const LIST: &str = include_str!("../../sql/list.sql");
const BY_STATUS: &str = include_str!("../../sql/list_by_status.sql");

#[sqlx::test(migrator = "runplane::MIGRATOR")]
async fn lists_use_the_index_of_their_filter(mut conn: Conn) {
    let world = seed(&mut conn).await;
    let (list, by_status) = (LIST, BY_STATUS);
    let (tenant, pipeline, version) =
        (format!("'{}'", world.tenant), format!("'{}'", world.pipeline), format!("'{}'", world.version));
    let hour_ago = || "now() - interval '1 h'".to_owned();
    let labels = || (6, "'{\"team\": \"t20\"}'".to_owned());
    let cursor = || [(9, hour_ago()), (10, version.clone())];
    let of_tenant = |more: &[(usize, String)]| [&[(1, tenant.clone())], more].concat();
    let cases = [
        ("nothing", vec![], "run_list_all"),
        ("created_after", vec![(7, hour_ago())], "run_list_all"),
        ("created_before", vec![(8, hour_ago())], "run_list_all"),
        ("cursor", cursor().to_vec(), "run_list_all"),
        ("queue", vec![(3, "'q1'".into())], "run_list_all"),
        ("labels", vec![labels()], "run_list_labels"),
        ("tenant", of_tenant(&[]), "run_list_tenant"),
        ("tenant, cursor", of_tenant(&cursor()), "run_list_tenant"),
        ("tenant, created_after", of_tenant(&[(7, hour_ago())]), "run_list_tenant"),
        ("tenant, created_before", of_tenant(&[(8, hour_ago())]), "run_list_tenant"),
        ("tenant, queue", of_tenant(&[(3, "'q1'".into())]), "run_list_tenant"),
        ("tenant, pipeline", of_tenant(&[(4, pipeline.clone())]), "run_list_pipeline"),
        ("tenant, version", of_tenant(&[(5, version.clone())]), "run_list_version"),
        ("tenant, labels", of_tenant(&[labels()]), "run_list_labels"),
        ("tenant, status, labels", of_tenant(&[(2, "'{SUCCEEDED}'".into()), labels()]), "run_list_labels"),
        (
            "tenant, common status, pipeline",
            of_tenant(&[(2, "'{SUCCEEDED}'".into()), (4, pipeline.clone())]),
            "run_list_pipeline",
        ),
        (
            "tenant, rare status, pipeline",
            of_tenant(&[(2, "'{CANCELLED}'".into()), (4, pipeline)]),
            "pipeline_runs_list_status",
        ),
    ];
    for (what, given, index) in cases {
        let plan = plan(&mut conn, "force_custom_plan", list, &list_arguments(&given, 12)).await;
        assert_uses(&plan, index, what);
    }
    for status in ["QUEUED", "RUNNING", "SUCCEEDED", "FAILED", "CANCELLED", "FAILED,CANCELLED"] {
        let status = (2, format!("'{{{status}}}'"));
        for (what, given) in [
            ("tenant, status", of_tenant(std::slice::from_ref(&status))),
            ("tenant, status, queue", of_tenant(&[status.clone(), (3, "'q1'".into())])),
            ("tenant, status, cursor", of_tenant(&[status.clone(), (6, hour_ago()), (7, version.clone())])),
            ("status", vec![status]),
        ] {
            let plan = plan(&mut conn, "force_custom_plan", by_status, &list_arguments(&given, 9)).await;
            assert_uses(&plan, "pipeline_runs_list_status", what);
        }
    }
}

/// The arguments of a list's statement in order; what is not given is null. The last two are the rows of a page, and those to skip.
fn list_arguments(given: &[(usize, String)], count: usize) -> String {
    let mut all = vec!["null".to_owned(); count];
    for (number, value) in given {
        all[number - 1].clone_from(value);
    }
    (all[count - 2], all[count - 1]) = ("21".into(), "0".into());
    all.join(", ")
}

#[sqlx::test(migrator = "runplane::MIGRATOR")]
async fn page_ten_thousand_by_cursor_reads_no_more_pages_than_page_one(mut conn: Conn) {
    let world = world(&mut conn).await;
    sqlx::query(
        "insert into pipeline_runs (id, root_run_id, tenant_id, pipeline_id, pipeline_version_id, status, created_at,
           claim_count, claimed_by, claimed_at, lease_token, lease_seconds, started_at, finished_at)
         select id, id, $1, $2, $3, 'SUCCEEDED', at, 1, 'w', at, id, 30, at, at
         from (select uuidv7() as id, now() - n * interval '1 s' as at from generate_series(1, 300000) n) rows",
    )
    .bind(world.tenant)
    .bind(world.pipeline)
    .bind(world.version)
    .execute(&mut *conn)
    .await
    .unwrap();
    sqlx::raw_sql("vacuum analyze pipeline_runs, run_list").execute(&mut *conn).await.unwrap();
    let (tenant, pipeline, version) = (
        (1, format!("'{}'", world.tenant)),
        (4, format!("'{}'", world.pipeline)),
        (5, format!("'{}'", world.version)),
    );
    let status = || (2, "'{SUCCEEDED}'".to_owned());
    for (what, sql, count, given) in [
        ("nothing", LIST, 12, vec![]),
        ("tenant", LIST, 12, vec![tenant.clone()]),
        ("tenant, pipeline", LIST, 12, vec![tenant.clone(), pipeline.clone()]),
        ("tenant, version", LIST, 12, vec![tenant.clone(), version]),
        ("tenant, status, pipeline", LIST, 12, vec![tenant.clone(), status(), pipeline]),
        ("tenant, status", BY_STATUS, 9, vec![tenant, status()]),
        ("status", BY_STATUS, 9, vec![status()]),
    ] {
        let first = pages(&mut conn, "force_custom_plan", sql, &list_arguments(&given, count)).await;
        // 20 runs a page, a second between two runs.
        let place = "now() - interval '200000 s'".to_owned();
        let cursor = [(count - 3, place), (count - 2, format!("'{}'", uuid::Uuid::nil()))];
        let deep = [given, cursor.to_vec()].concat();
        let deep = pages(&mut conn, "force_custom_plan", sql, &list_arguments(&deep, count)).await;
        assert!(first < 150, "{what}: page 1 reads {first} pages");
        assert!(deep.abs_diff(first) <= 10, "{what}: page 1 reads {first} pages, page 10,000 reads {deep}");
    }
}

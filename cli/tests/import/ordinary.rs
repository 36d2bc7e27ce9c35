//! What an ordinary installation becomes.

use runplane::runs::{self, ListFilter, Page, RunStatus};
use runplane::scope::Scope;
use serde_json::json;
use sqlx::PgPool;

use crate::support::{Ends, id};

#[sqlx::test(migrator = "runplane::MIGRATOR")]
async fn the_catalogue_arrives_as_it_was(pool: PgPool) {
    let ends = Ends::world(pool).await;
    let said = ends.import(&[]).await.ended(0);
    assert_eq!(said.notes(), [""; 0]);
    said.assert_nothing_is_dropped();
    let counts = ["tenants", "pipelines", "versions", "runs"].map(|kind| said.count(kind, "copied"));
    assert_eq!(counts, [2, 2, 4, 3]);

    let tenant = ends.value("select to_jsonb(t) - 'max_running' from tenants t where name = 'Acme'").await;
    assert_eq!(
        tenant,
        json!({"id": id("1"), "name": "Acme", "paused": false, "created_at": "2024-01-01T08:00:00+00:00"})
    );
    let pipeline =
        ends.value("select (description, created_at)::text from pipelines where id::text like '%11'").await;
    assert_eq!(pipeline, json!("(\"Every night\",\"2024-01-03 08:00:00+00\")"));
    let versions = ends
        .value(
            "select jsonb_agg(jsonb_build_array(v.version, v.status, v.dag_spec, v.revision, v.approved_by, v.approved_at = v.created_at,
               v.dag_sha256 = sha256(convert_to(replace(v.dag_spec::text, ' ', ''), 'utf8')),
               (select jsonb_agg(t.to_status order by t.id) from pipeline_version_transitions t
                where t.pipeline_version_id = v.id and t.made_by = 'import')) order by v.created_at)
             from pipeline_versions v",
        )
        .await;
    assert_eq!(
        versions,
        json!([
            ["1.0", "DEPRECATED", {}, 1, "import", true, true, ["APPROVED", "DEPRECATED"]],
            ["1.1", "APPROVED", {"steps": ["extract", "load"]}, 1, "import", true, true, ["APPROVED"]],
            ["2.0", "DRAFT", {"steps": ["extract"]}, 1, null, null, null, null],
            // Postgres writes 2.50 as it was given, the canonical form as 2.5.
            ["1.0", "APPROVED", {"kind": "theirs", "do": [1, 2.50]}, 1, "import", true, false, ["APPROVED"]],
        ])
    );
    ends.drop_database().await;
}

#[sqlx::test(migrator = "runplane::MIGRATOR")]
async fn ended_runs_are_shown_as_they_were_in_the_order_they_had(pool: PgPool) {
    let ends = Ends::world(pool).await;
    ends.there(
        "update pipeline_runs set parameters = '{\"day\": 1}', trigger_type = 'schedule', heartbeat_at = '2024-02-02 10:04:00+00',
           retry_of_run_id = '00000000-0000-4000-8000-000000001001', root_run_id = '00000000-0000-4000-8000-000000001001'
         where id = '00000000-0000-4000-8000-000000001002'",
    )
    .await;
    ends.import(&[]).await.ended(0);

    let mut conn = ends.pool.acquire().await.unwrap();
    let page = Page { limit: 20, offset: 0, cursor: None };
    let page = runs::list(&mut conn, Scope::All, &ListFilter::default(), &page).await;
    let order: Vec<_> = page.unwrap().items.iter().map(|run| run.id).collect();
    assert_eq!(order, [id("1003"), id("1002"), id("1001")]);

    let run = runs::get(&mut conn, Scope::All, id("1002")).await.unwrap().run;
    let time = |text: &str| Some(text.parse::<chrono::DateTime<chrono::Utc>>().unwrap());
    assert_eq!((run.tenant_id, run.pipeline_id, run.pipeline_version_id), (id("1"), id("11"), id("102")));
    assert_eq!(
        (run.status, run.error_code, run.error_message.as_deref()),
        (RunStatus::Failed, None, Some("step2: disk full"))
    );
    assert_eq!((run.trigger_type.as_str(), json!(run.parameters)), ("schedule", json!({"day": 1})));
    assert_eq!((run.claimed_by.as_deref(), run.claimed_at), (Some("worker-2"), time("2024-02-02T10:00:01Z")));
    assert_eq!(
        (run.started_at, run.finished_at),
        (time("2024-02-02T10:00:01Z"), time("2024-02-02T10:05:00Z"))
    );
    assert_eq!(
        (run.heartbeat_at, Some(run.updated_at)),
        (time("2024-02-02T10:04:00Z"), time("2024-02-02T10:05:00Z"))
    );
    assert_eq!(Some(run.created_at), time("2024-02-02T10:00:00Z"));
    assert_eq!((run.retry_of_run_id, run.root_run_id), (Some(id("1001")), id("1001")));
    assert_eq!((run.attempt, run.max_attempts, run.claim_count, run.queue.as_str()), (1, 1, 1, "default"));

    let run = runs::get(&mut conn, Scope::All, id("1003")).await.unwrap().run;
    assert_eq!((run.status, run.error_code.as_deref()), (RunStatus::Cancelled, Some("cancelled")));
    assert_eq!((run.root_run_id, run.claim_count, run.trigger_type.as_str()), (run.id, 0, "manual"));
    let run = runs::get(&mut conn, Scope::All, id("1001")).await.unwrap().run;
    assert_eq!(Some(run.created_at), time("2024-02-01T10:00:00.123456Z"));
    ends.drop_database().await;
}

#[sqlx::test(migrator = "runplane::MIGRATOR")]
async fn what_stays_behind_is_counted_with_what_to_do(pool: PgPool) {
    let ends = Ends::world(pool).await;
    ends.there("insert into pipeline_run_logs (id) values ('1'), ('2'); insert into pipeline_run_artifacts (id) values ('1')").await;
    let remarks = ends.import(&[]).await.ended(0).remarks();
    let starts: Vec<&str> = remarks.iter().map(|remark| remark.split(':').next().unwrap()).collect();
    assert_eq!(
        starts,
        [
            "2 runs are QUEUED there",
            "1 run is RUNNING there",
            "3 runs ended more than 90 days ago",
            "2 lines of logs (pipeline_run_logs) left there",
            "1 artifact (pipeline_run_artifacts) left there",
        ]
    );
    ends.drop_database().await;
}

#[sqlx::test(migrator = "runplane::MIGRATOR")]
async fn people_get_a_table(pool: PgPool) {
    let ends = Ends::world(pool).await;
    let said = ends.run(&[]).await.ended(0);
    let runs = said.out.lines().find(|line| line.starts_with("| runs")).unwrap();
    let cells: Vec<&str> = runs.split('|').map(str::trim).collect();
    assert_eq!(cells, ["", "runs", "3", "3", "0", "0", "0", "0", "0", ""]);
    ends.drop_database().await;
}

#[sqlx::test(migrator = "runplane::MIGRATOR")]
async fn the_source_is_never_written_to(pool: PgPool) {
    let ends = Ends::world(pool).await;
    // A trigger would be seen even if it were rolled back; a read-only transaction refuses before.
    let before = ends.rows_there().await;
    for args in [[].as_slice(), &["--take-queued"], &["--verify"], &["--dry-run"]] {
        ends.import(args).await.ended(0);
        assert_eq!(ends.rows_there().await, before);
    }
    ends.drop_database().await;
}

#[sqlx::test(migrator = "runplane::MIGRATOR")]
async fn a_dry_run_says_the_same_and_writes_nothing(pool: PgPool) {
    let ends = Ends::world(pool).await;
    ends.there(
        "update pipeline_versions set version = '1.0', dag_spec = '[]' where id like '%103';
         update pipeline_runs set pipeline_version_id = '00000000-0000-4000-8000-000000000104' where id like '%1001'",
    )
    .await;
    let before = ends.rows().await;
    let dry = ends.import(&["--dry-run"]).await.ended(6);
    assert_eq!(ends.rows().await, before);
    let wet = ends.import(&[]).await.ended(6);
    assert_ne!(ends.rows().await, before);
    assert_eq!(dry.notes(), wet.notes());
    assert_eq!(dry.summary()["counts"], wet.summary()["counts"]);
    assert_eq!(dry.notes().len(), 3, "{:?}", dry.notes());
    ends.drop_database().await;
}

#[sqlx::test(migrator = "runplane::MIGRATOR")]
async fn one_tenant_and_late_runs_can_be_asked_for(pool: PgPool) {
    let ends = Ends::world(pool).await;
    let (acme, globex) = (id("1").to_string(), id("2").to_string());
    let said = ends.import(&["--tenant", &globex]).await.ended(0);
    assert_eq!(
        ["tenants", "pipelines", "versions", "runs"].map(|kind| said.count(kind, "read")),
        [1, 1, 1, 1]
    );
    let said = ends
        .import(&["--tenant", &acme, "--tenant", &globex, "--since", "2024-02-02T10:05:00Z"])
        .await
        .ended(0);
    assert_eq!((said.count("runs", "read"), said.count("runs", "copied")), (2, 1));
    assert_eq!(ends.value("select count(*) from pipeline_runs").await, 2);
    let nobody = id("9").to_string();
    let said = ends.import(&["--tenant", &nobody]).await.ended(4);
    assert!(said.err.contains(&format!("--tenant {nobody}: --from has no such tenant")), "{}", said.err);
    ends.drop_database().await;
}

//! An import that is repeated, interrupted, or follows what has happened there since.

use serde_json::json;
use sqlx::PgPool;

use crate::support::{Ends, id};

#[sqlx::test(migrator = "runplane::MIGRATOR")]
async fn a_second_import_changes_nothing(pool: PgPool) {
    let ends = Ends::world(pool).await;
    ends.import(&[]).await.ended(0);
    let rows = ends.rows().await;
    let said = ends.import(&[]).await.ended(0);
    assert_eq!(ends.rows().await, rows);
    for kind in ["tenants", "pipelines", "versions", "runs"] {
        let count = |which| said.count(kind, which);
        assert_eq!(
            (count("copied"), count("updated"), count("already_there")),
            (0, 0, count("read")),
            "{kind}"
        );
    }
    assert_eq!(said.notes(), [""; 0]);
    ends.drop_database().await;
}

#[sqlx::test(migrator = "runplane::MIGRATOR")]
async fn an_interrupted_import_goes_on_where_it_stopped(pool: PgPool) {
    let ends = Ends::world(pool).await;
    ends.there(
        "insert into pipeline_runs (id, tenant_id, pipeline_version_id, status, finished_at)
         select format('00000000-0000-4000-8000-%s', lpad(n::text, 12, '0')), '00000000-0000-4000-8000-000000000001',
           '00000000-0000-4000-8000-000000000102', 'SUCCEEDED', now()
         from generate_series(5001, 5095) n",
    )
    .await;
    // As if the database went away at the seventieth run.
    ends.here(
        "create sequence seen;
         create function stop() returns trigger language plpgsql as $$ begin
           if nextval('seen') > 70 then raise exception 'gone' using errcode = 'admin_shutdown'; end if;
           return new;
         end $$;
         create trigger stop before insert on pipeline_runs for each row execute function stop()",
    )
    .await;
    let said = ends.import(&["--batch-size", "10"]).await.ended(4);
    assert!(said.err.contains("gone"), "{}", said.err);
    assert_eq!(ends.value("select count(*) from pipeline_runs").await, 70);
    let catalogue = ends.value("select count(*) from pipeline_versions").await;
    ends.here("drop trigger stop on pipeline_runs").await;

    let said = ends.import(&["--batch-size", "10"]).await.ended(0);
    assert_eq!((said.count("runs", "already_there"), said.count("runs", "copied")), (70, 28));
    assert_eq!(ends.value("select count(*) from pipeline_versions").await, catalogue);
    ends.import(&["--verify"]).await.ended(0);
    ends.drop_database().await;
}

#[sqlx::test(migrator = "runplane::MIGRATOR")]
async fn a_later_import_brings_what_has_happened_since(pool: PgPool) {
    let ends = Ends::world(pool).await;
    ends.import(&[]).await.ended(0);
    ends.there(
        "insert into pipeline_versions (id, tenant_id, pipeline_id, version, status, dag_spec) values
           ('00000000-0000-4000-8000-000000000105', '00000000-0000-4000-8000-000000000001',
            '00000000-0000-4000-8000-000000000011', '2.1', 'APPROVED', '{}');
         update pipeline_versions set dag_spec = '{\"steps\": [\"other\"]}' where id like '%103';
         update pipeline_versions set status = 'DEPRECATED' where id like '%102';
         update pipeline_runs set status = 'SUCCEEDED', finished_at = now(), updated_at = now()
           where id like '%1006'",
    )
    .await;
    let said = ends.import(&[]).await.ended(0);
    assert_eq!(said.notes(), [""; 0]);
    let count = |which| (said.count("versions", which), said.count("runs", which));
    assert_eq!((count("copied"), count("updated"), count("already_there")), ((1, 1), (2, 0), (2, 3)));
    let draft = ends.value("select jsonb_build_array(status, dag_spec, revision) from pipeline_versions where version = '2.0'").await;
    assert_eq!(draft, json!(["DRAFT", {"steps": ["other"]}, 2]));
    let moved = "select jsonb_agg(to_status order by id) from pipeline_version_transitions where pipeline_version_id::text like ";
    assert_eq!(ends.value(&format!("{moved} '%102'")).await, json!(["APPROVED", "DEPRECATED"]));

    // Drafts that are approved, and deprecated, there; a deprecated one that is approved again.
    ends.there(
        "update pipeline_versions set status = 'DEPRECATED', dag_spec = '{\"steps\": [\"last\"]}' where id like '%103';
         update pipeline_versions set status = 'APPROVED' where id like '%102'",
    )
    .await;
    let said = ends.import(&[]).await.ended(0);
    assert_eq!((said.count("versions", "updated"), said.notes().len()), (2, 0));
    let version = ends
        .value("select jsonb_build_array(status, dag_spec, approved_by, dag_sha256 is not null) from pipeline_versions where version = '2.0'")
        .await;
    assert_eq!(version, json!(["DEPRECATED", {"steps": ["last"]}, "import", true]));
    assert_eq!(ends.value(&format!("{moved} '%103'")).await, json!(["APPROVED", "DEPRECATED"]));
    assert_eq!(ends.value(&format!("{moved} '%102'")).await, json!(["APPROVED", "DEPRECATED", "APPROVED"]));

    let rows = ends.rows().await;
    ends.import(&[]).await.ended(0);
    assert_eq!(ends.rows().await, rows);
    ends.import(&["--verify"]).await.ended(0);
    ends.drop_database().await;
}

#[sqlx::test(migrator = "runplane::MIGRATOR")]
async fn what_was_changed_here_stays_as_it_is_here(pool: PgPool) {
    let ends = Ends::world(pool).await;
    ends.import(&[]).await.ended(0);
    ends.here(
        "update pipeline_versions set dag_spec = '{\"ours\": 1}' where version = '2.0';
         update pipeline_versions set status = 'DEPRECATED' where id::text like '%104';
         update tenants set name = 'Acme Inc.' where name = 'Acme';
         update pipelines set description = 'Changed', name = 'weekly' where id::text like '%11'",
    )
    .await;
    ends.there(
        "update pipeline_versions set dag_spec = '{\"theirs\": 1}' where id like '%103';
         update pipeline_versions set dag_spec = '{\"theirs\": 1}' where id like '%102'",
    )
    .await;
    let rows = ends.rows().await;
    let said = ends.import(&[]).await.ended(6);
    assert_eq!(ends.rows().await, rows);
    said.assert_nothing_is_dropped();
    let mut notes = said.notes();
    notes.sort();
    assert_eq!(
        notes,
        [
            format!(
                "left_out {} its dag_spec has changed there, and it is APPROVED here: what was approved does not change",
                id("102")
            ),
            format!("left_out {} it was edited here: kept as it is here", id("103")),
            format!(
                "warning {} is called \"Acme\" there and \"Acme Inc.\" here: kept as it is here",
                id("1")
            ),
            format!(
                "warning {} is called \"nightly\" there and \"weekly\" here: kept as it is here; so is its description",
                id("11")
            ),
            format!("warning {} is APPROVED there and DEPRECATED here: kept as it is here", id("104")),
        ]
    );
    assert_eq!(said.count("runs", "already_there"), 3, "their runs are not affected");
    ends.drop_database().await;
}

#[sqlx::test(migrator = "runplane::MIGRATOR")]
async fn a_run_that_ended_otherwise_there_is_not_written_over(pool: PgPool) {
    let ends = Ends::world(pool).await;
    ends.import(&[]).await.ended(0);
    ends.there(
        "update pipeline_runs set status = 'SUCCEEDED', error_message = null where id like '%1002';
         update pipeline_runs set claimed_by = 'another' where id like '%1001'",
    )
    .await;
    let rows = ends.rows().await;
    let mut notes = ends.import(&[]).await.ended(6).notes();
    notes.sort();
    assert_eq!(ends.rows().await, rows);
    assert_eq!(
        notes,
        [
            format!("left_out {} has another claimed_by there: kept as it is here", id("1001")),
            format!(
                "left_out {} is SUCCEEDED there and FAILED here: both services had it; kept as it is here",
                id("1002")
            ),
        ]
    );
    ends.drop_database().await;
}

#[sqlx::test(migrator = "runplane::MIGRATOR")]
async fn an_update_that_postgres_refuses_harms_no_other(pool: PgPool) {
    let ends = Ends::world(pool).await;
    ends.import(&[]).await.ended(0);
    ends.here("alter table pipeline_versions add constraint no_such_spec check (not dag_spec ? 'refused')")
        .await;
    ends.there(
        "update pipeline_versions set dag_spec = '{\"refused\": 1}', version = '3.0' where id like '%103';
         update pipeline_versions set status = 'DEPRECATED' where id like '%102'",
    )
    .await;
    let said = ends.import(&[]).await.ended(6);
    assert_eq!((said.count("versions", "updated"), said.count("versions", "left_out")), (1, 1));
    assert!(
        said.notes()[0].starts_with(&format!("left_out {} Postgres refuses it: ", id("103"))),
        "{:?}",
        said.notes()
    );

    // A draft is brought up to date under the name that it has here.
    ends.here("alter table pipeline_versions drop constraint no_such_spec").await;
    ends.import(&[]).await.ended(0);
    let said = ends.import(&[]).await.ended(0);
    assert_eq!(
        said.notes(),
        [format!("warning {} is called \"3.0\" there and \"2.0\" here: kept as it is here", id("103"))]
    );
    assert_eq!(
        ends.value("select dag_spec from pipeline_versions where version = '2.0'").await,
        json!({"refused": 1})
    );
    ends.drop_database().await;
}

#[sqlx::test(migrator = "runplane::MIGRATOR")]
async fn a_draft_that_is_edited_while_it_is_compared_is_not_written_over(pool: PgPool) {
    let ends = Ends::world(pool).await;
    ends.import(&[]).await.ended(0);
    ends.here("update pipeline_versions set dag_spec = '{\"ours\": 1}' where version = '2.0'").await;
    // The statement on its own, as if the comparison had seen the draft before that.
    let update = sqlx::query_scalar::<_, i64>(include_str!("../../sql/import/update_draft.sql"));
    let touched = update
        .bind(id("103"))
        .bind("{}")
        .bind(false)
        .bind(None::<String>)
        .fetch_one(&ends.pool)
        .await
        .unwrap();
    assert_eq!(touched, 0);
    let moved = sqlx::query_scalar::<_, i64>(include_str!("../../sql/import/move_version.sql"));
    ends.here("update pipeline_versions set updated_at = now() where version = '1.1'").await;
    let touched = moved.bind(id("102")).bind("DEPRECATED").fetch_one(&ends.pool).await.unwrap();
    assert_eq!(touched, 0);
    assert_eq!(
        ends.value("select dag_spec from pipeline_versions where version = '2.0'").await,
        json!({"ours": 1})
    );
    ends.drop_database().await;
}

//! What is not imported from, or into, and what one bad row does to its neighbours.

use sqlx::PgPool;

use crate::support::{Ends, id, import};

#[sqlx::test(migrator = "runplane::MIGRATOR")]
async fn a_row_that_postgres_refuses_is_left_out_and_no_other(pool: PgPool) {
    let ends = Ends::world(pool).await;
    ends.there(
        "insert into pipeline_runs (id, tenant_id, pipeline_version_id, status, finished_at, error_message)
         select format('00000000-0000-4000-8000-%s', lpad(n::text, 12, '0')), '00000000-0000-4000-8000-000000000001',
           '00000000-0000-4000-8000-000000000102', 'FAILED', now(), case when n in (5007, 5033) then 'refused' end
         from generate_series(5001, 5050) n",
    )
    .await;
    // Stands for whatever a later version refuses and this program does not know of.
    ends.here("alter table pipeline_runs add constraint no_such_message check (error_message <> 'refused')")
        .await;
    let said = ends.import(&[]).await.ended(6);
    said.assert_nothing_is_dropped();
    assert_eq!((said.count("runs", "copied"), said.count("runs", "left_out")), (51, 2));
    let notes = said.notes();
    for run in ["5007", "5033"] {
        let start = format!("left_out {} Postgres refuses it: ", id(run));
        assert!(
            notes.iter().any(|note| note.starts_with(&start) && note.contains("no_such_message")),
            "{notes:?}"
        );
    }
    ends.drop_database().await;
}

#[sqlx::test(migrator = "runplane::MIGRATOR")]
async fn another_tenants_rows_under_the_same_ids_are_not_touched(pool: PgPool) {
    let ends = Ends::world(pool).await;
    ends.here(
        "insert into tenants (id, name) values ('00000000-0000-4000-8000-000000000009', 'Here before');
         insert into pipelines (id, tenant_id, name) values
           ('00000000-0000-4000-8000-000000000012', '00000000-0000-4000-8000-000000000009', 'theirs')",
    )
    .await;
    let rows = "select to_jsonb(p) from pipelines p where id::text like '%12'";
    let before = ends.value(rows).await;
    let said = ends.import(&[]).await.ended(6);
    assert_eq!(ends.value(rows).await, before);
    said.assert_nothing_is_dropped();
    let notes = said.notes();
    assert_eq!(notes[0], format!("left_out {} a pipeline of tenant {} has its id here", id("12"), id("9")));
    assert_eq!(notes[1], format!("left_out {} its pipeline {} is not here", id("104"), id("12")));
    assert_eq!(notes[2], format!("left_out {} its version {} was left out", id("1003"), id("104")));
    assert_eq!(notes.len(), 3);
    ends.drop_database().await;
}

#[sqlx::test(migrator = "runplane::MIGRATOR")]
async fn two_imports_at_once_are_one_too_many(pool: PgPool) {
    let ends = Ends::world(pool).await;
    let mut other = ends.pool.acquire().await.unwrap();
    sqlx::query("select pg_advisory_lock(hashtext('runplane import'))").execute(&mut *other).await.unwrap();
    let said = ends.import(&[]).await.ended(4);
    assert!(said.err.contains("another import into this database is at work"), "{}", said.err);
    assert_eq!(ends.value("select count(*) from tenants").await, 0);
    ends.drop_database().await;
}

#[sqlx::test(migrator = "runplane::MIGRATOR")]
async fn only_a_database_of_the_replaced_service_is_read(pool: PgPool) {
    let ends = Ends::new(pool, &[]).await;
    let said = ends.import(&[]).await.ended(4);
    assert!(said.err.contains("--from has no table tenants"), "{}", said.err);
    ends.there("create table tenants (id text, name text); create table pipelines (id text)").await;
    let said = ends.import(&[]).await.ended(4);
    assert!(said.err.contains("--from has no column pipelines.tenant_id"), "{}", said.err);

    let ours = ends.url_here();
    let said = import(&["--from", &ours, "--to", &ours]).await.ended(4);
    assert!(said.err.contains("--from is a database of Runplane itself"), "{}", said.err);
    let said = import(&["--from", &ends.url_there(), "--to", &ends.url_there()]).await.ended(4);
    assert!(said.err.contains("--to is not migrated to this version"), "{}", said.err);
    ends.drop_database().await;
}

#[sqlx::test(migrator = "runplane::MIGRATOR")]
async fn a_database_with_older_migrations_is_refused_and_one_without_a_record_of_them_looked_at(
    pool: PgPool,
) {
    let ends = Ends::world(pool).await;
    ends.here("delete from _sqlx_migrations where version = (select max(version) from _sqlx_migrations)")
        .await;
    let said = ends.import(&[]).await.ended(4);
    assert!(said.err.contains("--to is not migrated to this version"), "{}", said.err);
    ends.here("drop table _sqlx_migrations").await;
    ends.import(&[]).await.ended(0);
    ends.drop_database().await;
}

#[tokio::test]
async fn urls_that_are_none_and_options_that_contradict_are_usage_errors() {
    let good = "postgres://localhost/runplane";
    import(&["--from", "mysql://localhost/old", "--to", good]).await.ended(2);
    import(&["--from", good]).await.ended(2);
    import(&["--from", good, "--to", good, "--verify", "--dry-run"]).await.ended(2);
    import(&["--from", good, "--to", good, "--tenant", "acme"]).await.ended(2);
    import(&["--from", good, "--to", good, "--take-queued", "--since", "2024-01-01T00:00:00Z"])
        .await
        .ended(2);
}

#[tokio::test]
async fn a_database_that_does_not_answer_is_no_success_and_no_password_is_shown() {
    let away = "postgres://somebody:secret-word@127.0.0.1:1/old";
    let said = import(&["--from", away, "--to", away]).await.ended(4);
    assert!(said.err.contains("cannot connect to --from"), "{}", said.err);
    assert!(!said.err.contains("secret-word"), "{}", said.err);
}

#[tokio::test]
async fn the_document_names_every_option_and_exit_code() {
    let document = include_str!("../../../docs/cut-over.md");
    let help = import(&["--help"]).await.ended(0).out;
    let options: Vec<&str> = help
        .lines()
        .filter_map(|line| line.trim_start().strip_prefix("--"))
        .filter_map(|option| option.split([' ', '.']).next())
        .collect();
    assert!(options.len() >= 9, "{help}");
    for option in options {
        let is_there = document.contains(&format!("--{option}"))
            // Given by their variables there, since they hold passwords.
            || (option == "from" && document.contains("IMPORT_FROM_URL"))
            || (option == "to" && document.contains("DATABASE_URL"));
        assert!(is_there, "--{option}");
    }
    for code in
        ["0 everything that was read is here", "2 arguments that cannot be used", "6 something was left out"]
    {
        assert!(document.contains(code) && help.contains(code), "{code}");
    }
}

//! What nobody changes who comes around the API: each column of an approved version, its deletion, jumps of its status.

use runplane::catalog::VersionStatus;
use serde_json::json;
use sqlx::{AssertSqlSafe, PgConnection};
use uuid::Uuid;

use crate::support::{Conn, World, approve, get, row, world};

/// What Postgres says to a statement about a version, or nothing.
async fn refusal(conn: &mut PgConnection, id: Uuid, statement: &str) -> Option<String> {
    let error = sqlx::query(AssertSqlSafe(statement.to_owned())).bind(id).execute(conn).await.err()?;
    let error = error.into_database_error().unwrap();
    Some(error.message().replace(&id.to_string(), "[id]"))
}

/// Every column of an approved version but its status, and a change of it.
const CHANGES: [(&str, &str); 11] = [
    ("id", "gen_random_uuid()"),
    ("tenant_id", "gen_random_uuid()"),
    ("pipeline_id", "gen_random_uuid()"),
    ("version", "'other'"),
    ("dag_spec", "'{}'"),
    ("dag_sha256", "sha256('x')"),
    ("revision", "revision + 1"),
    ("created_at", "now()"),
    ("approved_at", "now() + interval '1 s'"),
    ("approved_by", "'mallory'"),
    // Last: the one that may change.
    ("updated_at", "now()"),
];

#[sqlx::test(migrator = "runplane::MIGRATOR")]
async fn no_column_of_a_version_that_left_draft_can_be_changed(mut conn: Conn) {
    let world = world(&mut conn).await;
    for status in [VersionStatus::Approved, VersionStatus::Deprecated] {
        let id = world.version_in(&mut conn, status).await;
        let name = get(&mut conn, id).await.version.version;
        let before = row(&mut conn, id).await;
        for (column, value) in CHANGES.iter().take(CHANGES.len() - 1) {
            let statement = format!("update pipeline_versions set {column} = {value} where id = $1");
            let expected = format!(
                "pipeline version [id] ({name}) is {}: its {column} cannot be changed",
                status.as_str()
            );
            assert_eq!(refusal(&mut conn, id, &statement).await, Some(expected));
            let to_null = format!("update pipeline_versions set {column} = null where id = $1");
            assert!(refusal(&mut conn, id, &to_null).await.is_some(), "{column} = null");
        }
        assert_eq!(row(&mut conn, id).await, before);
        assert_eq!(
            refusal(&mut conn, id, "update pipeline_versions set updated_at = now() where id = $1").await,
            None
        );
    }
    // A column that is new is either kept or named here.
    let columns: Vec<String> = sqlx::query_scalar(
        "select attname::text from pg_attribute where attrelid = 'pipeline_versions'::regclass and attnum > 0 and not attisdropped",
    )
    .fetch_all(&mut *conn)
    .await
    .unwrap();
    let known = |column: &String| column == "status" || CHANGES.iter().any(|(known, _)| known == column);
    assert!(columns.iter().all(known), "{columns:?}");
}

#[sqlx::test(migrator = "runplane::MIGRATOR")]
async fn a_number_that_is_only_written_differently_is_another_spec(mut conn: Conn) {
    let world = world(&mut conn).await;
    let request = world.version(json!({"retry": {"delay_seconds": 1}}));
    let id = runplane::catalog::create_version(&mut conn, &request).await.unwrap().version.id;
    approve(&mut conn, id).await.unwrap();
    let statement =
        r#"update pipeline_versions set dag_spec = '{"retry": {"delay_seconds": 1.0}}' where id = $1"#;
    let refused = refusal(&mut conn, id, statement).await.unwrap();
    assert!(refused.ends_with("is APPROVED: its dag_spec cannot be changed"), "{refused}");
}

#[sqlx::test(migrator = "runplane::MIGRATOR")]
async fn the_status_moves_as_it_does_over_the_api_and_no_other_way(mut conn: Conn) {
    use VersionStatus::{Approved, Deprecated, Draft};
    let world = world(&mut conn).await;
    for (from, to, possible) in [
        (Draft, Approved, true),
        (Draft, Deprecated, false),
        (Approved, Draft, false),
        (Approved, Deprecated, true),
        (Deprecated, Draft, false),
        (Deprecated, Approved, true),
    ] {
        let id = world.version_in(&mut conn, from).await;
        let name = get(&mut conn, id).await.version.version;
        let (from, to) = (from.as_str(), to.as_str());
        let approved_at = if to == "DRAFT" { "null" } else { "coalesce(approved_at, now())" };
        let statement = format!(
            "update pipeline_versions set status = '{to}', approved_at = {approved_at} where id = $1"
        );
        let expected = format!("pipeline version [id] ({name}) is {from}: it cannot become {to}");
        assert_eq!(
            refusal(&mut conn, id, &statement).await,
            (!possible).then_some(expected),
            "{from} to {to}"
        );
    }
}

#[sqlx::test(migrator = "runplane::MIGRATOR")]
async fn an_approval_by_hand_needs_a_time_and_a_draft_has_none(mut conn: Conn) {
    let id = world(&mut conn).await.draft(&mut conn).await;
    for (change, constraint) in [
        ("status = 'APPROVED'", "draft_iff_not_approved"),
        ("approved_at = now()", "draft_iff_not_approved"),
        ("approved_by = 'ann'", "approved_by_with_approval"),
        ("dag_sha256 = sha256('x')", "digest_with_approval"),
    ] {
        let statement = format!("update pipeline_versions set {change} where id = $1");
        let refused = refusal(&mut conn, id, &statement).await.unwrap();
        assert!(refused.contains(constraint), "{change}: {refused}");
    }
}

#[sqlx::test(migrator = "runplane::MIGRATOR")]
async fn only_a_draft_can_be_deleted(mut conn: Conn) {
    let world = world(&mut conn).await;
    for status in VersionStatus::ALL {
        let id = world.version_in(&mut conn, status).await;
        let name = get(&mut conn, id).await.version.version;
        let refused = refusal(&mut conn, id, "delete from pipeline_versions where id = $1").await;
        let expected = format!("pipeline version [id] ({name}) is {}: it cannot be deleted", status.as_str());
        assert_eq!(refused, (status != VersionStatus::Draft).then_some(expected));
    }
    // Nor does it go with its pipeline or its tenant.
    let World { tenant, pipeline } = world;
    assert!(refusal(&mut conn, pipeline, "delete from pipelines where id = $1").await.is_some());
    assert!(refusal(&mut conn, tenant, "delete from tenants where id = $1").await.is_some());
}

#[sqlx::test(migrator = "runplane::MIGRATOR")]
async fn a_draft_that_is_edited_by_hand_is_another_revision(mut conn: Conn) {
    let id = world(&mut conn).await.draft(&mut conn).await;
    for (change, revision) in [
        (r#"dag_spec = '{"steps": ["b"]}'"#, 2),
        ("version = 'by hand'", 3),
        // Nothing that an approval is about.
        ("updated_at = now()", 3),
        ("revision = revision", 3),
        // Whoever counts himself is counted once.
        (r#"dag_spec = '{}', revision = revision + 1"#, 4),
    ] {
        assert_eq!(
            refusal(&mut conn, id, &format!("update pipeline_versions set {change} where id = $1")).await,
            None
        );
        assert_eq!(get(&mut conn, id).await.version.revision, revision, "{change}");
    }
    let back =
        refusal(&mut conn, id, "update pipeline_versions set revision = 1 where id = $1").await.unwrap();
    assert_eq!(
        back,
        "pipeline version [id]: its revision cannot fall from 4 to 1".replace("[id]", "[id] (by hand)")
    );
}

#[sqlx::test(migrator = "runplane::MIGRATOR")]
async fn what_happened_to_a_version_cannot_be_changed(mut conn: Conn) {
    let world = world(&mut conn).await;
    let id = world.version_in(&mut conn, VersionStatus::Approved).await;
    for statement in [
        "update pipeline_version_transitions set made_by = 'mallory' where pipeline_version_id = $1",
        "delete from pipeline_version_transitions where pipeline_version_id = $1",
    ] {
        let refused = refusal(&mut conn, id, statement).await.unwrap();
        assert!(refused.ends_with("of pipeline version [id]: it cannot be changed or deleted"), "{refused}");
    }
    let jump =
        "insert into pipeline_version_transitions (pipeline_version_id, tenant_id, from_status, to_status)
                select id, tenant_id, 'DRAFT', 'DEPRECATED' from pipeline_versions where id = $1";
    assert!(refusal(&mut conn, id, jump).await.unwrap().contains("possible_transition"));
}

#[sqlx::test(migrator = "runplane::MIGRATOR")]
async fn nothing_that_was_approved_goes_by_truncating(mut conn: Conn) {
    let world = world(&mut conn).await;
    let id = world.version_in(&mut conn, VersionStatus::Approved).await;
    let before = row(&mut conn, id).await;
    for (statement, table) in [
        ("truncate pipeline_version_transitions", "pipeline_version_transitions"),
        ("truncate pipeline_versions cascade", "pipeline_versions"),
        ("truncate tenants cascade", "pipeline_versions"),
    ] {
        let error =
            sqlx::query(statement).execute(&mut *conn).await.unwrap_err().into_database_error().unwrap();
        assert_eq!(
            error.message(),
            format!("{table} keeps what was approved: it cannot be truncated"),
            "{statement}"
        );
    }
    assert_eq!(row(&mut conn, id).await, before);
}

#[sqlx::test(migrator = "runplane::MIGRATOR")]
async fn a_status_that_is_changed_by_hand_moves_updated_at(mut conn: Conn) {
    let world = world(&mut conn).await;
    for (from, change) in [
        (VersionStatus::Draft, "status = 'APPROVED', approved_at = now()"),
        (VersionStatus::Approved, "status = 'DEPRECATED'"),
        (VersionStatus::Deprecated, "status = 'APPROVED', updated_at = updated_at"),
    ] {
        let id = world.version_in(&mut conn, from).await;
        let before = get(&mut conn, id).await.version.updated_at;
        let statement = format!("update pipeline_versions set {change} where id = $1");
        assert_eq!(refusal(&mut conn, id, &statement).await, None);
        assert!(get(&mut conn, id).await.version.updated_at > before, "{change}");
    }
}

#[sqlx::test(migrator = "runplane::MIGRATOR")]
async fn a_transition_belongs_to_the_tenant_of_its_version(mut conn: Conn) {
    let (owner, stranger) = (world(&mut conn).await, world(&mut conn).await);
    let id = owner.draft(&mut conn).await;
    let foreign = format!(
        "insert into pipeline_version_transitions (pipeline_version_id, tenant_id, from_status, to_status)
         values ($1, '{}', 'DRAFT', 'APPROVED')",
        stranger.tenant
    );
    assert!(refusal(&mut conn, id, &foreign).await.unwrap().contains("foreign key"));
}

#[sqlx::test(migrator = "runplane::MIGRATOR")]
async fn what_a_writer_calls_his_own_does_not_get_into_the_triggers(mut conn: Conn) {
    let id = world(&mut conn).await.version_in(&mut conn, VersionStatus::Approved).await;
    // A comparison that finds every two texts equal, before the one of Postgres.
    let own = "create schema mine;
        create function mine.never(text, text) returns boolean language sql return false;
        create operator mine.<> (leftarg = text, rightarg = text, function = mine.never);
        set search_path = mine, pg_catalog, public";
    sqlx::raw_sql(own).execute(&mut *conn).await.unwrap();
    let statement = r#"update pipeline_versions set dag_spec = '{"steps": ["mine"]}' where id = $1"#;
    let refused = refusal(&mut conn, id, statement).await.unwrap();
    assert!(refused.ends_with("is APPROVED: its dag_spec cannot be changed"), "{refused}");
}

//! The migration that brought the catalogue, over rows that were there before.

use runplane::catalog::{self, VersionStatus};
use runplane::scope::Scope;
use serde_json::Value;
use sqlx::AssertSqlSafe;
use sqlx::migrate::MigrationType;
use uuid::Uuid;

use crate::support::{Conn, deprecate, edit};

const CATALOGUE: i64 = 20_261_124_000_002;

#[sqlx::test(migrations = false)]
async fn versions_that_were_written_in_sql_before_fit_in(mut conn: Conn) {
    let up = runplane::MIGRATOR.iter().filter(|step| step.migration_type != MigrationType::ReversibleDown);
    let mut up: Vec<_> = up.collect();
    up.sort_by_key(|step| step.version);
    let (before, after): (Vec<_>, Vec<_>) = up.into_iter().partition(|step| step.version < CATALOGUE);
    for step in before {
        sqlx::raw_sql(AssertSqlSafe(step.sql.as_str().to_owned())).execute(&mut *conn).await.unwrap();
    }
    let (draft, approved, deprecated) = (Uuid::now_v7(), Uuid::now_v7(), Uuid::now_v7());
    sqlx::query(
        "with t as (insert into tenants (id, name) values ($1, 'T')),
              p as (insert into pipelines (id, tenant_id, name) values ($1, $1, 'P'))
         insert into pipeline_versions (id, tenant_id, pipeline_id, version, status, dag_spec, dag_sha256, created_at, approved_at, approved_by)
         values ($1, $1, $1, '1', 'DRAFT', '{}', sha256('{}'), '2026-01-01T00:00:00Z', '2026-02-01T00:00:00Z', 'nobody'),
                ($2, $1, $1, '2', 'APPROVED', '{}', null, '2026-01-01T00:00:00Z', null, null),
                ($3, $1, $1, '3', 'DEPRECATED', '{}', null, '2026-01-01T00:00:00Z', '2026-02-01T00:00:00Z', 'ann')",
    )
    .bind(draft)
    .bind(approved)
    .bind(deprecated)
    .execute(&mut *conn)
    .await
    .unwrap();
    for step in after {
        sqlx::raw_sql(AssertSqlSafe(step.sql.as_str().to_owned())).execute(&mut *conn).await.unwrap();
    }

    let mut shown = Vec::new();
    for id in [draft, approved, deprecated] {
        let version = catalog::get_version(&mut conn, Scope::All, id).await.unwrap().version;
        let time =
            |time: Option<chrono::DateTime<chrono::Utc>>| time.map(|time| time.date_naive().to_string());
        shown.push((
            version.status,
            version.revision,
            time(version.approved_at),
            version.approved_by,
            version.dag_sha256,
        ));
    }
    assert_eq!(
        shown,
        [
            (VersionStatus::Draft, 1, None, None, None),
            (VersionStatus::Approved, 1, Some("2026-01-01".into()), None, None),
            (VersionStatus::Deprecated, 1, Some("2026-02-01".into()), Some("ann".into()), None),
        ]
    );
    edit(&mut conn, draft, serde_json::json!({"steps": []}), Some(1)).await.unwrap();
    let gone = deprecate(&mut conn, approved).await.unwrap();
    assert_eq!(gone.version.dag_sha256, None, "nobody made a digest of what was approved");
    let unread: Value = sqlx::query_scalar("select to_jsonb(v) from pipeline_versions v where v.id = $1")
        .bind(deprecated)
        .fetch_one(&mut *conn)
        .await
        .unwrap();
    assert_eq!(unread["updated_at"], "2026-02-01T00:00:00+00:00");
}

#[sqlx::test(migrations = false)]
async fn the_catalogue_goes_again_as_it_came(mut conn: Conn) {
    let run = async |conn: &mut Conn, up: bool| {
        let step = runplane::MIGRATOR
            .iter()
            .find(|step| step.version == CATALOGUE && step.migration_type.is_up_migration() == up);
        let sql = step.unwrap().sql.as_str().to_owned();
        sqlx::raw_sql(AssertSqlSafe(sql)).execute(&mut **conn).await.unwrap();
    };
    let mut before: Vec<_> = runplane::MIGRATOR
        .iter()
        .filter(|step| step.version < CATALOGUE && step.migration_type.is_up_migration())
        .collect();
    before.sort_by_key(|step| step.version);
    for step in before {
        sqlx::raw_sql(AssertSqlSafe(step.sql.as_str().to_owned())).execute(&mut *conn).await.unwrap();
    }
    let shape = "select coalesce(jsonb_agg(x order by x), '[]') from (
          select 'table ' || attrelid::regclass || ' ' || attname from pg_attribute
          where attrelid::regclass::text !~ '^(pg_|information_schema)' and attnum > 0 and not attisdropped
          union all select 'function ' || proname from pg_proc where pronamespace = 'public'::regnamespace
          union all select 'trigger ' || tgname from pg_trigger where not tgisinternal
          union all select 'constraint ' || conname from pg_constraint where connamespace = 'public'::regnamespace
        ) as shape (x)";
    let old: Value = sqlx::query_scalar(shape).fetch_one(&mut *conn).await.unwrap();
    run(&mut conn, true).await;
    let new: Value = sqlx::query_scalar(shape).fetch_one(&mut *conn).await.unwrap();
    assert_ne!(new, old);
    run(&mut conn, false).await;
    let again: Value = sqlx::query_scalar(shape).fetch_one(&mut *conn).await.unwrap();
    assert_eq!(again, old);
}

//! The migration that brought the catalogue, over rows that were there before.

use runplane::catalog::{self, VersionStatus};
use runplane::scope::Scope;
use serde_json::Value;
use sqlx::migrate::Migration;
use sqlx::postgres::{PgConnectOptions, PgConnection, PgPoolOptions};
use sqlx::{AssertSqlSafe, ConnectOptions as _, Connection as _, SqlStr};
use uuid::Uuid;

use crate::races::somebody_waits;
use crate::support::{Conn, deprecate, edit};

const CATALOGUE: i64 = 20_261_124_000_002;

/// The migrations up to the one before the catalogue's.
async fn migrate_to_before(conn: &mut PgConnection) {
    let mut before: Vec<_> = runplane::MIGRATOR
        .iter()
        .filter(|step| step.version < CATALOGUE && step.migration_type.is_up_migration())
        .collect();
    before.sort_by_key(|step| step.version);
    for step in before {
        run(conn, &step.sql).await.unwrap();
    }
}

/// That of the catalogue, there or back.
async fn migrate(conn: &mut PgConnection, up: bool) -> Result<(), sqlx::Error> {
    let is_it = |step: &&Migration| step.version == CATALOGUE && step.migration_type.is_up_migration() == up;
    run(conn, &runplane::MIGRATOR.iter().find(is_it).unwrap().sql).await
}

async fn run(conn: &mut PgConnection, sql: &SqlStr) -> Result<(), sqlx::Error> {
    sqlx::raw_sql(AssertSqlSafe(sql.as_str().to_owned())).execute(conn).await.map(drop)
}

#[sqlx::test(migrations = false)]
async fn versions_that_were_written_in_sql_before_fit_in(mut conn: Conn) {
    migrate_to_before(&mut conn).await;
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
    migrate(&mut conn, true).await.unwrap();

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
    migrate_to_before(&mut conn).await;
    let shape = "select coalesce(jsonb_agg(x order by x), '[]') from (
          select 'table ' || attrelid::regclass || ' ' || attname from pg_attribute
          where attrelid::regclass::text !~ '^(pg_|information_schema)' and attnum > 0 and not attisdropped
          union all select 'function ' || proname from pg_proc where pronamespace = 'public'::regnamespace
          union all select 'trigger ' || tgname from pg_trigger where not tgisinternal
          union all select 'constraint ' || conname from pg_constraint where connamespace = 'public'::regnamespace
        ) as shape (x)";
    let old: Value = sqlx::query_scalar(shape).fetch_one(&mut *conn).await.unwrap();
    migrate(&mut conn, true).await.unwrap();
    let new: Value = sqlx::query_scalar(shape).fetch_one(&mut *conn).await.unwrap();
    assert_ne!(new, old);
    migrate(&mut conn, false).await.unwrap();
    let again: Value = sqlx::query_scalar(shape).fetch_one(&mut *conn).await.unwrap();
    assert_eq!(again, old);
}

#[sqlx::test(migrations = false)]
async fn a_version_that_is_being_written_meanwhile_is_waited_for(
    _pool: PgPoolOptions,
    options: PgConnectOptions,
) {
    let mut conn = options.connect().await.unwrap();
    let (mut first, mut second) = (options.connect().await.unwrap(), options.connect().await.unwrap());
    migrate_to_before(&mut conn).await;
    let id = Uuid::now_v7();
    let pipeline = "with t as (insert into tenants (id, name) values ($1, 'T'))
         insert into pipelines (id, tenant_id, name) values ($1, $1, 'P')";
    sqlx::query(pipeline).bind(id).execute(&mut conn).await.unwrap();
    let mut writing = first.begin().await.unwrap();
    let approved = "insert into pipeline_versions (id, tenant_id, pipeline_id, version, status, dag_spec)
         values ($1, $1, $1, '1', 'APPROVED', '{}')";
    sqlx::query(approved).bind(id).execute(&mut *writing).await.unwrap();
    let migrating = tokio::spawn(async move { migrate(&mut second, true).await });
    somebody_waits(&mut conn).await;
    writing.commit().await.unwrap();
    migrating.await.unwrap().unwrap();
    let version = catalog::get_version(&mut conn, Scope::All, id).await.unwrap().version;
    assert_eq!(version.approved_at, Some(version.created_at));
}

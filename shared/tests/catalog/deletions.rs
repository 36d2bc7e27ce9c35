//! A tenant is deleted with everything that is its own, in batches, and nothing else is.

use std::collections::BTreeMap;
use std::time::Duration;

use runplane::catalog::{self, BatchSize, DeleteTenantError, Deleted, TenantDeletion};
use runplane::runs::{self, HeartbeatError, HeartbeatRefusal};
use runplane::scope::Scope;
use serde_json::{Value, json};
use sqlx::postgres::PgPool;
use sqlx::{AssertSqlSafe, Connection as _, PgConnection};
use uuid::Uuid;

use crate::support::{Conn, request};

/// One statement that deletes something, and as little of it as can be.
pub const SMALLEST: BatchSize = BatchSize { runs: 1, rows: 1, things: 1, time: Duration::ZERO };
/// What each table has of a run, which is not counted as a run.
const OF_RUNS: [&str; 5] = ["run_steps", "run_logs", "run_artifacts", "run_attempts", "run_secrets"];
/// What else is counted as rows.
const THINGS: [&str; 9] = [
    "pipeline_versions",
    "pipeline_version_transitions",
    "pipelines",
    "connections",
    "schedules",
    "listeners",
    "deliveries",
    "workers",
    "api_keys",
];

/// A tenant `T` with something in every table: three runs of each status, each of them with some of everything.
const EVERYTHING: &str = r#"
    insert into tenants (id, name, max_running) values ($1, 'T', 100);
    insert into pipelines (id, tenant_id, name) select gen_random_uuid(), $1, 'P' || n from generate_series(1, 3) n;
    insert into pipeline_versions (id, tenant_id, pipeline_id, version, status, dag_spec, approved_at)
      select gen_random_uuid(), $1, p.id, status, status, '{}', case when status <> 'DRAFT' then now() end
      from pipelines p, unnest('{DRAFT,APPROVED,DEPRECATED}'::text[]) status where p.tenant_id = $1;
    insert into pipeline_version_transitions (pipeline_version_id, tenant_id, from_status, to_status)
      select v.id, $1, 'DRAFT', 'APPROVED' from pipeline_versions v where v.tenant_id = $1 and v.status <> 'DRAFT';
    insert into connections (id, tenant_id, name, kind, config)
      select gen_random_uuid(), $1, 'c' || n, 'lambda', '{"function": "f"}' from generate_series(1, 3) n;
    insert into schedules (id, tenant_id, name, pipeline_id, pipeline_version_id, cron, time_zone, missed_runs, next_due_at)
      select gen_random_uuid(), $1, 's' || v.id, v.pipeline_id, v.id, '* * * * *', 'UTC', 'latest', now()
      from pipeline_versions v where v.tenant_id = $1 and v.status = 'APPROVED';
    insert into listeners (id, tenant_id, name, url, secret_ref, event_types, pipeline_id)
      select gen_random_uuid(), $1, 'l' || p.name, 'https://x', 's', '{run.succeeded}', p.id from pipelines p where p.tenant_id = $1;
    insert into listener_health (listener_id) select l.id from listeners l where l.tenant_id = $1;
    insert into deliveries (listener_id, tenant_id, run_id, event_id, event_type, data)
      select l.id, $1, gen_random_uuid(), gen_random_uuid(), 'run.succeeded', '{}' from listeners l where l.tenant_id = $1;
    insert into api_keys (id, tenant_id, name, roles, secret_sha256, created_by)
      select gen_random_uuid(), $1, 'k' || n, '{admin}', sha256('x'), 'test' from generate_series(1, 3) n;
    insert into api_key_budgets (key_id, tokens, refilled_at, given)
      select k.id, 1, now(), 1 from api_keys k where k.tenant_id = $1;
    insert into workers (worker_id, tenant_id) select 'w' || n, $1 from generate_series(1, 3) n;
    insert into pipeline_runs (id, root_run_id, tenant_id, pipeline_id, pipeline_version_id, status, dispatch, created_at, claim_count,
        claimed_by, claimed_at, lease_token, lease_seconds, lease_expires_at, started_at, finished_at)
      select id, id, $1, pipeline_id, version, status, 'pull', now() - n * interval '1 h', case when had then 1 else 0 end,
        case when had then 'w1' end, case when had then now() end, case when had then $1 end, case when had then 300 end,
        case when status = 'RUNNING' then now() + interval '1 h' end, case when had then now() end,
        case when status not in ('QUEUED', 'RUNNING') then now() end
      from (select gen_random_uuid() as id, v.pipeline_id, v.id as version, n, s.status, s.status <> 'QUEUED' as had
            from pipeline_versions v, unnest('{QUEUED,RUNNING,SUCCEEDED,FAILED,CANCELLED}'::text[]) with ordinality s (status, n)
            where v.tenant_id = $1 and v.status = 'APPROVED') runs;
    insert into run_steps (run_id, step_id, tenant_id, run_attempt, status)
      select r.id, 's' || n, $1, 1, 'RUNNING' from pipeline_runs r, generate_series(1, 2) n where r.tenant_id = $1;
    insert into run_logs (run_id, id, tenant_id, level, message)
      select r.id, gen_random_uuid(), $1, 'info', 'm' from pipeline_runs r, generate_series(1, 3) n where r.tenant_id = $1;
    insert into run_artifacts (run_id, id, tenant_id, artifact_type, payload, bytes)
      select r.id, gen_random_uuid(), $1, 't', '{}', 2 from pipeline_runs r, generate_series(1, 2) n where r.tenant_id = $1;
    insert into run_attempts (run_id, claim_number, tenant_id, attempt, outcome, lease_token, claimed_by, claimed_at)
      select r.id, n, $1, 1, 'LOST', $1, 'w1', now() from pipeline_runs r, generate_series(1, 2) n where r.tenant_id = $1;
    insert into run_secrets (run_id, tenant_id, parameters) select r.id, $1, '{"a": 1}' from pipeline_runs r where r.tenant_id = $1;
    insert into audit_log (id, tenant_id, principal, request_id, action) values (gen_random_uuid(), $1, 'test', '', 'tenant.created');
"#;

/// A fresh tenant with all of that.
pub async fn everything(conn: &mut PgConnection) -> Uuid {
    let tenant = Uuid::now_v7();
    let sql = EVERYTHING.replace("$1", &format!("'{tenant}'::uuid"));
    sqlx::raw_sql(AssertSqlSafe(sql)).execute(conn).await.unwrap();
    tenant
}

/// Every row of every table.
async fn picture(conn: &mut PgConnection) -> BTreeMap<String, Vec<Value>> {
    let tables: Vec<String> = sqlx::query_scalar(
        "select tablename::text from pg_tables where schemaname = 'public' and tablename <> '_sqlx_migrations'",
    )
    .fetch_all(&mut *conn)
    .await
    .unwrap();
    let mut picture = BTreeMap::new();
    for table in tables {
        let rows = AssertSqlSafe(format!("select to_jsonb(t) from {table} t order by to_jsonb(t)::text"));
        picture.insert(table, sqlx::query_scalar(rows).fetch_all(&mut *conn).await.unwrap());
    }
    picture
}

/// One batch of the deletion of a tenant `T`, in a transaction of its own, as the handler has it.
async fn batch(
    conn: &mut PgConnection,
    tenant: Uuid,
    size: BatchSize,
) -> Result<TenantDeletion, DeleteTenantError> {
    let mut transaction = conn.begin().await?;
    let deletion = catalog::delete_tenant(&mut transaction, Scope::All, tenant, "T", "key:1 op", size).await;
    if deletion.is_ok() {
        transaction.commit().await?;
    }
    deletion
}

/// Batches until it is gone, or somebody else has deleted it; how many.
async fn all_batches(conn: &mut PgConnection, tenant: Uuid, size: BatchSize) -> usize {
    for count in 1..10_000 {
        match batch(conn, tenant, size).await {
            Ok(deletion) if !deletion.done => {}
            Ok(_) | Err(DeleteTenantError::NotFound) => return count,
            Err(error) => panic!("{error}"),
        }
    }
    panic!("there is no end to it")
}

#[sqlx::test(migrator = "runplane::MIGRATOR")]
async fn a_tenant_goes_with_everything_and_nothing_else_goes(mut conn: Conn) {
    everything(&mut conn).await;
    sqlx::query("insert into workers (worker_id) values ('of a fleet')").execute(&mut *conn).await.unwrap();
    let before = picture(&mut conn).await;
    let tenant = everything(&mut conn).await;
    let with_it = picture(&mut conn).await;
    for (table, rows) in &with_it {
        let seeded = rows.len() > before[table].len();
        assert!(seeded || table == "tenant_deletions", "{table} is new: let the tenant have something in it");
    }

    let (mut deleted, mut calls, mut first) = (Deleted::default(), 0, 0);
    let last = loop {
        let deletion = batch(&mut conn, tenant, SMALLEST).await.unwrap();
        calls += 1;
        first += usize::from(deletion.is_first);
        assert_eq!(deletion.is_first, calls == 1);
        assert!(deletion.deleted.runs <= 1 && deletion.deleted.rows <= 5, "{deletion:?}");
        deleted.runs += deletion.deleted.runs;
        deleted.rows += deletion.deleted.rows;
        assert_eq!(deletion.total, deleted);
        if deletion.done {
            break deletion;
        }
    };
    assert!(calls > 50 && first == 1 && last.started_at <= chrono::Utc::now(), "{calls} calls");
    let gone = |table: &str| (with_it[table].len() - before[table].len()) as i64;
    assert_eq!(deleted.runs, gone("pipeline_runs"));
    assert_eq!(deleted.rows, OF_RUNS.into_iter().chain(THINGS).map(gone).sum::<i64>());

    let mut after = picture(&mut conn).await;
    assert_eq!(after.remove("audit_log"), with_it.get("audit_log").cloned(), "what was done stays known");
    let mut before = before;
    before.remove("audit_log");
    assert_eq!(after, before);
    assert!(matches!(batch(&mut conn, tenant, SMALLEST).await, Err(DeleteTenantError::NotFound)));
}

#[sqlx::test(migrator = "runplane::MIGRATOR")]
async fn a_small_tenant_is_gone_with_one_call(mut conn: Conn) {
    let before = picture(&mut conn).await;
    let tenant = everything(&mut conn).await;
    let deletion = batch(&mut conn, tenant, BatchSize::default()).await.unwrap();
    assert!(deletion.done && deletion.is_first && deletion.deleted == deletion.total, "{deletion:?}");
    assert_eq!(deletion.deleted.runs, 15);
    assert_eq!(picture(&mut conn).await["pipeline_runs"], before["pipeline_runs"]);
}

#[sqlx::test(migrator = "runplane::MIGRATOR")]
async fn another_name_or_another_scope_changes_nothing(mut conn: Conn) {
    let tenant = everything(&mut conn).await;
    let before = picture(&mut conn).await;
    for name in ["", "t", "T ", " T", "T\0", "TT"] {
        let size = BatchSize::default();
        let refused = catalog::delete_tenant(&mut conn, Scope::All, tenant, name, "op", size).await;
        assert!(matches!(refused, Err(DeleteTenantError::OtherName)), "{name:?}: {refused:?}");
    }
    let other = Scope::Tenant(Uuid::now_v7());
    let refused = catalog::delete_tenant(&mut conn, other, tenant, "T", "op", BatchSize::default()).await;
    assert!(matches!(refused, Err(DeleteTenantError::NotFound)), "{refused:?}");
    assert_eq!(picture(&mut conn).await, before);
}

#[sqlx::test(migrator = "runplane::MIGRATOR")]
async fn nothing_approved_is_deleted_outside_of_a_transaction(mut conn: Conn) {
    let tenant = everything(&mut conn).await;
    let size = BatchSize::default();
    let failed = catalog::delete_tenant(&mut conn, Scope::All, tenant, "T", "op", size).await;
    assert!(matches!(failed, Err(DeleteTenantError::Db(_))), "{failed:?}");
    let left: i64 = sqlx::query_scalar("select count(*) from pipeline_versions where status <> 'DRAFT'")
        .fetch_one(&mut *conn)
        .await
        .unwrap();
    assert_eq!(left, 6);
}

#[sqlx::test(migrator = "runplane::MIGRATOR")]
async fn from_the_first_batch_on_its_keys_and_its_leases_are_of_no_use(mut conn: Conn) {
    let tenant = everything(&mut conn).await;
    sqlx::query("update api_keys set revoked_at = '2026-01-01', revoked_by = 'ann' where name = 'k1'")
        .execute(&mut *conn)
        .await
        .unwrap();
    let running: Vec<Uuid> = sqlx::query_scalar("select id from pipeline_runs where status = 'RUNNING'")
        .fetch_all(&mut *conn)
        .await
        .unwrap();
    let size = BatchSize { runs: 100, ..SMALLEST };
    let first = batch(&mut conn, tenant, size).await.unwrap();
    assert!(first.is_first && !first.done && first.deleted == Deleted::default(), "{first:?}");
    let revoked: Vec<String> = sqlx::query_scalar("select revoked_by from api_keys order by name")
        .fetch_all(&mut *conn)
        .await
        .unwrap();
    assert_eq!(revoked, ["ann", "key:1 op", "key:1 op"]);
    let paused: bool = sqlx::query_scalar("select paused from tenants").fetch_one(&mut *conn).await.unwrap();
    assert!(paused);
    let beat = request(json!({"lease_token": tenant}));
    assert_eq!(running.len(), 3);
    for run in &running {
        let refused = runs::heartbeat(&mut conn, Scope::Tenant(tenant), *run, &beat).await;
        assert!(matches!(refused, Err(HeartbeatError::Refused(HeartbeatRefusal::Cancelled))), "{refused:?}");
    }
    // Somebody lets it go on, and makes another key: the next batch sees to both.
    sqlx::raw_sql(
        "update tenants set paused = false; update api_keys set revoked_at = null, revoked_by = null",
    )
    .execute(&mut *conn)
    .await
    .unwrap();
    assert!(!batch(&mut conn, tenant, SMALLEST).await.unwrap().is_first);
    let open: i64 = sqlx::query_scalar(
        "select (select count(*) from api_keys where revoked_at is null) + (select count(*) from tenants where not paused)",
    )
    .fetch_one(&mut *conn)
    .await
    .unwrap();
    assert_eq!(open, 0);
    all_batches(&mut conn, tenant, BatchSize::default()).await;
    let refused = runs::heartbeat(&mut conn, Scope::All, running[0], &beat).await;
    assert!(matches!(refused, Err(HeartbeatError::Refused(HeartbeatRefusal::NotRunning))), "{refused:?}");
}

#[sqlx::test(migrator = "runplane::MIGRATOR")]
async fn a_run_with_many_lines_goes_after_them(mut conn: Conn) {
    let tenant = everything(&mut conn).await;
    sqlx::query(
        "insert into run_logs (run_id, id, tenant_id, level, message)
         select (select id from pipeline_runs order by created_at limit 1), gen_random_uuid(), $1, 'info', 'm'
         from generate_series(1, 5000)",
    )
    .bind(tenant)
    .execute(&mut *conn)
    .await
    .unwrap();
    let size = BatchSize { runs: 100, rows: 1000, things: 10, time: Duration::ZERO };
    let mut told = Vec::new();
    for _ in 0..9 {
        let deletion = batch(&mut conn, tenant, size).await.unwrap();
        told.push((deletion.deleted.runs, deletion.deleted.rows));
    }
    // Leases; five times a thousand lines, the first time with whatever else the runs have; and then the runs.
    let others = 15 * (2 + 2 + 2 + 1);
    let expected = [
        (0, 0),
        (0, 1000 + others),
        (0, 1000),
        (0, 1000),
        (0, 1000),
        (0, 1000),
        (15, 45),
        // The schedules.
        (0, 3),
        // The versions, each with its transitions.
        (0, 9 + 6),
    ];
    assert_eq!(told, expected);
    all_batches(&mut conn, tenant, size).await;
}

#[sqlx::test(migrator = "runplane::MIGRATOR")]
async fn what_comes_in_meanwhile_goes_with_a_later_batch(mut conn: Conn) {
    let before = picture(&mut conn).await;
    let tenant = everything(&mut conn).await;
    // Older than all, newer than all, and again until versions are deleted: whenever it comes, it is found.
    let late = "insert into pipeline_runs (id, root_run_id, tenant_id, pipeline_id, pipeline_version_id, dispatch, created_at)
        select gen_random_uuid(), gen_random_uuid(), v.tenant_id, v.pipeline_id, v.id, 'pull', now() - $2 * interval '1 h'
        from pipeline_versions v where v.tenant_id = $1 limit 1";
    let things =
        "insert into pipelines (id, tenant_id, name) values (gen_random_uuid(), $1, gen_random_uuid()::text)";
    let size = BatchSize { runs: 100, rows: 1000, things: 3, time: Duration::ZERO };
    let mut came = 0;
    for count in 0..200 {
        if batch(&mut conn, tenant, size).await.unwrap().done {
            break;
        }
        if count < 10 {
            let hours = if count % 2 == 0 { 1000.0 } else { -1.0 };
            let added = sqlx::query(late).bind(tenant).bind(hours).execute(&mut *conn).await.unwrap();
            came += added.rows_affected();
            sqlx::query(things).bind(tenant).execute(&mut *conn).await.unwrap();
        }
    }
    assert!(came > 3, "{came}");
    let mut after = picture(&mut conn).await;
    after.remove("audit_log");
    assert!(after.iter().all(|(table, rows)| *rows == before[table]), "{after:?}");
}

#[sqlx::test(migrator = "runplane::MIGRATOR")]
async fn nobody_waits_for_what_others_have_locked_and_it_goes_later(pool: PgPool) {
    let (mut conn, mut other) = (pool.acquire().await.unwrap(), pool.acquire().await.unwrap());
    for (held, versions) in [
        // A run that its worker reports about: none of the versions that are tried with its own goes.
        (
            "update pipeline_runs set heartbeat_at = now() where id = (select id from pipeline_runs where status = 'RUNNING' limit 1)",
            9,
        ),
        // One that is being created.
        (
            "insert into pipeline_runs (id, root_run_id, tenant_id, pipeline_id, pipeline_version_id, dispatch, created_at)
         select gen_random_uuid(), gen_random_uuid(), v.tenant_id, v.pipeline_id, v.id, 'pull', now() - interval '1000 h'
         from pipeline_versions v where v.status = 'APPROVED' limit 1",
            1,
        ),
    ] {
        let tenant = everything(&mut conn).await;
        let mut transaction = other.begin().await.unwrap();
        sqlx::query(held).execute(&mut *transaction).await.unwrap();
        sqlx::query("set statement_timeout = 1000").execute(&mut *conn).await.unwrap();
        for _ in 0..3 {
            assert!(!batch(&mut conn, tenant, BatchSize::default()).await.unwrap().done, "{held}");
        }
        let left: i64 = sqlx::query_scalar("select count(*) from pipeline_versions").fetch_one(&mut *conn).await.unwrap();
        assert_eq!(left, versions, "{held}");
        transaction.commit().await.unwrap();
        all_batches(&mut conn, tenant, BatchSize::default()).await;
        let left: i64 = sqlx::query_scalar("select count(*) from run_list").fetch_one(&mut *conn).await.unwrap();
        assert_eq!(left, 0, "{held}");
    }
}

#[sqlx::test(migrator = "runplane::MIGRATOR")]
async fn two_who_delete_one_tenant_get_it_deleted_once(pool: PgPool) {
    let (mut a, mut b) = (pool.acquire().await.unwrap(), pool.acquire().await.unwrap());
    let before = picture(&mut a).await;
    let tenant = everything(&mut a).await;
    tokio::join!(all_batches(&mut a, tenant, SMALLEST), all_batches(&mut b, tenant, SMALLEST));
    let mut after = picture(&mut a).await;
    after.remove("audit_log");
    assert!(after.iter().all(|(table, rows)| *rows == before[table]), "{after:?}");
}

#[sqlx::test(migrator = "runplane::MIGRATOR")]
async fn a_transaction_may_delete_what_was_approved_of_the_tenant_it_names_and_change_nothing(
    mut conn: Conn,
) {
    let (named, other) = (everything(&mut conn).await, everything(&mut conn).await);
    let refused = async |conn: &mut PgConnection, statement: &str, tenant: Uuid| {
        let mut transaction = conn.begin().await.unwrap();
        let set = "select set_config('runplane.deletes_tenant', $1, true)";
        sqlx::query(set).bind(named.to_string()).execute(&mut *transaction).await.unwrap();
        let statement = AssertSqlSafe(format!("{statement} where tenant_id = $1"));
        let error = sqlx::query(statement).bind(tenant).execute(&mut *transaction).await.err()?;
        Some(error.into_database_error().unwrap().code().unwrap().into_owned())
    };
    let restricted = Some("23001".to_owned());
    for (statement, tenant, expected) in [
        ("delete from pipeline_version_transitions", named, None),
        ("delete from pipeline_version_transitions", other, restricted.clone()),
        ("update pipeline_version_transitions set comment = 'x'", named, restricted.clone()),
        ("update pipeline_versions set dag_spec = '{\"a\": 1}'", named, restricted.clone()),
        ("update pipeline_versions set status = 'DRAFT'", named, restricted.clone()),
        ("delete from pipeline_versions", other, restricted.clone()),
        // Only the transitions and the runs keep it.
        ("delete from pipeline_versions", named, Some("23503".to_owned())),
    ] {
        assert_eq!(refused(&mut conn, statement, tenant).await, expected, "{statement}");
    }
    // It ends with the transaction.
    let failed = sqlx::query("delete from pipeline_version_transitions where tenant_id = $1").bind(named);
    assert!(failed.execute(&mut *conn).await.is_err());
}

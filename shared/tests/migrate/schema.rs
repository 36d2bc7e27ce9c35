//! The schema.

use std::time::Duration;

use runplane::MIGRATOR;
use runplane::migrate::{MigrateFailure, RoleIs, newest};
use sqlx::migrate::Migrate as _;
use sqlx::postgres::{PgConnectOptions, PgPoolOptions};

use crate::support::{PASSWORD, SOON, Stage};

#[sqlx::test(migrations = false)]
async fn an_empty_database_is_brought_up_and_the_functions_can_work(
    _: PgPoolOptions,
    options: PgConnectOptions,
) {
    let stage = Stage::new(&options).await;
    let migrated = stage.bring_up().await.unwrap();
    assert_eq!((migrated.schema.as_str(), migrated.role), (newest().to_string().as_str(), RoleIs::Made));
    assert!(migrated.operator_key);
    let ups = MIGRATOR.iter().filter(|one| !one.migration_type.is_down_migration()).count();
    assert_eq!((migrated.applied.len(), stage.applied().await.len()), (ups, ups));
    // A migration of ours is called as its file.
    assert_eq!(migrated.applied[0], "20261123000001_runs");

    let pool = stage.functions_pool().await;
    let insert = "insert into tenants (id, name) values (gen_random_uuid(), 'acme')";
    sqlx::query(insert).execute(&pool).await.unwrap();
    let refused = sqlx::query("create table mine (id int)").execute(&pool).await.unwrap_err();
    assert_eq!(refused.as_database_error().unwrap().code().as_deref(), Some("42501"));
    pool.close().await;
    stage.end().await;
}

#[sqlx::test(migrations = false)]
async fn a_database_that_is_up_to_date_stays_as_it_is(_: PgPoolOptions, options: PgConnectOptions) {
    let stage = Stage::new(&options).await;
    stage.bring_up().await.unwrap();
    let before = stage.applied().await;
    let again = stage.bring_up().await.unwrap();
    assert_eq!((again.applied.as_slice(), again.role, again.operator_key), (&[][..], RoleIs::Kept, false));
    assert_eq!(again.schema, newest().to_string());
    assert_eq!((stage.applied().await, stage.manager.values().len()), (before, 1));
    stage.end().await;
}

#[sqlx::test(migrations = false)]
async fn of_two_at_once_the_second_waits_and_finds_everything_done(
    _: PgPoolOptions,
    options: PgConnectOptions,
) {
    let stage = Stage::new(&options).await;
    let (one, other) = tokio::join!(stage.bring_up(), stage.bring_up());
    let (one, other) = (one.unwrap(), other.unwrap());
    let (first, second) = if other.applied.is_empty() { (one, other) } else { (other, one) };
    assert_eq!((first.applied.len(), second.applied.len()), (stage.applied().await.len(), 0));
    assert_eq!((first.role, second.role), (RoleIs::Made, RoleIs::Kept));
    assert_eq!((first.operator_key, second.operator_key, stage.manager.values().len()), (true, false, 1));
    stage.end().await;
}

#[sqlx::test(migrations = false)]
async fn whoever_waits_for_another_gives_up_in_time(_: PgPoolOptions, options: PgConnectOptions) {
    let stage = Stage::new(&options).await;
    let mut other = stage.owner().await;
    other.lock().await.unwrap();
    let limit = Duration::from_secs(1);
    let failure = stage.deployment(PASSWORD).bring_up(limit, "r").await.unwrap_err();
    assert_eq!(
        failure.to_string(),
        "it was not done within 1 s: it was still waiting for another migration of this database to end; what was under way is rolled back"
    );
    assert!(!stage.has("tenants").await);
    // Its session has gone with it: as soon as the other one has ended, the next one goes on.
    other.unlock().await.unwrap();
    stage.bring_up().await.unwrap();
    stage.end().await;
}

#[sqlx::test(migrations = false)]
async fn a_migration_that_fails_leaves_the_schema_as_it_was_before_it(
    _: PgPoolOptions,
    options: PgConnectOptions,
) {
    let stage = Stage::new(&options).await;
    // In the way of the last table but two of that migration.
    stage.run("create table audit_log (mine int)").await;
    let failure = stage.bring_up().await.unwrap_err();
    assert_eq!(
        failure.to_string(),
        "migration 20261124000008_auth failed, and the schema is as it was before it: Postgres: relation \"audit_log\" already exists (42P07)"
    );
    let applied = stage.applied().await;
    assert_eq!(applied.last().unwrap().0, 20261124000007);
    assert!(stage.has("run_secrets").await);
    for table in ["api_keys", "api_key_budgets", "tenant_deletions"] {
        assert!(!stage.has(table).await, "{table}");
    }
    assert_eq!(stage.manager.values(), [""; 0]);

    stage.run("drop table audit_log").await;
    let migrated = stage.bring_up().await.unwrap();
    assert_eq!(migrated.applied[0], "20261124000008_auth");
    assert_eq!(stage.applied().await[..applied.len()], applied);
    stage.end().await;
}

/// Whoever waits for a table keeps everybody out who comes after.
#[sqlx::test(migrations = false)]
async fn a_migration_waits_no_longer_for_a_table_than_it_may_and_is_simply_run_again(
    _: PgPoolOptions,
    options: PgConnectOptions,
) {
    let stage = Stage::new(&options).await;
    MIGRATOR.run_to(20261123000001, &mut stage.owner().await).await.unwrap();
    let before = stage.applied().await;
    let mut holder = stage.owner().await;
    sqlx::raw_sql("begin; lock table pipeline_runs in access share mode").execute(&mut holder).await.unwrap();
    let impatient = stage.deployment(PASSWORD).waiting_for_tables(Duration::from_millis(50));
    let failure = impatient.bring_up(SOON, "r").await.unwrap_err();
    assert_eq!(
        failure.to_string(),
        "migration 20261124000001_nothing_lost failed, and the schema is as it was before it: Postgres: canceling statement due to lock timeout (55P03)"
    );
    assert_eq!(stage.applied().await, before);
    // Nobody waits any more: who comes after is let in at once.
    let waiting = "select count(*) from pg_locks l join pg_database d on d.oid = l.database where not l.granted and d.datname = current_database()";
    let waiting: i64 = sqlx::query_scalar(waiting).fetch_one(&mut stage.owner().await).await.unwrap();
    assert_eq!(waiting, 0);

    sqlx::raw_sql("rollback").execute(&mut holder).await.unwrap();
    let migrated = stage.bring_up().await.unwrap();
    assert_eq!(migrated.applied[0], "20261124000001_nothing_lost");
    stage.end().await;
}

/// As after a rollback of a stack: CloudFormation asks the older code.
#[sqlx::test(migrations = false)]
async fn a_schema_that_is_newer_than_the_code_stays_and_is_good(_: PgPoolOptions, options: PgConnectOptions) {
    let stage = Stage::new(&options).await;
    stage.bring_up().await.unwrap();
    stage
        .run(
            "create table of_tomorrow (id int);
             insert into _sqlx_migrations (version, description, success, checksum, execution_time) values (99990101000001, 'tomorrow', true, 'x', 0)",
        )
        .await;
    let migrated = stage.bring_up().await.unwrap();
    assert_eq!((migrated.schema.as_str(), migrated.applied.len()), ("99990101000001", 0));
    // What this version knows and the database has not is applied all the same.
    stage.run("delete from _sqlx_migrations where version = 20261127000002").await;
    let migrated = stage.bring_up().await.unwrap();
    assert_eq!(migrated.applied, ["20261127000002_first_of_all"]);
    assert_eq!(migrated.schema, "99990101000001");
    assert!(stage.has("of_tomorrow").await);
    stage.end().await;
}

#[sqlx::test(migrations = false)]
async fn a_migration_that_was_changed_after_it_was_applied_is_named_and_nothing_is_done(
    _: PgPoolOptions,
    options: PgConnectOptions,
) {
    let stage = Stage::new(&options).await;
    stage.bring_up().await.unwrap();
    // One is missing before it, which could be applied.
    stage.run("delete from _sqlx_migrations where version = 20261127000001").await;
    stage.run("update _sqlx_migrations set checksum = 'x' where version = 20261127000002").await;
    let before = stage.applied().await;
    let failure = stage.bring_up().await.unwrap_err();
    assert!(
        matches!(&failure, MigrateFailure::Changed(name) if name == "20261127000002_first_of_all"),
        "{failure}"
    );
    assert!(failure.to_string().contains("its checksum differs"), "{failure}");
    assert_eq!(stage.applied().await, before);
    stage.end().await;
}

#[sqlx::test(migrations = false)]
async fn tables_that_nobody_wrote_down_are_not_made_anew(_: PgPoolOptions, options: PgConnectOptions) {
    let stage = Stage::new(&options).await;
    stage.bring_up().await.unwrap();
    stage.run("drop table _sqlx_migrations").await;
    let failure = stage.bring_up().await.unwrap_err();
    assert!(matches!(failure, MigrateFailure::Unrecorded), "{failure}");
    assert!(!stage.has("_sqlx_migrations").await);
    stage.end().await;
}

/// Nor has the log: `functions/migrate/tests/process`.
#[sqlx::test(migrations = false)]
async fn what_is_said_has_no_password(_: PgPoolOptions, options: PgConnectOptions) {
    let stage = Stage::new(&options).await;
    let migrated = stage.bring_up().await.unwrap();
    // A role that is there, and a database that is not.
    let mut away = stage.owner.clone();
    away.set_path("/nowhere");
    away.set_password(Some("owner-word")).unwrap();
    let functions = stage.functions(PASSWORD);
    let away = runplane::migrate::Deployment::new(away.as_str(), functions.as_str(), None).unwrap();
    let failure = away.bring_up(SOON, "r").await.unwrap_err();
    assert!(failure.to_string().contains("database \"nowhere\" does not exist (3D000)"), "{failure}");
    let said = format!("{migrated:?} {failure} {failure:?} {away:?} {:?}", stage.deployment(PASSWORD));
    let key = &stage.manager.values()[0];
    for secret in [PASSWORD, functions.password().unwrap(), "owner-word", &key[36..]] {
        assert!(!said.contains(secret), "{secret}");
    }
    stage.end().await;
}

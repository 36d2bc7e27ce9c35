//! The function as Lambda and CloudFormation have it: its program, started as a process, on a real Postgres.

#![allow(
    clippy::unwrap_used,
    reason = "a test may panic; clippy.toml allows it only in functions marked as tests"
)]

mod lambda;

use std::time::{Duration, Instant};

use runplane::MIGRATOR;
use runplane::migrate::newest;
use rustix::process::{Pid, Signal, kill_process};
use serde_json::{Value, json};
use sqlx::migrate::Migrate as _;
use sqlx::postgres::{PgConnectOptions, PgPoolOptions};
use sqlx::{AssertSqlSafe, ConnectOptions as _, PgConnection};
use uuid::Uuid;

use lambda::Lambda;

const PASSWORD: &str = "hush%2Fword";
/// A long time for an invocation.
const LONG: Duration = Duration::from_secs(600);

/// The owner's connection string, that of the functions, and their role, which is the test's own.
fn urls(options: &PgConnectOptions) -> (String, String, String) {
    let role = format!("t_{}", Uuid::now_v7().simple());
    let mut owner = options.to_url_lossy();
    owner.set_password(Some("owner%20word")).unwrap();
    let mut functions = owner.clone();
    functions.set_username(&role).unwrap();
    functions.set_password(Some(PASSWORD)).unwrap();
    (owner.to_string(), functions.to_string(), role)
}

async fn drop_role(conn: &mut PgConnection, role: &str) {
    sqlx::raw_sql(AssertSqlSafe(format!("drop role if exists {role}"))).execute(conn).await.unwrap();
}

/// As CloudFormation makes it.
fn request(kind: &str) -> Value {
    let event = match kind {
        "Update" => include_str!("../../../../events/migrate.update.json"),
        "Delete" => include_str!("../../../../events/migrate.delete.json"),
        _ => include_str!("../../../../events/migrate.create.json"),
    };
    let mut event: Value = serde_json::from_str(event).unwrap();
    event["RequestType"] = json!(kind);
    event
}

async fn applied(conn: &mut PgConnection) -> Vec<i64> {
    sqlx::query_scalar("select version from _sqlx_migrations order by version").fetch_all(conn).await.unwrap()
}

#[sqlx::test(migrations = false)]
async fn cloudformation_is_answered_and_no_secret_is_logged(_: PgPoolOptions, options: PgConnectOptions) {
    let (owner, functions, role) = urls(&options);
    let lambda = Lambda::start().await;
    let mut process = lambda.function(&owner, &functions);
    // Twice the answer is not taken.
    lambda.refuse_answers(2);
    lambda.invoke_for_stack(request("Create"), LONG);
    let put = lambda.answered().await;
    assert_eq!(put.content_type.as_deref(), Some(""));
    let all = runplane::MIGRATOR.iter().filter(|one| !one.migration_type.is_down_migration()).count();
    assert_eq!(
        put.body,
        json!({
            "Status": "SUCCESS", "Reason": format!("the schema is {}; applied now: {all}", newest()),
            "PhysicalResourceId": "runplane-schema", "LogicalResourceId": "Migrations", "StackId": request("Create")["StackId"],
            "RequestId": request("Create")["RequestId"],
            "Data": { "Schema": newest().to_string() }
        })
    );
    assert_eq!(lambda.returned().await, Ok(Value::Null));
    // By hand.
    lambda.invoke(serde_json::from_str(include_str!("../../../../events/migrate.json")).unwrap(), LONG);
    let by_hand = lambda.returned().await.unwrap();
    assert_eq!(
        by_hand,
        json!({ "schema": newest().to_string(), "applied": [], "role": "kept", "operator_key": false })
    );

    let log = process.end().await;
    let [key] = lambda.secrets().try_into().unwrap();
    assert!(
        log.contains("a migration was applied") && log.contains("first operator's key was made"),
        "{log}"
    );
    for secret in [PASSWORD, "hush/word", "owner%20word", "owner word", &key[36..], "signature-of-s3"] {
        assert!(!log.contains(secret), "{secret}: {log}");
    }
    drop_role(&mut options.connect().await.unwrap(), &role).await;
}

#[sqlx::test(migrations = false)]
async fn a_deployment_fails_with_the_real_reason(_: PgPoolOptions, options: PgConnectOptions) {
    let (owner, functions, _) = urls(&options);
    let mut conn = options.connect().await.unwrap();
    sqlx::raw_sql("create table audit_log (mine int)").execute(&mut conn).await.unwrap();
    let lambda = Lambda::start().await;
    let mut process = lambda.function(&owner, &functions);
    lambda.invoke_for_stack(request("Update"), LONG);
    let body = lambda.answered().await.body;
    assert_eq!(
        (&body["Status"], &body["Reason"]),
        (
            &json!("FAILED"),
            &json!(
                "migration 20261124000008_auth failed, and the schema is as it was before it: Postgres: relation \"audit_log\" already exists (42P07)"
            )
        )
    );
    // CloudFormation has its answer: there is nothing to repeat.
    assert_eq!(lambda.returned().await, Ok(Value::Null));
    lambda.invoke(json!({}), LONG);
    let by_hand = lambda.returned().await.unwrap_err();
    assert!(by_hand.contains("relation \\\"audit_log\\\" already exists"), "{by_hand}");
    let log = process.end().await;
    assert!(log.contains("the database was not brought up") && !log.contains(PASSWORD), "{log}");
    assert_eq!(applied(&mut conn).await.last(), Some(&20261124000007));
}

#[tokio::test]
async fn a_stack_can_be_deleted_when_the_database_is_away() {
    let lambda = Lambda::start().await;
    let away = "postgres://owner:owner-word@127.0.0.1:1/runplane";
    let mut process = lambda.function(away, "postgres://app:hush@127.0.0.1:1/runplane");
    lambda.invoke_for_stack(request("Create"), LONG);
    let failed = lambda.answered().await.body;
    assert_eq!(
        (&failed["Status"], &failed["PhysicalResourceId"]),
        (&json!("FAILED"), &json!("runplane-schema"))
    );
    assert!(failed["Reason"].as_str().unwrap().contains("Connection refused"), "{failed}");
    assert_eq!(lambda.returned().await, Ok(Value::Null));

    lambda.invoke_for_stack(request("Delete"), LONG);
    let body = lambda.answered().await.body;
    assert_eq!(
        (&body["Status"], &body["PhysicalResourceId"]),
        (&json!("SUCCESS"), &json!("runplane-schema"))
    );
    lambda.returned().await.unwrap();

    // What there was not when this was written.
    lambda.invoke_for_stack(request("Rename"), LONG);
    assert_eq!(lambda.answered().await.body["Reason"], "there is no request of type \"Rename\"");
    lambda.returned().await.unwrap();

    // Nobody takes the answer: Lambda has to call again.
    lambda.refuse_answers(usize::MAX);
    lambda.invoke_for_stack(request("Delete"), LONG);
    assert!(lambda.returned().await.unwrap_err().contains("CloudFormation has no answer"));
    let log = process.end().await;
    assert!(!log.contains("signature-of-s3"), "{log}");
}

#[sqlx::test(migrations = false)]
async fn cloudformation_is_answered_before_time_is_up(_: PgPoolOptions, options: PgConnectOptions) {
    let (owner, functions, role) = urls(&options);
    let mut other = options.connect().await.unwrap();
    other.lock().await.unwrap();
    let lambda = Lambda::start().await;
    let mut process = lambda.function(&owner, &functions);
    let (limit, started) = (Duration::from_secs(4), Instant::now());
    lambda.invoke_for_stack(request("Create"), limit);
    let body = lambda.answered().await.body;
    assert!(started.elapsed() < limit, "{:?}", started.elapsed());
    let reason = body["Reason"].as_str().unwrap();
    assert_eq!(body["Status"], "FAILED");
    assert!(reason.ends_with("it was still waiting for another migration of this database to end; what was under way is rolled back"), "{reason}");
    lambda.returned().await.unwrap();
    other.unlock().await.unwrap();
    lambda.invoke_for_stack(request("Create"), LONG);
    assert_eq!(lambda.answered().await.body["Status"], "SUCCESS");
    process.end().await;
    drop_role(&mut other, &role).await;
}

#[sqlx::test(migrations = false)]
async fn of_two_deployments_at_once_both_are_answered_and_everything_is_done_once(
    _: PgPoolOptions,
    options: PgConnectOptions,
) {
    let (owner, functions, role) = urls(&options);
    let mut conn = options.connect().await.unwrap();
    let one = Lambda::start().await;
    let other = one.beside().await;
    let mut processes = [one.function(&owner, &functions), other.function(&owner, &functions)];
    let mut applied_now = Vec::new();
    for lambda in [&one, &other] {
        lambda.invoke_for_stack(request("Create"), LONG);
    }
    for lambda in [&one, &other] {
        let body = lambda.answered().await.body;
        assert_eq!(body["Status"], "SUCCESS", "{body}");
        let reason = body["Reason"].as_str().unwrap();
        applied_now.push(reason.rsplit(' ').next().unwrap().parse::<usize>().unwrap());
        lambda.returned().await.unwrap();
    }
    applied_now.sort_unstable();
    assert_eq!(applied_now, [0, applied(&mut conn).await.len()]);
    assert_eq!(one.secrets().len(), 1);
    for process in &mut processes {
        process.end().await;
    }
    drop_role(&mut conn, &role).await;
}

#[sqlx::test(migrations = false)]
async fn who_is_killed_in_the_middle_of_a_migration_leaves_it_to_the_next(
    _: PgPoolOptions,
    options: PgConnectOptions,
) {
    let (owner, functions, role) = urls(&options);
    let mut conn = options.connect().await.unwrap();
    MIGRATOR.run_to(20261124000001, &mut conn).await.unwrap();
    // The catalogue's migration gets so far and no further.
    let mut holder = options.connect().await.unwrap();
    sqlx::raw_sql("begin; lock table pipeline_runs in access share mode; lock table pipeline_versions")
        .execute(&mut holder)
        .await
        .unwrap();
    let lambda = Lambda::start().await;
    let process = lambda.function(&owner, &functions);
    lambda.invoke_for_stack(request("Create"), LONG);
    let backend = waiting(&mut conn).await;
    kill_process(Pid::from_raw(process.pid()).unwrap(), Signal::KILL).unwrap();
    drop(process);
    assert_eq!(applied(&mut conn).await.last(), Some(&20261124000001));

    // The next one waits no longer than Postgres takes to notice, while the table is still held: not until the dead one's wait for it would be over.
    let killed = Instant::now();
    let mut next = lambda.function(&owner, &functions);
    lambda.invoke_for_stack(request("Create"), LONG);
    while waiting(&mut conn).await == backend {
        tokio::task::yield_now().await;
    }
    assert!(killed.elapsed() < Duration::from_secs(7), "{:?}", killed.elapsed());
    sqlx::raw_sql("rollback").execute(&mut holder).await.unwrap();
    let body = lambda.answered().await.body;
    assert_eq!(body["Status"], "SUCCESS", "{body}");
    let ups = MIGRATOR.iter().filter(|one| !one.migration_type.is_down_migration()).count();
    assert_eq!(applied(&mut conn).await.len(), ups);
    assert_eq!(lambda.secrets().len(), 1);
    next.end().await;
    drop_role(&mut conn, &role).await;
}

/// The backend that waits for the versions' table; asks until there is one.
async fn waiting(conn: &mut PgConnection) -> i32 {
    let waiting = "select l.pid from pg_locks l join pg_database d on d.oid = l.database
                   where not l.granted and l.relation = 'pipeline_versions'::regclass and d.datname = current_database()";
    loop {
        if let Some(pid) = sqlx::query_scalar(waiting).fetch_optional(&mut *conn).await.unwrap() {
            return pid;
        }
        tokio::task::yield_now().await;
    }
}

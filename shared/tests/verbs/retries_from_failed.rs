//! A retry from what failed: which results the new run keeps.

use runplane::dag::ParamsCache;
use runplane::problem::Code;
use runplane::runs::{self, Created, RetryError, RetryRequest, RunStatus};
use runplane::scope::Scope;
use runplane::steps;
use serde_json::{Value, json};
use sqlx::PgConnection;
use uuid::Uuid;

use crate::support::{World, change, details, results, running, stored, world, world_with};

type Conn = sqlx::pool::PoolConnection<sqlx::Postgres>;

/// a → b → c, and d for itself; b's value is the only thing that differs between versions.
fn spec(value: i32) -> Value {
    let step = |id: &str, value: i32, depends_on: &[&str]| json!({ "id": id, "type": "transform", "with": { "value": value }, "depends_on": depends_on });
    json!({ "steps": [step("a", 1, &[]), step("b", value, &["a"]), step("c", 1, &["b"]), step("d", 1, &[])] })
}

/// A run that has stored these steps and FAILED.
async fn failed(conn: &mut PgConnection, world: World, stored: Value) -> Uuid {
    let (run, token) = running(conn, world).await;
    steps::store(conn, Scope::All, run, token, &results(stored)).await.unwrap();
    change(conn, run, "status = 'FAILED', finished_at = now(), lease_expires_at = null").await;
    run
}

async fn retry(
    conn: &mut PgConnection,
    run: Uuid,
    version: Option<Uuid>,
    key: Option<&str>,
) -> Result<Created, RetryError> {
    let request: RetryRequest =
        serde_json::from_value(json!({ "from": "failed", "pipeline_version_id": version })).unwrap();
    request.check().unwrap();
    runs::retry(conn, &ParamsCache::default(), Scope::All, run, &request, key).await
}

/// Another APPROVED version of the same pipeline.
async fn version(conn: &mut PgConnection, world: World, status: &str, spec: &Value) -> Uuid {
    let id = Uuid::now_v7();
    sqlx::query(
        "insert into pipeline_versions (id, tenant_id, pipeline_id, version, status, dag_spec, approved_at)
         values ($1, $2, $3, $1::text, $4, $5, case when $4 <> 'DRAFT' then now() end)",
    )
    .bind(id)
    .bind(world.tenant)
    .bind(world.pipeline)
    .bind(status)
    .bind(spec)
    .execute(conn)
    .await
    .unwrap();
    id
}

fn all_done() -> Value {
    json!(["a", "b", "c", "d"].map(|id| json!({ "step_id": id, "status": "SUCCEEDED", "output": id })))
}

#[sqlx::test(migrator = "runplane::MIGRATOR")]
async fn what_has_succeeded_is_kept_and_what_failed_and_is_behind_it_is_not(mut conn: Conn) {
    let world = world_with(&mut conn, "APPROVED", spec(1)).await;
    let old = json!([
        { "step_id": "a", "status": "SUCCEEDED", "output": { "n": 1 } }, { "step_id": "b", "status": "FAILED" },
        { "step_id": "c", "status": "SKIPPED", "reason": "upstream_failed" }, { "step_id": "d", "status": "SKIPPED" },
        { "step_id": "besides", "status": "SUCCEEDED" },
    ]);
    let run = failed(&mut conn, world, old).await;
    let before = stored(&mut conn, run).await;
    let new = retry(&mut conn, run, None, None).await.unwrap().run;
    assert_eq!((new.status, new.attempt, new.retry_of_run_id), (RunStatus::Queued, 1, Some(run)));
    assert_eq!(stored(&mut conn, new.id).await, ["a SUCCEEDED 0 {\"n\": 1}", "d SKIPPED 0"]);
    assert_eq!(stored(&mut conn, run).await, before, "the run that failed stays as it is");
    let shown: Vec<_> = details(&mut conn, new.id)
        .await
        .steps
        .into_iter()
        .map(|step| (step.step_id, step.status.as_str(), step.run_attempt))
        .collect();
    let expected = [
        ("a", "SUCCEEDED", Some(0)),
        ("b", "PENDING", None),
        ("c", "PENDING", None),
        ("d", "SKIPPED", Some(0)),
    ];
    assert_eq!(shown, expected.map(|(id, status, attempt)| (id.to_owned(), status, attempt)));
}

#[sqlx::test(migrator = "runplane::MIGRATOR")]
async fn a_step_that_changed_and_what_depends_on_it_runs_again(mut conn: Conn) {
    let world = world_with(&mut conn, "APPROVED", spec(1)).await;
    let run = failed(&mut conn, world, all_done()).await;
    let next = version(&mut conn, world, "APPROVED", &spec(2)).await;
    let new = retry(&mut conn, run, Some(next), None).await.unwrap().run;
    assert_eq!(stored(&mut conn, new.id).await, ["a SUCCEEDED 0 \"a\"", "d SUCCEEDED 0 \"d\""]);
    let same = retry(&mut conn, run, None, None).await.unwrap().run;
    assert_eq!(stored(&mut conn, same.id).await.len(), 4);
    // And what a retry has kept, the retry of that one keeps too.
    change(&mut conn, new.id, "status = 'CANCELLED', finished_at = now(), dispatch_due_at = null").await;
    let third = retry(&mut conn, new.id, None, None).await.unwrap().run;
    assert_eq!(stored(&mut conn, third.id).await, ["a SUCCEEDED 0 \"a\"", "d SUCCEEDED 0 \"d\""]);
}

#[sqlx::test(migrator = "runplane::MIGRATOR")]
async fn what_was_made_from_an_older_result_than_there_was_in_the_end_is_not_kept(mut conn: Conn) {
    let world = world_with(&mut conn, "APPROVED", spec(1)).await;
    let (run, token) = running(&mut conn, world).await;
    steps::store(&mut conn, Scope::All, run, token, &results(all_done())).await.unwrap();
    change(&mut conn, run, "attempt = 2").await;
    let again = results(json!([{ "step_id": "b", "status": "SUCCEEDED", "output": "new" }]));
    steps::store(&mut conn, Scope::All, run, token, &again).await.unwrap();
    change(&mut conn, run, "status = 'FAILED', finished_at = now(), lease_expires_at = null").await;
    let new = retry(&mut conn, run, None, None).await.unwrap().run;
    assert_eq!(
        stored(&mut conn, new.id).await,
        ["a SUCCEEDED 0 \"a\"", "b SUCCEEDED 0 \"new\"", "d SUCCEEDED 0 \"d\""]
    );
}

#[sqlx::test(migrator = "runplane::MIGRATOR")]
async fn items_are_kept_of_steps_that_succeeded_and_of_steps_that_failed(mut conn: Conn) {
    let each = |id: &str| json!({ "id": id, "type": "transform", "for_each": { "items": [1, 2] }, "with": { "value": 1 } });
    let spec = json!({ "steps": [each("a"), each("b")] });
    let world = world_with(&mut conn, "APPROVED", spec).await;
    let old = json!([
        { "step_id": "a", "status": "SUCCEEDED", "output": [1, 2] },
        { "step_id": "a", "item": 0, "status": "SUCCEEDED" }, { "step_id": "a", "item": 1, "status": "SUCCEEDED" },
        { "step_id": "b", "status": "FAILED" },
        { "step_id": "b", "item": 0, "status": "SUCCEEDED", "output": 1 }, { "step_id": "b", "item": 1, "status": "FAILED" },
    ]);
    let run = failed(&mut conn, world, old).await;
    let new = retry(&mut conn, run, None, None).await.unwrap().run;
    assert_eq!(
        stored(&mut conn, new.id).await,
        ["a SUCCEEDED 0 [1, 2]", "a/0 SUCCEEDED 0", "a/1 SUCCEEDED 0", "b/0 SUCCEEDED 0 1"]
    );
}

#[sqlx::test(migrator = "runplane::MIGRATOR")]
async fn items_that_were_made_from_an_older_result_are_not_kept(mut conn: Conn) {
    let spec = json!({ "steps": [
        "a", { "id": "b", "type": "transform", "depends_on": ["a"], "for_each": { "items": [1] }, "with": { "value": 1 } },
    ] });
    let world = world_with(&mut conn, "APPROVED", spec).await;
    let (run, token) = running(&mut conn, world).await;
    let item = |number: i32| json!({ "step_id": "b", "item": number, "status": "SUCCEEDED" });
    let a = json!({ "step_id": "a", "status": "SUCCEEDED" });
    let first = results(json!([a, item(0), item(1), item(2)]));
    steps::store(&mut conn, Scope::All, run, token, &first).await.unwrap();
    change(&mut conn, run, "attempt = 2").await;
    let second = results(json!([a, item(0), { "step_id": "b", "status": "SUCCEEDED" }]));
    steps::store(&mut conn, Scope::All, run, token, &second).await.unwrap();
    change(&mut conn, run, "status = 'FAILED', finished_at = now(), lease_expires_at = null").await;
    let new = retry(&mut conn, run, None, None).await.unwrap().run;
    assert_eq!(stored(&mut conn, new.id).await, ["a SUCCEEDED 0", "b SUCCEEDED 0", "b/0 SUCCEEDED 0"]);
}

#[sqlx::test(migrator = "runplane::MIGRATOR")]
async fn with_one_key_there_is_one_run_and_its_results_are_kept_once(mut conn: Conn) {
    let world = world_with(&mut conn, "APPROVED", spec(1)).await;
    let run = failed(&mut conn, world, all_done()).await;
    let first = retry(&mut conn, run, None, Some("key")).await.unwrap();
    let again = retry(&mut conn, run, None, Some("key")).await.unwrap();
    assert_eq!((first.new, again.new, first.run.id), (true, false, again.run.id));
    assert_eq!(stored(&mut conn, first.run.id).await.len(), 4);
    let from_start = runs::retry(
        &mut conn,
        &ParamsCache::default(),
        Scope::All,
        run,
        &RetryRequest::default(),
        Some("key"),
    )
    .await;
    assert!(matches!(from_start, Err(RetryError::IdempotencyKeyReused)), "{from_start:?}");
}

#[sqlx::test(migrator = "runplane::MIGRATOR")]
async fn from_the_start_nothing_is_kept(mut conn: Conn) {
    let world = world_with(&mut conn, "APPROVED", spec(1)).await;
    let run = failed(&mut conn, world, all_done()).await;
    let new =
        runs::retry(&mut conn, &ParamsCache::default(), Scope::All, run, &RetryRequest::default(), None)
            .await;
    assert_eq!(stored(&mut conn, new.unwrap().run.id).await, [""; 0]);
}

#[sqlx::test(migrator = "runplane::MIGRATOR")]
async fn what_cannot_be_retried_from_what_failed_says_why(mut conn: Conn) {
    let opaque = world_with(&mut conn, "APPROVED", json!({ "kind": "ours" })).await;
    let run = failed(&mut conn, opaque, json!([{ "step_id": "x", "status": "SUCCEEDED" }])).await;
    let answer = retry(&mut conn, run, None, None).await;
    assert!(matches!(answer, Err(RetryError::OpaqueFromFailed)), "{answer:?}");
    let plain = version(&mut conn, opaque, "APPROVED", &spec(1)).await;
    let answer = retry(&mut conn, run, Some(plain), None).await;
    assert!(matches!(answer, Err(RetryError::OpaqueFromFailed)), "{answer:?}");

    let world = world(&mut conn).await;
    let draft = version(&mut conn, world, "DRAFT", &spec(1)).await;
    let run = failed(&mut conn, world, json!([{ "step_id": "x", "status": "SUCCEEDED" }])).await;
    let answer = retry(&mut conn, run, Some(draft), None).await;
    assert!(matches!(answer, Err(RetryError::VersionNotApproved)), "{answer:?}");
    let answer = retry(&mut conn, run, Some(plain), None).await;
    assert!(matches!(answer, Err(RetryError::VersionNotFound)), "{answer:?}");
    let answer = retry(&mut conn, Uuid::now_v7(), None, None).await;
    assert!(matches!(answer, Err(RetryError::NotFound)), "{answer:?}");
    let (alive, _) = running(&mut conn, world).await;
    let answer = retry(&mut conn, alive, None, None).await;
    assert!(matches!(answer, Err(RetryError::InvalidTransition(RunStatus::Running))), "{answer:?}");

    let request: RetryRequest =
        serde_json::from_value(json!({ "from": "failed", "parameters": {} })).unwrap();
    let problem = request.check().unwrap_err();
    assert_eq!((problem.code, problem.errors[0].pointer.as_str()), (Code::InvalidField, "/parameters"));
}

#[sqlx::test(migrator = "runplane::MIGRATOR")]
async fn another_tenants_run_is_not_retried(mut conn: Conn) {
    let world = world_with(&mut conn, "APPROVED", spec(1)).await;
    let run = failed(&mut conn, world, all_done()).await;
    let request: RetryRequest = serde_json::from_value(json!({ "from": "failed" })).unwrap();
    let foreign = Scope::Tenant(Uuid::now_v7());
    let answer = runs::retry(&mut conn, &ParamsCache::default(), foreign, run, &request, None).await;
    assert!(matches!(answer, Err(RetryError::NotFound)), "{answer:?}");
}

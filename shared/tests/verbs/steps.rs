//! Storing what steps have led to: who may, and what becomes of what was there.

use runplane::runs::{HeartbeatError, HeartbeatRefusal, RunStatus};
use runplane::scope::Scope;
use runplane::steps::{self, StepResults};
use serde_json::json;
use sqlx::PgConnection;
use uuid::Uuid;

use crate::answers::{STATES, State, Token, cell, heartbeat_answer};
use crate::support::{Row, change, results, row, running, stored, told, world};

type Conn = sqlx::pool::PoolConnection<sqlx::Postgres>;

/// Stores under the token; how many have changed.
async fn store(conn: &mut PgConnection, run: Uuid, token: Uuid, results: &StepResults) -> i64 {
    steps::store(conn, Scope::All, run, token, results).await.unwrap().changed
}

#[sqlx::test(migrator = "runplane::MIGRATOR")]
async fn storing_answers_as_a_heartbeat_but_that_an_expired_lease_will_do(mut conn: Conn) {
    let world = world(&mut conn).await;
    let one = results(json!([{ "step_id": "a", "status": "SUCCEEDED" }]));
    for state in STATES {
        for token in [Token::Right, Token::Old, Token::MadeUp] {
            let cell = cell(&mut conn, world, state, token).await;
            let (token_id, run) = (cell.token.unwrap(), cell.run_id);
            let answer = steps::store(&mut conn, cell.scope, run, token_id, &one).await;
            let expected = match (state, token) {
                (State::Expired, Token::Right) => Ok(()),
                _ => heartbeat_answer(state, token),
            };
            let answer = match answer {
                Ok(stored) => {
                    assert_eq!((stored.changed, stored.tenant_id), (1, world.tenant));
                    Ok(())
                }
                Err(HeartbeatError::Refused(refusal)) => Err(refusal),
                Err(error) => panic!("{state:?} {token:?}: {error:?}"),
            };
            let is_stored = answer.is_ok();
            assert_eq!(answer, expected, "{state:?} {token:?}");
            assert_eq!(stored(&mut conn, run).await.len(), usize::from(is_stored), "{state:?} {token:?}");
            assert_eq!(told(&mut conn, run).await.len(), usize::from(is_stored), "{state:?} {token:?}");
        }
    }
}

#[sqlx::test(migrator = "runplane::MIGRATOR")]
async fn a_token_stores_nothing_once_somebody_else_has_taken_the_run_over(mut conn: Conn) {
    let world = world(&mut conn).await;
    let (run, old) = running(&mut conn, world).await;
    change(&mut conn, run, "lease_token = gen_random_uuid(), claim_count = 2, lost = 1").await;
    let answer = steps::store(
        &mut conn,
        Scope::All,
        run,
        old,
        &results(json!([{ "step_id": "a", "status": "RUNNING" }])),
    )
    .await;
    assert!(matches!(answer, Err(HeartbeatError::Refused(HeartbeatRefusal::LeaseLost))), "{answer:?}");
}

#[sqlx::test(migrator = "runplane::MIGRATOR")]
async fn storing_twice_is_storing_once_and_changes_nothing_of_the_run(mut conn: Conn) {
    let world = world(&mut conn).await;
    let (run, token) = running(&mut conn, world).await;
    let before = row(&mut conn, run).await;
    let all = results(json!([
        { "step_id": "a", "status": "SUCCEEDED", "output": { "n": 1 } }, { "step_id": "b", "status": "RUNNING" },
        { "step_id": "c", "status": "PENDING", "resume_at": "2099-01-01T00:00:00Z" },
        { "step_id": "d", "status": "SKIPPED" }, { "step_id": "e", "item": 0, "status": "FAILED" },
    ]));
    assert_eq!(store(&mut conn, run, token, &all).await, 5);
    let (rows, lines) = (stored(&mut conn, run).await, told(&mut conn, run).await);
    assert_eq!(
        rows,
        ["a SUCCEEDED 1 {\"n\": 1}", "b RUNNING 1", "c PENDING 1", "d SKIPPED 1", "e/0 FAILED 1"]
    );
    assert_eq!(lines.len(), 5);
    assert_eq!(store(&mut conn, run, token, &all).await, 0);
    assert_eq!((stored(&mut conn, run).await, told(&mut conn, run).await), (rows, lines));
    assert_eq!(row(&mut conn, run).await, before);
}

#[sqlx::test(migrator = "runplane::MIGRATOR")]
async fn of_two_ends_the_first_one_stays(mut conn: Conn) {
    let world = world(&mut conn).await;
    let (run, token) = running(&mut conn, world).await;
    for (status, changed) in
        [("RUNNING", 1), ("PENDING", 1), ("RUNNING", 1), ("SUCCEEDED", 1), ("FAILED", 0), ("RUNNING", 0)]
    {
        let again = results(json!([{ "step_id": "a", "status": status }]));
        assert_eq!(store(&mut conn, run, token, &again).await, changed, "{status}");
    }
    assert_eq!(stored(&mut conn, run).await, ["a SUCCEEDED 1"]);
    assert_eq!(
        told(&mut conn, run).await,
        ["info step a started", "info step a started", "info step a SUCCEEDED"]
    );
}

#[sqlx::test(migrator = "runplane::MIGRATOR")]
async fn what_is_of_an_older_attempt_is_written_over(mut conn: Conn) {
    let world = world(&mut conn).await;
    let (run, token) = running(&mut conn, world).await;
    let first = results(json!([
        { "step_id": "a", "status": "SUCCEEDED", "output": 1 }, { "step_id": "b", "status": "FAILED" },
    ]));
    store(&mut conn, run, token, &first).await;
    change(&mut conn, run, "attempt = 2").await;
    // What it says itself does not matter.
    let second = results(json!([{ "step_id": "b", "status": "RUNNING", "run_attempt": 1 }]));
    assert_eq!(store(&mut conn, run, token, &second).await, 1);
    assert_eq!(stored(&mut conn, run).await, ["a SUCCEEDED 1 1", "b RUNNING 2"]);
    assert_eq!(told(&mut conn, run).await.last().unwrap(), "info step b started");
    let error: Option<String> = sqlx::query_scalar("select error from run_steps where step_id = 'b'")
        .fetch_one(&mut *conn)
        .await
        .unwrap();
    assert_eq!(error, None);
}

#[sqlx::test(migrator = "runplane::MIGRATOR")]
async fn the_outputs_of_items_go_into_that_of_their_step(mut conn: Conn) {
    let world = world(&mut conn).await;
    let (run, token) = running(&mut conn, world).await;
    let item = |step: &str, item: i32| json!({ "step_id": step, "item": item, "status": "SUCCEEDED", "output": item });
    store(&mut conn, run, token, &results(json!([item("a", 0), item("a", 1), item("b", 0)]))).await;
    assert_eq!(stored(&mut conn, run).await, ["a/0 SUCCEEDED 1 0", "a/1 SUCCEEDED 1 1", "b/0 SUCCEEDED 1 0"]);
    // The last item ends with the step; b fails, and keeps what its items have led to for another attempt.
    let end = results(json!([
        item("a", 2), { "step_id": "a", "status": "SUCCEEDED", "output": [0, 1, 2] }, { "step_id": "b", "status": "FAILED" },
    ]));
    store(&mut conn, run, token, &end).await;
    assert_eq!(
        stored(&mut conn, run).await,
        [
            "a SUCCEEDED 1 [0, 1, 2]",
            "a/0 SUCCEEDED 1",
            "a/1 SUCCEEDED 1",
            "a/2 SUCCEEDED 1",
            "b FAILED 1",
            "b/0 SUCCEEDED 1 0"
        ]
    );
    let bytes: Vec<Option<i64>> =
        sqlx::query_scalar("select output_bytes from run_steps where step_id = 'a' order by item")
            .fetch_all(&mut *conn)
            .await
            .unwrap();
    assert_eq!(bytes, [Some(7), Some(1), Some(1), Some(1)]);
}

#[sqlx::test(migrator = "runplane::MIGRATOR")]
async fn the_log_is_told_what_a_step_does_and_of_items_what_goes_wrong(mut conn: Conn) {
    let world = world(&mut conn).await;
    let (run, token) = running(&mut conn, world).await;
    let error = json!({ "error": "http_status", "message": "503" });
    let (start, end) = ("2026-11-24T08:00:00Z", "2026-11-24T08:00:00.25Z");
    for step in [
        json!({ "step_id": "load", "status": "RUNNING", "started_at": start }),
        json!({ "step_id": "load", "item": 0, "status": "RUNNING" }),
        json!({ "step_id": "load", "item": 0, "status": "PENDING", "error": error, "resume_at": end }),
        json!({ "step_id": "load", "item": 0, "status": "SUCCEEDED", "attempts": 2 }),
        json!({ "step_id": "load", "item": 1, "status": "FAILED", "attempts": 3, "error": error }),
        json!({ "step_id": "load", "status": "SUCCEEDED", "started_at": start, "finished_at": end }),
    ] {
        store(&mut conn, run, token, &results(json!([step]))).await;
    }
    assert_eq!(
        told(&mut conn, run).await,
        [
            "info step load started",
            "warning step load, item 0: attempt 1 FAILED: http_status: 503; attempt 2 is due at 2026-11-24T08:00:00.250Z",
            "error step load, item 1 FAILED after 3 attempts: http_status: 503",
            "info step load SUCCEEDED in 250 ms",
        ]
    );
    let (source, meta): (String, serde_json::Value) =
        sqlx::query_as("select source, meta from run_logs where level = 'error'")
            .fetch_one(&mut *conn)
            .await
            .unwrap();
    let expected =
        json!({ "step_id": "load", "item": 1, "status": "FAILED", "attempts": 3, "run_attempt": 1 });
    assert_eq!((source.as_str(), meta), ("executor", expected));
}

#[sqlx::test(migrator = "runplane::MIGRATOR")]
async fn working_time_alone_is_kept_and_not_told(mut conn: Conn) {
    let world = world(&mut conn).await;
    let (run, token) = running(&mut conn, world).await;
    let mut of = results(json!([{ "step_id": "a", "status": "RUNNING" }]));
    store(&mut conn, run, token, &of).await;
    of.worked_ms = 1500;
    assert_eq!(store(&mut conn, run, token, &of).await, 1);
    assert_eq!(told(&mut conn, run).await, ["info step a started"]);
    assert_eq!(steps::load_all(&mut conn, Scope::All, run).await.unwrap().worked_ms, 1500);
    // Of the attempt that is under way.
    change(&mut conn, run, "attempt = 2").await;
    assert_eq!(steps::load_all(&mut conn, Scope::All, run).await.unwrap().worked_ms, 0);
}

#[sqlx::test(migrator = "runplane::MIGRATOR")]
async fn what_has_ended_and_does_not_say_when_ended_now(mut conn: Conn) {
    let world = world(&mut conn).await;
    let (run, token) = running(&mut conn, world).await;
    let long = "ä".repeat(9000);
    let failed = json!({ "step_id": "a", "status": "FAILED", "error": { "error": "x", "message": long } });
    store(&mut conn, run, token, &results(json!([failed]))).await;
    let now: bool = sqlx::query_scalar(
        "select finished_at between now() - interval '1 min' and now() and error_message like '%… [cut]' from run_steps",
    )
    .fetch_one(&mut *conn)
    .await
    .unwrap();
    assert!(now);
}

#[sqlx::test(migrator = "runplane::MIGRATOR")]
async fn a_takeover_waits_until_a_store_under_way_is_done(pool: sqlx::PgPool) {
    let (mut conn, mut other) = (pool.acquire().await.unwrap(), pool.acquire().await.unwrap());
    let world = world(&mut conn).await;
    let held = Row { lease_alive: false, ..Row::new(RunStatus::Running) };
    let run = held.insert(&mut conn, world).await;
    sqlx::raw_sql("begin").execute(&mut *conn).await.unwrap();
    store(&mut conn, run, held.token, &results(json!([{ "step_id": "a", "status": "RUNNING" }]))).await;
    let taken: i32 = sqlx::query_scalar(
        "select count(*)::integer from (select from pipeline_runs where id = $1 for no key update skip locked) free",
    )
    .bind(run)
    .fetch_one(&mut *other)
    .await
    .unwrap();
    assert_eq!(taken, 0);
    sqlx::raw_sql("commit").execute(&mut *conn).await.unwrap();
}

#[sqlx::test(migrator = "runplane::MIGRATOR")]
async fn no_row_says_what_cannot_be(mut conn: Conn) {
    let world = world(&mut conn).await;
    let (run, token) = running(&mut conn, world).await;
    let one = results(json!([{ "step_id": "a", "status": "SUCCEEDED", "output": 1 }]));
    store(&mut conn, run, token, &one).await;
    for set in [
        "status = 'SKIPPED', output = null, output_bytes = null",
        "reason = 'condition'",
        "status = 'RUNNING'",
        "finished_at = null",
        "error = 'x', error_message = ''",
        "status = 'FAILED', output = null, output_bytes = null",
        "status = 'CANCELLED'",
        "output_ref = 'key'",
        "resume_at = now()",
        "item = -2",
        "step_id = ''",
        "run_attempt = 0, status = 'CANCELLED', output = null, output_bytes = null",
        "worked_ms = -1",
        "output = to_jsonb(repeat('x', 3000000))",
    ] {
        let sql = sqlx::AssertSqlSafe(format!("update run_steps set {set}"));
        let refused = sqlx::query(sql).execute(&mut *conn).await;
        let code =
            refused.unwrap_err().as_database_error().and_then(|error| error.code()).unwrap().into_owned();
        assert_eq!(code, "23514", "{set}");
    }
}

#[sqlx::test(migrator = "runplane::MIGRATOR")]
async fn a_thousand_items_are_stored_at_once_and_go_with_their_run(mut conn: Conn) {
    let world = world(&mut conn).await;
    let (run, token) = running(&mut conn, world).await;
    let items: Vec<_> = (0..1000)
        .map(|item| json!({ "step_id": "a", "item": item, "status": "FAILED", "attempts": 2 }))
        .collect();
    assert_eq!(store(&mut conn, run, token, &results(json!(items))).await, 1000);
    assert_eq!(told(&mut conn, run).await.len(), 1000);
    sqlx::query("delete from pipeline_runs where id = $1").bind(run).execute(&mut *conn).await.unwrap();
    assert_eq!((stored(&mut conn, run).await.len(), told(&mut conn, run).await.len()), (0, 0));
}

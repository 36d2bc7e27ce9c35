//! Get: what is known about a run, and what it waits for.

use runplane::dag::ParamsCache;
use runplane::runs::{self, GetError, RunStatus, WaitingReason};
use runplane::scope::Scope;
use uuid::Uuid;

use crate::support::{Row, world};

type Conn = sqlx::pool::PoolConnection<sqlx::Postgres>;

#[sqlx::test(migrator = "runplane::MIGRATOR")]
async fn a_queued_run_says_what_it_waits_for_and_any_other_says_nothing(mut conn: Conn) {
    let world = world(&mut conn).await;
    let cases = [
        ("available_at = now() + interval '1 h', dispatch_due_at = null", Some(WaitingReason::Delayed)),
        ("priority = 5", Some(WaitingReason::Dispatch)),
        ("dispatch_due_at = null", Some(WaitingReason::Worker)),
        ("dispatch_due_at = null, dispatches = 2, redispatch_at = now()", Some(WaitingReason::Worker)),
        ("dispatch = 'pull', dispatch_due_at = null", Some(WaitingReason::Worker)),
    ];
    for (change, reason) in cases {
        let id =
            runs::create(&mut conn, &ParamsCache::default(), &world.request(), None).await.unwrap().run.id;
        let sql = sqlx::AssertSqlSafe(format!("update pipeline_runs set {change} where id = $1"));
        sqlx::query(sql).bind(id).execute(&mut *conn).await.unwrap();
        let details = runs::get(&mut conn, Scope::All, id).await.unwrap();
        assert_eq!(details.waiting_for.map(|waiting| waiting.reason), reason, "{change}");
    }
    for status in [RunStatus::Running, RunStatus::Succeeded, RunStatus::Failed, RunStatus::Cancelled] {
        let id = Row::new(status).insert(&mut conn, world).await;
        assert_eq!(runs::get(&mut conn, Scope::All, id).await.unwrap().waiting_for, None, "{status:?}");
    }
}

#[sqlx::test(migrator = "runplane::MIGRATOR")]
async fn attempts_that_ended_badly_are_shown_without_their_tokens(mut conn: Conn) {
    let world = world(&mut conn).await;
    let again = Row { attempt_outcome: Some("FAILED"), ..Row::new(RunStatus::Queued) };
    let id = again.insert(&mut conn, world).await;
    let details = runs::get(&mut conn, Scope::All, id).await.unwrap();
    assert_eq!((details.attempts.len(), details.attempts[0].outcome.as_str()), (1, "FAILED"));
    let json = serde_json::to_string(&details).unwrap();
    assert!(!json.contains("lease_token") && !json.contains(&again.token.to_string()), "{json}");
}

#[sqlx::test(migrator = "runplane::MIGRATOR")]
async fn another_tenants_run_is_not_found(mut conn: Conn) {
    let world = world(&mut conn).await;
    let id = runs::create(&mut conn, &ParamsCache::default(), &world.request(), None).await.unwrap().run.id;
    let foreign = runs::get(&mut conn, Scope::Tenant(Uuid::now_v7()), id).await;
    assert!(matches!(foreign, Err(GetError::NotFound)), "{foreign:?}");
    runs::get(&mut conn, Scope::Tenant(world.tenant), id).await.unwrap();
}

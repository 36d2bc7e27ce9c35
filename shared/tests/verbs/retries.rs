//! After a failure: another attempt, or a new run of the lineage.

use runplane::dag::ParamsCache;
use runplane::runs::{
    self, CompleteRequest, Dispatch, Marks, Outcome, RetryError, RetryRequest, Run, RunStatus, WaitingReason,
};
use runplane::scope::Scope;
use serde_json::json;
use sqlx::PgConnection;
use uuid::Uuid;

use crate::support::{Row, World, change, claim, claim_by, details, queued, row, world, world_with};

type Conn = sqlx::pool::PoolConnection<sqlx::Postgres>;

/// Claims the run and fails it.
async fn failed(conn: &mut PgConnection, world: World, retryable: Option<bool>) -> Run {
    let scope = Scope::Tenant(world.tenant);
    let claimed = claim(conn, scope, &Marks::default(), claim_by("w")).await.unwrap().unwrap();
    let request = CompleteRequest {
        lease_token: Some(claimed.run.lease_token),
        error_code: Some("broken".to_owned()),
        error_message: Some("it broke".to_owned()),
        retryable,
        ..CompleteRequest::new(Outcome::Failed)
    };
    let run = runs::complete(conn, scope, claimed.run.run.id, &request).await.unwrap();
    // The answer may be lost: the same completion again gets the same run.
    let before = row(conn, run.id).await;
    assert_eq!(runs::complete(conn, scope, run.id, &request).await.unwrap(), run);
    assert_eq!(row(conn, run.id).await, before);
    run
}

#[sqlx::test(migrator = "runplane::MIGRATOR")]
async fn a_failed_attempt_is_followed_by_another_until_none_is_left(mut conn: Conn) {
    let spec =
        json!({"retry": {"max_attempts": 3, "delay_seconds": 100, "backoff_rate": 3, "jitter": "none"}});
    let world = world_with(&mut conn, "APPROVED", spec).await;
    let id = queued(&mut conn, world, "").await;
    for (attempt, delay) in [(1, 100), (2, 300)] {
        let run = failed(&mut conn, world, None).await;
        assert_eq!((run.status, run.attempt, run.lost), (RunStatus::Queued, attempt + 1, 0));
        assert_eq!((run.available_at - run.updated_at).num_seconds(), delay);
        assert_eq!(run.dispatch_due_at, Some(run.available_at));
        assert_eq!((run.claimed_by, run.finished_at, run.error_code), (None, None, None));
        let waiting = details(&mut conn, id).await.waiting_for.unwrap();
        assert_eq!((waiting.reason, waiting.until), (WaitingReason::Backoff, Some(run.available_at)));
        // Not before its time.
        assert_eq!(claim(&mut conn, Scope::All, &Marks::default(), claim_by("w")).await.unwrap(), None);
        change(&mut conn, id, "available_at = now()").await;
    }
    let run = failed(&mut conn, world, None).await;
    assert_eq!((run.status, run.attempt, run.error_code.as_deref()), (RunStatus::Failed, 3, Some("broken")));
    let attempts = details(&mut conn, id).await.attempts;
    let told: Vec<_> = attempts
        .iter()
        .map(|attempt| (attempt.attempt, attempt.outcome.as_str(), attempt.error_message.as_deref().unwrap()))
        .collect();
    assert_eq!(told, [1, 2, 3].map(|number| (number, "FAILED", "it broke")));
}

#[sqlx::test(migrator = "runplane::MIGRATOR")]
async fn what_is_not_retryable_has_no_other_attempt(mut conn: Conn) {
    let world = world(&mut conn).await;
    queued(&mut conn, world, "max_attempts = 5").await;
    let run = failed(&mut conn, world, Some(false)).await;
    assert_eq!((run.status, run.attempt), (RunStatus::Failed, 1));
}

#[sqlx::test(migrator = "runplane::MIGRATOR")]
async fn a_pull_run_waits_for_its_next_attempt_without_a_dispatch(mut conn: Conn) {
    let world = world(&mut conn).await;
    queued(&mut conn, world, "max_attempts = 2, dispatch = 'pull', dispatch_due_at = null").await;
    let run = failed(&mut conn, world, None).await;
    assert_eq!((run.status, run.dispatch_due_at), (RunStatus::Queued, None));
}

#[sqlx::test(migrator = "runplane::MIGRATOR")]
async fn the_backoff_of_a_spec_without_one_or_with_nonsense_stays_within_bounds(mut conn: Conn) {
    // What the spec says; the attempt that failed; the limit in seconds, which full jitter stays below.
    for (spec, attempt, limit) in [
        (json!({}), 1, 2.0),
        (json!({}), 4, 16.0),
        (json!({}), 19, 900.0),
        (json!({"retry": {"delay_seconds": "x", "backoff_rate": null, "max_delay_seconds": []}}), 2, 4.0),
        (json!({"retry": {"delay_seconds": -5}}), 3, 0.0),
        (json!({"retry": {"backoff_rate": 1e300, "delay_seconds": 1}}), 2, 10.0),
        (json!({"retry": {"delay_seconds": 1e300, "max_delay_seconds": 1e300}}), 1, 86400.0),
        (json!({"retry": 3}), 1, 2.0),
    ] {
        let delays = |jitter: &str| {
            let mut spec = spec.clone();
            if let Some(retry) = spec.get_mut("retry").and_then(|retry| retry.as_object_mut()) {
                retry.insert("jitter".to_owned(), json!(jitter));
            }
            spec
        };
        let sql =
            "select extract(epoch from retry_delay($1, $2))::double precision from generate_series(1, 50)";
        let full: Vec<f64> =
            sqlx::query_scalar(sql).bind(delays("full")).bind(attempt).fetch_all(&mut *conn).await.unwrap();
        assert!(full.iter().all(|delay| (0.0..=limit).contains(delay)), "{spec}: {full:?}");
        assert!(limit == 0.0 || full.iter().any(|delay| *delay != full[0]), "{spec}: no jitter");
        if spec["retry"].is_object() {
            let none: f64 = sqlx::query_scalar(sql)
                .bind(delays("none"))
                .bind(attempt)
                .fetch_one(&mut *conn)
                .await
                .unwrap();
            assert_eq!(none, limit, "{spec}");
        }
    }
}

/// Retries a run without a key.
async fn retry(conn: &mut PgConnection, id: Uuid, request: &RetryRequest) -> Result<Run, RetryError> {
    runs::retry(conn, &ParamsCache::default(), Scope::All, id, request, None).await.map(|created| created.run)
}

#[sqlx::test(migrator = "runplane::MIGRATOR")]
async fn a_retry_is_a_new_run_of_the_same_lineage(mut conn: Conn) {
    let world = world(&mut conn).await;
    let set = "priority = 7, labels = '{\"team\": \"a\"}', queue = 'q', max_attempts = 2, max_lost = 1, trigger_type = 'cron',
               parameters = '{\"n\": 1}', status = 'FAILED', finished_at = now(), dispatch_due_at = null,
               start_by = now(), available_at = now() + interval '1 h'";
    let first = queued(&mut conn, world, set).await;
    let second = retry(&mut conn, first, &RetryRequest::default()).await.unwrap();
    assert_eq!((second.retry_of_run_id, second.root_run_id), (Some(first), first));
    assert_eq!(
        (second.status, second.attempt, second.trigger_type.as_str()),
        (RunStatus::Queued, 1, "retry")
    );
    assert_eq!((second.priority, second.queue.as_str(), &second.parameters), (7, "q", &json!({"n": 1})));
    assert_eq!((second.max_attempts, second.max_lost, second.labels["team"].as_str()), (2, 1, "a"));
    // What was about the first run's time is not.
    assert_eq!((second.start_by, second.available_at), (None, second.created_at));
    assert_eq!((second.dispatch, second.dispatch_due_at), (Dispatch::Push, Some(second.created_at)));

    change(&mut conn, second.id, "status = 'CANCELLED', finished_at = now(), dispatch_due_at = null").await;
    let request: RetryRequest = serde_json::from_value(json!({"parameters": {"n": 2}})).unwrap();
    let third = retry(&mut conn, second.id, &request).await.unwrap();
    assert_eq!((third.retry_of_run_id, third.root_run_id), (Some(second.id), first));
    assert_eq!(third.parameters, json!({"n": 2}));
}

#[sqlx::test(migrator = "runplane::MIGRATOR")]
async fn only_what_ended_badly_is_retried(mut conn: Conn) {
    let world = world(&mut conn).await;
    for status in RunStatus::ALL {
        let id = Row::new(status).insert(&mut conn, world).await;
        let answer = retry(&mut conn, id, &RetryRequest::default()).await;
        match (status, answer) {
            (RunStatus::Failed | RunStatus::Cancelled, Ok(_)) => {}
            (_, Err(RetryError::InvalidTransition(found))) => assert_eq!(found, status),
            (_, answer) => panic!("{status:?}: {answer:?}"),
        }
    }
    let unknown = retry(&mut conn, Uuid::now_v7(), &RetryRequest::default()).await;
    assert!(matches!(unknown, Err(RetryError::NotFound)), "{unknown:?}");
    let id = Row::new(RunStatus::Failed).insert(&mut conn, world).await;
    let foreign = runs::retry(
        &mut conn,
        &ParamsCache::default(),
        Scope::Tenant(Uuid::now_v7()),
        id,
        &RetryRequest::default(),
        None,
    )
    .await;
    assert!(matches!(foreign, Err(RetryError::NotFound)), "{foreign:?}");
}

#[sqlx::test(migrator = "runplane::MIGRATOR")]
async fn another_version_has_to_be_an_approved_one_of_the_same_pipeline(mut conn: Conn) {
    let world = world(&mut conn).await;
    let id = Row::new(RunStatus::Failed).insert(&mut conn, world).await;
    let mut version = async |pipeline: Uuid, status: &str, spec: serde_json::Value| {
        let version = Uuid::now_v7();
        sqlx::query(
            "insert into pipeline_versions (id, tenant_id, pipeline_id, version, status, dag_spec, approved_at)
             values ($1, $2, $3, $1::text, $4, $5, case when $4 <> 'DRAFT' then now() end)",
        )
        .bind(version)
        .bind(world.tenant)
        .bind(pipeline)
        .bind(status)
        .bind(spec)
        .execute(&mut *conn)
        .await
        .unwrap();
        version
    };
    let next = version(world.pipeline, "APPROVED", json!({})).await;
    let draft = version(world.pipeline, "DRAFT", json!({})).await;
    let opaque = version(world.pipeline, "APPROVED", json!({"kind": "ours"})).await;
    let foreign = crate::support::world(&mut conn).await.version;
    let on = |version: Uuid| RetryRequest { pipeline_version_id: Some(version), ..RetryRequest::default() };
    assert_eq!(retry(&mut conn, id, &on(next)).await.unwrap().pipeline_version_id, next);
    assert!(matches!(retry(&mut conn, id, &on(draft)).await, Err(RetryError::VersionNotApproved)));
    assert!(matches!(retry(&mut conn, id, &on(foreign)).await, Err(RetryError::VersionNotFound)));
    assert!(retry(&mut conn, id, &on(opaque)).await.is_ok(), "a pull run may be of any kind");
    change(&mut conn, id, "dispatch = 'push'").await;
    let pushed = retry(&mut conn, id, &on(opaque)).await;
    assert!(matches!(&pushed, Err(RetryError::OpaqueSpecPushed { kind }) if kind == "ours"), "{pushed:?}");
}

#[sqlx::test(migrator = "runplane::MIGRATOR")]
async fn a_retry_with_an_idempotency_key_makes_one_run(mut conn: Conn) {
    let world = world(&mut conn).await;
    let id = Row::new(RunStatus::Failed).insert(&mut conn, world).await;
    let plain = RetryRequest::default();
    let first =
        runs::retry(&mut conn, &ParamsCache::default(), Scope::All, id, &plain, Some("key")).await.unwrap();
    let again =
        runs::retry(&mut conn, &ParamsCache::default(), Scope::All, id, &plain, Some("key")).await.unwrap();
    assert_eq!((first.new, again.new, again.run), (true, false, first.run));
    let other: RetryRequest = serde_json::from_value(json!({"parameters": {}})).unwrap();
    let reused = runs::retry(&mut conn, &ParamsCache::default(), Scope::All, id, &other, Some("key")).await;
    assert!(matches!(reused, Err(RetryError::IdempotencyKeyReused)), "{reused:?}");
    let create = runs::create(&mut conn, &ParamsCache::default(), &world.request(), Some("key")).await;
    assert!(matches!(create, Err(runs::CreateError::IdempotencyKeyReused)), "{create:?}");
}

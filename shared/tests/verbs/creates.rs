//! Create: defaults, refusals, idempotency, and the dispatch on the row.

use runplane::dag::ParamsCache;
use runplane::dispatch::Notice;
use runplane::runs::{self, CreateError, Dispatch, RunStatus};
use serde_json::json;
use sqlx::ConnectOptions;
use sqlx::postgres::{PgConnectOptions, PgPoolOptions};
use uuid::Uuid;

use crate::support::{row, world, world_with};

type Conn = sqlx::pool::PoolConnection<sqlx::Postgres>;

/// How long SQS is to delay the run's message.
fn delay(created: &runs::Created) -> Option<i32> {
    Notice::of(&created.run).map(|notice| notice.delay_seconds)
}

#[sqlx::test(migrator = "runplane::MIGRATOR")]
async fn the_smallest_request_gets_the_documented_defaults(mut conn: Conn) {
    let world = world(&mut conn).await;
    let created = runs::create(&mut conn, &ParamsCache::default(), &world.request(), None).await.unwrap();
    assert!(created.new && delay(&created) == Some(0));
    let run = created.run;
    assert_eq!(
        (run.tenant_id, run.pipeline_id, run.pipeline_version_id),
        (world.tenant, world.pipeline, world.version)
    );
    assert_eq!(
        (run.status, run.dispatch, run.trigger_type.as_str()),
        (RunStatus::Queued, Dispatch::Push, "manual")
    );
    assert_eq!((run.queue.as_str(), run.priority, run.max_attempts, run.max_lost), ("pipes", 5, 1, 3));
    assert_eq!((run.attempt, run.lost, run.claim_count), (1, 0, 0));
    assert_eq!((run.parameters, run.labels.len()), (json!({}), 0));
    assert_eq!((run.available_at, run.dispatch_due_at), (run.created_at, Some(run.created_at)));
    assert_eq!((run.retry_of_run_id, run.root_run_id), (None, run.id));
    assert_eq!(run.id.get_version_num(), 7);
}

#[sqlx::test(migrator = "runplane::MIGRATOR")]
async fn a_pull_run_has_no_dispatch_and_a_delayed_one_has_it_later(mut conn: Conn) {
    let world = world(&mut conn).await;
    let mut request = world.request();
    request.dispatch = Some(Dispatch::Pull);
    assert_eq!(
        runs::create(&mut conn, &ParamsCache::default(), &request, None).await.unwrap().run.dispatch_due_at,
        None
    );

    let mut request = world.request();
    request.run_after = Some(chrono::Utc::now() + chrono::TimeDelta::hours(1));
    let created = runs::create(&mut conn, &ParamsCache::default(), &request, None).await.unwrap();
    assert_eq!(created.run.dispatch_due_at, Some(created.run.available_at));
    assert_eq!(delay(&created), None, "an hour is too long for SQS");

    // Further away than seconds fit into 32 bits.
    request.run_after = Some("2199-01-01T00:00:00Z".parse().unwrap());
    assert_eq!(delay(&runs::create(&mut conn, &ParamsCache::default(), &request, None).await.unwrap()), None);

    request.run_after = Some("2020-01-01T00:00:00Z".parse().unwrap());
    let created = runs::create(&mut conn, &ParamsCache::default(), &request, None).await.unwrap();
    assert_eq!((created.run.available_at, delay(&created)), (created.run.created_at, Some(0)));
}

#[sqlx::test(migrator = "runplane::MIGRATOR")]
async fn max_attempts_comes_from_the_spec_whatever_stands_there(mut conn: Conn) {
    for (retry, max_attempts) in [
        (json!({"max_attempts": 4}), 4),
        (json!({"max_attempts": 1e9}), 20),
        (json!({"max_attempts": -3}), 1),
        (json!({"max_attempts": "many"}), 1),
        (json!("often"), 1),
        (json!(null), 1),
    ] {
        let world = world_with(&mut conn, "APPROVED", json!({"retry": retry})).await;
        let run = runs::create(&mut conn, &ParamsCache::default(), &world.request(), None).await.unwrap().run;
        assert_eq!(run.max_attempts, max_attempts, "{retry}");
    }
}

#[sqlx::test(migrator = "runplane::MIGRATOR")]
async fn a_run_needs_an_approved_version_of_its_own_tenant(mut conn: Conn) {
    let (mine, theirs) = (world(&mut conn).await, world(&mut conn).await);
    let mut request = mine.request();
    request.pipeline_version_id = theirs.version;
    let foreign = runs::create(&mut conn, &ParamsCache::default(), &request, None).await;
    assert!(matches!(foreign, Err(CreateError::VersionNotFound)), "{foreign:?}");
    request.tenant_id = Uuid::now_v7();
    let nobody = runs::create(&mut conn, &ParamsCache::default(), &request, None).await;
    assert!(matches!(nobody, Err(CreateError::TenantNotFound)), "{nobody:?}");
    for status in ["DRAFT", "DEPRECATED"] {
        let world = world_with(&mut conn, status, json!({})).await;
        let refused = runs::create(&mut conn, &ParamsCache::default(), &world.request(), None).await;
        assert!(matches!(refused, Err(CreateError::VersionNotApproved)), "{status}: {refused:?}");
    }
}

#[sqlx::test(migrator = "runplane::MIGRATOR")]
async fn an_opaque_spec_is_for_pulling_only(mut conn: Conn) {
    let world = world_with(&mut conn, "APPROVED", json!({"kind": "ours"})).await;
    let mut request = world.request();
    let pushed = runs::create(&mut conn, &ParamsCache::default(), &request, None).await;
    assert!(matches!(&pushed, Err(CreateError::OpaqueSpecPushed { kind }) if kind == "ours"), "{pushed:?}");
    request.dispatch = Some(Dispatch::Pull);
    runs::create(&mut conn, &ParamsCache::default(), &request, None).await.unwrap();
}

#[sqlx::test(migrator = "runplane::MIGRATOR")]
async fn an_idempotency_key_names_one_run_per_tenant(mut conn: Conn) {
    let (mine, theirs) = (world(&mut conn).await, world(&mut conn).await);
    let first = runs::create(&mut conn, &ParamsCache::default(), &mine.request(), Some("k")).await.unwrap();
    // The first run is the answer even if no new run of this version could be created any more.
    sqlx::query("update pipeline_versions set status = 'DEPRECATED' where id = $1")
        .bind(mine.version)
        .execute(&mut *conn)
        .await
        .unwrap();
    let again = runs::create(&mut conn, &ParamsCache::default(), &mine.request(), Some("k")).await.unwrap();
    assert_eq!((again.run, again.new), (first.run.clone(), false));
    let mut other = mine.request();
    other.priority = Some(9);
    let reused = runs::create(&mut conn, &ParamsCache::default(), &other, Some("k")).await;
    assert!(matches!(reused, Err(CreateError::IdempotencyKeyReused)), "{reused:?}");
    let foreign =
        runs::create(&mut conn, &ParamsCache::default(), &theirs.request(), Some("k")).await.unwrap();
    assert!(foreign.new && foreign.run.id != first.run.id);
}

#[sqlx::test(migrator = "runplane::MIGRATOR")]
async fn thirty_two_callers_with_one_key_get_one_run(_pool: PgPoolOptions, options: PgConnectOptions) {
    let mut conn = options.connect().await.unwrap();
    let world = world(&mut conn).await;
    let callers = (0..32).map(|_| {
        let options = options.clone();
        tokio::spawn(async move {
            let mut conn = options.connect().await.unwrap();
            runs::create(&mut conn, &ParamsCache::default(), &world.request(), Some("once")).await.unwrap()
        })
    });
    let mut answers = Vec::new();
    for caller in callers.collect::<Vec<_>>() {
        answers.push(caller.await.unwrap());
    }
    assert_eq!(answers.iter().filter(|created| created.new).count(), 1);
    assert!(answers.iter().all(|created| created.run == answers[0].run));
}

#[sqlx::test(migrator = "runplane::MIGRATOR")]
async fn a_dispatch_is_cleared_only_if_it_is_still_the_one_that_was_sent(mut conn: Conn) {
    let world = world(&mut conn).await;
    let run = runs::create(&mut conn, &ParamsCache::default(), &world.request(), None).await.unwrap().run;
    let due_at = run.dispatch_due_at.unwrap();
    let earlier = due_at - chrono::TimeDelta::microseconds(1);
    runs::mark_dispatched(&mut conn, world.tenant, run.id, earlier).await.unwrap();
    assert_ne!(row(&mut conn, run.id).await["dispatch_due_at"], json!(null));
    runs::mark_dispatched(&mut conn, world.tenant, run.id, due_at).await.unwrap();
    assert_eq!(row(&mut conn, run.id).await["dispatch_due_at"], json!(null));
}

#[sqlx::test(migrator = "runplane::MIGRATOR")]
async fn a_dispatch_that_leads_to_no_claim_is_due_again_after_1_2_4_and_at_most_30_minutes(mut conn: Conn) {
    let world = world(&mut conn).await;
    let run = runs::create(&mut conn, &ParamsCache::default(), &world.request(), None).await.unwrap().run;
    for minutes in [1, 2, 4, 8, 16, 30, 30] {
        let due_at =
            sqlx::query_scalar("update pipeline_runs set dispatch_due_at = now() returning dispatch_due_at")
                .fetch_one(&mut *conn)
                .await
                .unwrap();
        runs::mark_dispatched(&mut conn, world.tenant, run.id, due_at).await.unwrap();
        let distance: i32 = sqlx::query_scalar(
            "select extract(epoch from redispatch_at - updated_at)::integer / 60 from pipeline_runs",
        )
        .fetch_one(&mut *conn)
        .await
        .unwrap();
        assert_eq!(distance, minutes);
    }
}

#[sqlx::test(migrator = "runplane::MIGRATOR")]
async fn a_start_by_that_is_past_is_refused_but_not_of_a_run_that_is_there(mut conn: Conn) {
    let world = world(&mut conn).await;
    let mut request = world.request();
    request.start_by = Some(chrono::Utc::now() + chrono::TimeDelta::hours(1));
    let run = runs::create(&mut conn, &ParamsCache::default(), &request, Some("key")).await.unwrap().run;
    assert_eq!(
        run.start_by.map(|time| time.timestamp_micros()),
        request.start_by.map(|time| time.timestamp_micros())
    );

    request.start_by = Some("2020-01-01T00:00:00Z".parse().unwrap());
    let refused = runs::create(&mut conn, &ParamsCache::default(), &request, None).await;
    assert!(matches!(refused, Err(CreateError::StartByPast)), "{refused:?}");
    // The same request again, after its time: the run that it made.
    let made = "insert into pipeline_runs (id, root_run_id, tenant_id, pipeline_id, pipeline_version_id, idempotency_key,
                  request_sha256, start_by)
                select $1, $1, tenant_id, pipeline_id, pipeline_version_id, 'late', $2, $3 from pipeline_runs limit 1";
    let id = Uuid::now_v7();
    let mut text = serde_json::to_value(&request).unwrap();
    text.as_object_mut().unwrap().retain(|_, value| !value.is_null());
    text.sort_all_objects();
    let digest = <sha2::Sha256 as sha2::Digest>::digest(text.to_string()).to_vec();
    sqlx::query(made).bind(id).bind(digest).bind(request.start_by).execute(&mut *conn).await.unwrap();
    let again = runs::create(&mut conn, &ParamsCache::default(), &request, Some("late")).await.unwrap();
    assert_eq!((again.run.id, again.new), (id, false));
}

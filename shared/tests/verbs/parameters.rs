//! Parameters against what the version asks of them, when a run is created and when it is retried.

use runplane::dag::ParamsCache;
use runplane::problem::FieldError;
use runplane::runs::{self, CreateError, CreateRequest, RetryError, RetryRequest, RunStatus};
use runplane::scope::Scope;
use serde_json::{Value, json};
use sqlx::PgConnection;
use uuid::Uuid;

use crate::support::{Row, World, world_with};

type Conn = sqlx::pool::PoolConnection<sqlx::Postgres>;

/// A version that asks for a date and has a default.
fn spec() -> Value {
    json!({"params": {
        "properties": {
            "since": {"type": "string", "format": "date"},
            "limits": {"type": "object", "properties": {"rows": {"type": "integer", "default": 10}}},
            "min_total": {"type": "number", "default": 100},
        },
        "required": ["since"],
        "additionalProperties": false,
    }})
}

fn request(world: World, parameters: Value) -> CreateRequest {
    CreateRequest { parameters: serde_json::from_value(parameters).unwrap(), ..world.request() }
}

fn pointers(faults: &[FieldError]) -> Vec<&str> {
    faults.iter().map(|fault| fault.pointer.as_str()).collect()
}

async fn runs_of(conn: &mut PgConnection, world: World) -> i64 {
    sqlx::query_scalar("select count(*) from pipeline_runs where tenant_id = $1")
        .bind(world.tenant)
        .fetch_one(conn)
        .await
        .unwrap()
}

#[sqlx::test(migrator = "runplane::MIGRATOR")]
async fn a_run_gets_the_defaults_of_what_was_left_out(mut conn: Conn) {
    let world = world_with(&mut conn, "APPROVED", spec()).await;
    let cache = ParamsCache::default();
    for _cold_then_warm in 0..2 {
        let request = request(world, json!({"since": "2026-11-24", "limits": {}}));
        let run = runs::create(&mut conn, &cache, &request, None).await.unwrap().run;
        let all = json!({"since": "2026-11-24", "limits": {"rows": 10}, "min_total": 100});
        assert_eq!(run.parameters, all);
    }
}

#[sqlx::test(migrator = "runplane::MIGRATOR")]
async fn parameters_that_the_version_does_not_allow_create_nothing(mut conn: Conn) {
    let world = world_with(&mut conn, "APPROVED", spec()).await;
    let cache = ParamsCache::default();
    for _cold_then_warm in 0..2 {
        let wrong = request(world, json!({"since": "yesterday", "limits": {"rows": 0.5}, "mintotal": 1}));
        match runs::create(&mut conn, &cache, &wrong, Some("key")).await {
            Err(CreateError::InvalidParameters(faults)) => {
                assert_eq!(
                    pointers(&faults),
                    ["/parameters/limits/rows", "/parameters/mintotal", "/parameters/since"]
                );
            }
            other => panic!("{other:?}"),
        }
        // Left out altogether.
        match runs::create(&mut conn, &cache, &world.request(), None).await {
            Err(CreateError::InvalidParameters(faults)) => {
                assert_eq!(pointers(&faults), ["/parameters/since"])
            }
            other => panic!("{other:?}"),
        }
    }
    assert_eq!(runs_of(&mut conn, world).await, 0);
}

#[sqlx::test(migrator = "runplane::MIGRATOR")]
async fn a_version_that_is_unknown_or_not_approved_is_told_before_wrong_parameters(mut conn: Conn) {
    let world = world_with(&mut conn, "APPROVED", spec()).await;
    let foreign = world_with(&mut conn, "APPROVED", spec()).await;
    let cache = ParamsCache::default();
    let wrong = request(world, json!({"since": 1}));
    for _cold_then_warm in 0..2 {
        let elsewhere = CreateRequest { pipeline_version_id: foreign.version, ..wrong.clone() };
        let answer = runs::create(&mut conn, &cache, &elsewhere, None).await;
        assert!(matches!(answer, Err(CreateError::VersionNotFound)), "{answer:?}");
        let nobody = CreateRequest { tenant_id: Uuid::now_v7(), ..wrong.clone() };
        let answer = runs::create(&mut conn, &cache, &nobody, None).await;
        assert!(matches!(answer, Err(CreateError::TenantNotFound)), "{answer:?}");
        // Warm: both versions are known now.
        for world in [world, foreign] {
            let right = request(world, json!({"since": "2026-11-24"}));
            runs::create(&mut conn, &cache, &right, None).await.unwrap();
        }
    }
    sqlx::query("update pipeline_versions set status = 'DEPRECATED'").execute(&mut *conn).await.unwrap();
    for cache in [cache, ParamsCache::default()] {
        let answer = runs::create(&mut conn, &cache, &wrong, None).await;
        assert!(matches!(answer, Err(CreateError::VersionNotApproved)), "{answer:?}");
    }
}

#[sqlx::test(migrator = "runplane::MIGRATOR")]
async fn a_repeated_request_gets_its_run_whatever_has_become_of_the_version(mut conn: Conn) {
    let world = world_with(&mut conn, "APPROVED", spec()).await;
    let cache = ParamsCache::default();
    let mine = request(world, json!({"since": "2026-11-24"}));
    let run = runs::create(&mut conn, &cache, &mine, Some("key")).await.unwrap().run;
    // The digest is that of the request, not of what the defaults made of it.
    let written_out = request(world, json!({"since": "2026-11-24", "min_total": 100}));
    let answer = runs::create(&mut conn, &cache, &written_out, Some("key")).await;
    assert!(matches!(answer, Err(CreateError::IdempotencyKeyReused)), "{answer:?}");
    // A key that was used for another body is told before what is wrong with this one.
    let wrong = request(world, json!({}));
    let answer = runs::create(&mut conn, &cache, &wrong, Some("key")).await;
    assert!(matches!(answer, Err(CreateError::IdempotencyKeyReused)), "{answer:?}");

    sqlx::query("update pipeline_versions set status = 'DEPRECATED'").execute(&mut *conn).await.unwrap();
    for cache in [cache, ParamsCache::default()] {
        let again = runs::create(&mut conn, &cache, &mine, Some("key")).await.unwrap();
        assert_eq!((again.new, &again.run), (false, &run));
    }
}

#[sqlx::test(migrator = "runplane::MIGRATOR")]
async fn what_is_opaque_asks_nothing_and_params_that_are_no_schema_are_told(mut conn: Conn) {
    let opaque =
        world_with(&mut conn, "APPROVED", json!({"kind": "ours", "params": {"required": ["x"]}})).await;
    let cache = ParamsCache::default();
    let mut pulled = opaque.request();
    pulled.dispatch = Some(runs::Dispatch::Pull);
    runs::create(&mut conn, &cache, &pulled, None).await.unwrap();
    // Approved before anybody looked at params.
    let broken = world_with(&mut conn, "APPROVED", json!({"params": {"type": "strng"}})).await;
    let answer = runs::create(&mut conn, &cache, &broken.request(), None).await;
    assert!(matches!(answer, Err(CreateError::Params(_))), "{answer:?}");
}

#[sqlx::test(migrator = "runplane::MIGRATOR")]
async fn a_retry_checks_parameters_that_are_new_and_those_of_the_run_against_another_version(mut conn: Conn) {
    let world = world_with(&mut conn, "APPROVED", spec()).await;
    // Made before the version asked for anything.
    let run = Row::new(RunStatus::Failed).insert(&mut conn, world).await;
    let cache = ParamsCache::default();
    let mut retry = async |request: &RetryRequest| {
        runs::retry(&mut conn, &cache, Scope::All, run, request, None).await.map(|created| created.run)
    };
    let with = |parameters: Value| RetryRequest {
        parameters: serde_json::from_value(parameters).unwrap(),
        ..RetryRequest::default()
    };
    for _cold_then_warm in 0..2 {
        match retry(&with(json!({"since": true}))).await {
            Err(RetryError::InvalidParameters(faults)) => {
                assert_eq!(pointers(&faults), ["/parameters/since"])
            }
            other => panic!("{other:?}"),
        }
        let retried = retry(&with(json!({"since": "2026-11-24"}))).await.unwrap();
        assert_eq!(retried.parameters, json!({"since": "2026-11-24", "min_total": 100}));
    }
    // As it was, it is not asked again: what ran may run once more.
    assert_eq!(retry(&RetryRequest::default()).await.unwrap().parameters, json!({}));
    // Named, even if it is the same one, the version is asked.
    let on = RetryRequest { pipeline_version_id: Some(world.version), ..RetryRequest::default() };
    match retry(&on).await {
        Err(RetryError::InvalidParameters(faults)) => assert_eq!(pointers(&faults), ["/parameters/since"]),
        other => panic!("{other:?}"),
    }
    let both =
        RetryRequest { pipeline_version_id: Some(world.version), ..with(json!({"since": "2026-11-24"})) };
    retry(&both).await.unwrap();
}

#[sqlx::test(migrator = "runplane::MIGRATOR")]
async fn a_retry_that_is_refused_is_told_so_before_its_parameters(mut conn: Conn) {
    let world = world_with(&mut conn, "APPROVED", spec()).await;
    let cache = ParamsCache::default();
    let wrong: RetryRequest = serde_json::from_value(json!({"parameters": {"since": 1}})).unwrap();
    let right: RetryRequest = serde_json::from_value(json!({"parameters": {"since": "2026-11-24"}})).unwrap();
    let running = Row::new(RunStatus::Running).insert(&mut conn, world).await;
    let answer = runs::retry(&mut conn, &cache, Scope::All, running, &wrong, None).await;
    assert!(matches!(answer, Err(RetryError::InvalidTransition(RunStatus::Running))), "{answer:?}");

    let failed = Row::new(RunStatus::Failed).insert(&mut conn, world).await;
    let elsewhere = Scope::Tenant(Uuid::now_v7());
    let answer = runs::retry(&mut conn, &cache, elsewhere, failed, &wrong, None).await;
    assert!(matches!(answer, Err(RetryError::NotFound)), "{answer:?}");
    let first = runs::retry(&mut conn, &cache, Scope::All, failed, &right, Some("key")).await.unwrap();

    sqlx::query("update pipeline_versions set status = 'DEPRECATED'").execute(&mut *conn).await.unwrap();
    let answer = runs::retry(&mut conn, &cache, Scope::All, failed, &wrong, None).await;
    assert!(matches!(answer, Err(RetryError::VersionNotApproved)), "{answer:?}");
    // But the same request again gets its run.
    let again = runs::retry(&mut conn, &cache, Scope::All, failed, &right, Some("key")).await.unwrap();
    assert_eq!((again.new, again.run), (false, first.run));
}

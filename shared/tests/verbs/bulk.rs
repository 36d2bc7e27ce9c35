//! The bulk verbs: item by item what the single verbs answer, however the batch is made up, and no two batches wait for each other.

use std::collections::HashMap;

use runplane::dag::ParamsCache;
use runplane::runs::{
    self, Beat, CompleteError, CompleteRequest, Completion, CreateRequest, CreatedSummary, Creation,
    HeartbeatError, HeartbeatRequest, Outcome, RunStatus, RunSummary,
};
use runplane::scope::Scope;
use serde_json::{Value, json};
use sqlx::postgres::{PgConnectOptions, PgPoolOptions};
use sqlx::{ConnectOptions, Connection, PgConnection};
use uuid::Uuid;

use crate::support::{Row, World, change, claim_by_id, queued, world, world_with};

type Conn = sqlx::pool::PoolConnection<sqlx::Postgres>;

/// Batches that are tried; each of another make-up.
const BATCHES: u64 = 60;
/// Items of each, over fewer runs: some are named several times.
const ITEMS: usize = 12;
const RUNS: usize = 7;

/// Numbers that look random and are the same every time.
struct Dice(u64);

impl Dice {
    /// 0 to `sides` - 1.
    fn roll(&mut self, sides: usize) -> usize {
        // Knuth's MMIX.
        self.0 = self.0.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        (self.0 >> 33) as usize % sides
    }

    fn one_of<T: Clone>(&mut self, all: &[T]) -> T {
        all[self.roll(all.len())].clone()
    }
}

/// Runs in any state, with the token that is right for each, or was.
async fn some_runs(conn: &mut PgConnection, world: World, dice: &mut Dice) -> Vec<(Uuid, Uuid)> {
    let mut runs = Vec::new();
    for _ in 0..RUNS {
        // Every other one is RUNNING.
        let status = if dice.roll(2) == 0 { RunStatus::Running } else { dice.one_of(&RunStatus::ALL) };
        let mut row = Row::new(status);
        row.claim_count = dice.one_of(&[1, 2]);
        row.lease_alive = dice.roll(3) > 0;
        row.attempt_outcome = if status == RunStatus::Queued {
            dice.one_of(&[None, Some("FAILED"), Some("LOST")])
        } else {
            None
        };
        runs.push((row.insert(conn, world).await, row.token));
    }
    runs
}

/// Everything that is stored of runs and attempts.
async fn everything(conn: &mut PgConnection) -> Value {
    let all = "select jsonb_build_array(
      (select jsonb_agg(to_jsonb(r) - 'id' - 'root_run_id' order by r.created_at, r.idempotency_key, to_jsonb(r) ->> 'parameters', r.id)
       from pipeline_runs r),
      (select jsonb_agg(to_jsonb(a) order by a.run_id, a.claim_number) from run_attempts a))";
    sqlx::query_scalar(all).fetch_one(conn).await.unwrap()
}

fn scope_and_run(dice: &mut Dice, world: World, runs: &[(Uuid, Uuid)]) -> (Scope, Uuid, Option<Uuid>) {
    let scope =
        dice.one_of(&[Scope::All, Scope::Tenant(world.tenant), Scope::All, Scope::Tenant(Uuid::nil())]);
    let (id, token) = dice.one_of(runs);
    let id = if dice.roll(10) == 0 { Uuid::nil() } else { id };
    (scope, id, dice.one_of(&[Some(token), Some(token), Some(Uuid::nil()), None]))
}

/// A tenant whose runs wait as long as their attempt says, and not at random.
async fn steady_world(conn: &mut PgConnection) -> World {
    world_with(conn, "APPROVED", json!({"retry": {"jitter": "none"}})).await
}

#[sqlx::test(migrator = "runplane::MIGRATOR")]
async fn completions_are_answered_as_if_they_came_one_by_one(mut conn: Conn) {
    let world = steady_world(&mut conn).await;
    let mut seen = HashMap::new();
    for seed in 0..BATCHES {
        // In a transaction time stands still, so that both sides can be compared to the microsecond.
        let mut both = conn.begin().await.unwrap();
        let mut dice = Dice(seed);
        let runs = some_runs(&mut both, world, &mut dice).await;
        let items: Vec<_> = (0..ITEMS)
            .map(|number| {
                let (scope, run_id, lease_token) = scope_and_run(&mut dice, world, &runs);
                let mut request = CompleteRequest {
                    lease_token,
                    output: dice.one_of(&[None, Some(json!({"number": number}))]),
                    retryable: dice.one_of(&[None, Some(true), Some(false)]),
                    ..CompleteRequest::new(dice.one_of(&[Outcome::Succeeded, Outcome::Failed]))
                };
                if request.status == Outcome::Failed {
                    request.error_code = dice.one_of(&[None, Some("disk_full".to_owned())]);
                    request.error_message = dice.one_of(&[None, Some("x".repeat(9000))]);
                }
                (scope, run_id, request)
            })
            .collect();

        let mut apart = both.begin().await.unwrap();
        let mut expected = Vec::new();
        for (scope, run_id, request) in &items {
            expected.push(match runs::complete(&mut apart, *scope, *run_id, request).await {
                Ok(run) => Ok(RunSummary::from(run)),
                Err(CompleteError::Refused(refusal)) => Err(refusal),
                Err(CompleteError::Db(error)) => panic!("{error}"),
            });
        }
        let stored = everything(&mut apart).await;
        apart.rollback().await.unwrap();

        let batch: Vec<_> = items
            .iter()
            .map(|(scope, run_id, request)| Completion { scope: *scope, run_id: *run_id, request })
            .collect();
        let answers = runs::complete_all(&mut both, &batch).await.unwrap();
        assert_eq!(answers, expected, "batch {seed}");
        assert_eq!(everything(&mut both).await, stored, "batch {seed}");
        for answer in answers {
            let kind =
                answer.map_or_else(|refusal| format!("{refusal:?}"), |run| format!("{:?}", run.status));
            *seen.entry(kind).or_insert(0) += 1;
        }
        both.rollback().await.unwrap();
    }
    // Three ways of Ok, six refusals: the dice leave none out.
    assert_eq!(seen.len(), 9, "{seen:?}");
}

#[sqlx::test(migrator = "runplane::MIGRATOR")]
async fn heartbeats_are_answered_as_if_they_came_one_by_one(mut conn: Conn) {
    let world = steady_world(&mut conn).await;
    let mut seen = HashMap::new();
    for seed in 0..BATCHES {
        let mut both = conn.begin().await.unwrap();
        let mut dice = Dice(seed);
        let runs = some_runs(&mut both, world, &mut dice).await;
        let items: Vec<_> = (0..ITEMS)
            .map(|_| {
                let (scope, run_id, lease_token) = scope_and_run(&mut dice, world, &runs);
                let worker_id = dice.one_of(&[None, Some("worker".to_owned()), Some("another".to_owned())]);
                let lease_seconds = dice.one_of(&[None, Some(60)]);
                (scope, run_id, HeartbeatRequest { lease_token, worker_id, lease_seconds })
            })
            .collect();

        let mut apart = both.begin().await.unwrap();
        let mut expected = Vec::new();
        for (scope, run_id, request) in &items {
            expected.push(match runs::heartbeat(&mut apart, *scope, *run_id, request).await {
                Ok(reply) => Ok(reply),
                Err(HeartbeatError::Refused(refusal)) => Err(refusal),
                Err(HeartbeatError::Db(error)) => panic!("{error}"),
            });
        }
        let stored = everything(&mut apart).await;
        apart.rollback().await.unwrap();

        let batch: Vec<_> = items
            .iter()
            .map(|(scope, run_id, request)| Beat { scope: *scope, run_id: *run_id, request })
            .collect();
        let answers = runs::heartbeat_all(&mut both, &batch).await.unwrap();
        assert_eq!(answers, expected, "batch {seed}");
        assert_eq!(everything(&mut both).await, stored, "batch {seed}");
        for answer in answers {
            *seen
                .entry(answer.map_or_else(|refusal| format!("{refusal:?}"), |_| "Ok".to_owned()))
                .or_insert(0) += 1;
        }
        both.rollback().await.unwrap();
    }
    assert_eq!(seen.len(), 6, "{seen:?}");
}

/// Create requests of every kind, with keys that come again.
fn some_creations(dice: &mut Dice, worlds: &[World], foreign: World) -> Vec<(CreateRequest, Option<String>)> {
    let mut items: Vec<(CreateRequest, Option<String>)> = Vec::new();
    for number in 0..ITEMS {
        if number > 0 && dice.roll(4) == 0 {
            items.push(dice.one_of(&items));
            continue;
        }
        let world = dice.one_of(worlds);
        let tenant = dice.one_of(&[world.tenant, world.tenant, world.tenant, foreign.tenant, Uuid::nil()]);
        let mut body = json!({"tenant_id": tenant, "pipeline_version_id": world.version});
        if dice.roll(3) > 0 {
            body["parameters"] = dice.one_of(&[json!({"day": 1}), json!({"day": 2}), json!({"day": "x"})]);
        }
        if dice.roll(3) == 0 {
            body["dispatch"] = json!("pull");
            body["queue"] = json!(format!("queue-{number}"));
            body["max_attempts"] = json!(4);
            body["labels"] = json!({"number": number.to_string()});
        }
        if dice.roll(6) == 0 {
            body["start_by"] = dice.one_of(&[json!("2001-01-01T00:00:00Z"), json!("2101-01-01T00:00:00Z")]);
        }
        if dice.roll(6) == 0 {
            body["run_after"] = json!("2100-01-01T00:00:00Z");
        }
        let key = dice.one_of(&[None, None, Some("a"), Some("b"), Some("c")]);
        items.push((serde_json::from_value(body).unwrap(), key.map(str::to_owned)));
    }
    items
}

/// Ids are new every time: the number of the item that made the run stands for each.
fn numbered(answers: Vec<Result<CreatedSummary, String>>) -> Vec<Result<(usize, RunSummary, bool), String>> {
    let mut first = HashMap::new();
    let numbered = answers.into_iter().enumerate().map(|(number, answer)| {
        answer.map(|CreatedSummary { run, new }| {
            let made_by = *first.entry(run.id).or_insert(number);
            (made_by, RunSummary { id: Uuid::nil(), ..run }, new)
        })
    });
    numbered.collect()
}

#[sqlx::test(migrator = "runplane::MIGRATOR")]
async fn creations_are_answered_as_if_they_came_one_by_one(mut conn: Conn) {
    let params = json!({"params": {"properties": {"day": {"type": "integer", "default": 3}}}});
    let worlds = [
        world_with(&mut conn, "APPROVED", json!({"retry": {"max_attempts": 3}})).await,
        world_with(&mut conn, "APPROVED", params).await,
        world_with(&mut conn, "DRAFT", json!({})).await,
        world_with(&mut conn, "APPROVED", json!({"kind": "other"})).await,
        world_with(&mut conn, "APPROVED", json!({"params": {"type": 1}})).await,
    ];
    let foreign = world(&mut conn).await;
    let cache = ParamsCache::default();
    let mut seen = HashMap::new();
    for seed in 0..BATCHES {
        let mut both = conn.begin().await.unwrap();
        let items = some_creations(&mut Dice(seed), &worlds, foreign);

        let mut apart = both.begin().await.unwrap();
        let mut expected = Vec::new();
        for (request, key) in &items {
            let created = runs::create(&mut apart, &ParamsCache::default(), request, key.as_deref()).await;
            expected.push(
                created
                    .map(|created| CreatedSummary { run: created.run.into(), new: created.new })
                    .map_err(|error| format!("{error:?}")),
            );
        }
        let stored = everything(&mut apart).await;
        apart.rollback().await.unwrap();

        let batch: Vec<_> = items
            .iter()
            .map(|(request, key)| Creation { request, idempotency_key: key.as_deref(), scheduled: None })
            .collect();
        // Whatever the cache knows by now.
        let answers = runs::create_all(&mut both, &cache, &batch).await.unwrap();
        let answers: Vec<_> =
            answers.into_iter().map(|answer| answer.map_err(|error| format!("{error:?}"))).collect();
        for answer in &answers {
            let kind = match answer {
                Ok(created) => format!("new: {}", created.new),
                Err(error) => error.split(['(', ' ']).next().unwrap().to_owned(),
            };
            *seen.entry(kind).or_insert(0) += 1;
        }
        assert_eq!(numbered(answers), numbered(expected), "batch {seed}");
        assert_eq!(everything(&mut both).await, stored, "batch {seed}");
        both.rollback().await.unwrap();
    }
    // Two ways of Ok, eight refusals.
    assert_eq!(seen.len(), 10, "{seen:?}");
}

#[sqlx::test(migrator = "runplane::MIGRATOR")]
async fn batches_over_the_same_runs_in_other_orders_do_not_wait_for_each_other(
    _pool: PgPoolOptions,
    options: PgConnectOptions,
) {
    let mut seed = options.connect().await.unwrap();
    let world = world(&mut seed).await;
    let mut runs = Vec::new();
    for _ in 0..20 {
        let row = Row::new(RunStatus::Running);
        runs.push((row.insert(&mut seed, world).await, row.token));
    }
    // In a large table Postgres goes through the runs as they were named; in this small one it has to be told to.
    let one_by_one = ["enable_hashjoin", "enable_mergejoin", "enable_seqscan"].map(|way| (way, "off"));
    let options = options.options(one_by_one);
    let mut tasks = tokio::task::JoinSet::new();
    for number in 0..4 {
        let mut conn = options.connect().await.unwrap();
        let mut runs = runs.clone();
        if number % 2 == 0 {
            runs.reverse();
        }
        tasks.spawn(async move {
            for _ in 0..50 {
                let requests: Vec<_> = runs
                    .iter()
                    .map(|(_, token)| HeartbeatRequest { lease_token: Some(*token), ..Default::default() })
                    .collect();
                let beats: Vec<_> = runs
                    .iter()
                    .zip(&requests)
                    .map(|((run_id, _), request)| Beat { scope: Scope::All, run_id: *run_id, request })
                    .collect();
                let answers = runs::heartbeat_all(&mut conn, &beats).await.unwrap();
                assert!(answers.iter().all(Result::is_ok));
                let ids: Vec<_> = runs.iter().map(|(id, _)| (Scope::All, *id)).collect();
                assert_eq!(runs::claim_by_ids(&mut conn, &ids, "thief", 30).await.unwrap(), []);
            }
        });
    }
    tasks.join_all().await;
}

#[sqlx::test(migrator = "runplane::MIGRATOR")]
async fn creations_with_the_same_keys_in_other_orders_do_not_wait_for_each_other(
    _pool: PgPoolOptions,
    options: PgConnectOptions,
) {
    let mut seed = options.connect().await.unwrap();
    let world = world(&mut seed).await;
    for round in 0..30 {
        let mut tasks = tokio::task::JoinSet::new();
        for number in 0..4 {
            let mut conn = options.connect().await.unwrap();
            tasks.spawn(async move {
                let mut keys: Vec<_> = (0..20).map(|key| format!("{round}-{key}")).collect();
                if number % 2 == 0 {
                    keys.reverse();
                }
                let request = world.request();
                let items: Vec<_> = keys
                    .iter()
                    .map(|key| Creation { request: &request, idempotency_key: Some(key), scheduled: None })
                    .collect();
                let answers = runs::create_all(&mut conn, &ParamsCache::default(), &items).await.unwrap();
                answers.into_iter().filter(|answer| answer.as_ref().unwrap().new).count()
            });
        }
        assert_eq!(tasks.join_all().await.into_iter().sum::<usize>(), 20, "each key made one run");
    }
}

#[sqlx::test(migrator = "runplane::MIGRATOR")]
async fn each_run_of_several_is_claimed_once_in_its_scope_and_says_whether_it_is_limited(mut conn: Conn) {
    let (ours, theirs) = (world(&mut conn).await, world(&mut conn).await);
    let due = queued(&mut conn, ours, "").await;
    let keyed = queued(&mut conn, ours, "concurrency_key = 'k'").await;
    let delayed = queued(&mut conn, ours, "available_at = now() + interval '1 h'").await;
    let foreign = queued(&mut conn, theirs, "").await;
    let held = queued(&mut conn, ours, "").await;
    claim_by_id(&mut conn, Scope::All, held, "zombie").await.unwrap();
    let lost = queued(&mut conn, ours, "").await;
    claim_by_id(&mut conn, Scope::All, lost, "zombie").await.unwrap();
    change(&mut conn, lost, "lease_expires_at = now() - interval '1 s'").await;

    let scope = Scope::Tenant(ours.tenant);
    let asked = [
        (Scope::Tenant(theirs.tenant), due),
        (scope, lost),
        (scope, due),
        (Scope::All, due),
        (scope, keyed),
        (scope, delayed),
        (scope, foreign),
        (scope, held),
        (scope, Uuid::nil()),
        (scope, lost),
    ];
    let mut claims = runs::claim_by_ids(&mut conn, &asked, "heir", 30).await.unwrap();
    claims.sort_by_key(|claim| claim.run.run.id);
    let told: Vec<_> =
        claims.iter().map(|c| (c.run.run.id, c.run.run.claim_count, c.run.run.lost, c.limited)).collect();
    assert_eq!(told, [(due, 1, 0, false), (keyed, 1, 0, true), (lost, 2, 1, false)]);
    let there = runs::exist(&mut conn, &asked).await.unwrap();
    let mut there: Vec<_> = there.into_iter().collect();
    there.sort_unstable();
    assert_eq!(there, [1, 2, 3, 4, 5, 7, 9]);

    for table in ["tenants", "pipelines"] {
        let limit = |to: &str| sqlx::AssertSqlSafe(format!("update {table} set max_running = {to}"));
        sqlx::query(limit("50")).execute(&mut *conn).await.unwrap();
        let id = queued(&mut conn, ours, "").await;
        assert!(claim_by_id(&mut conn, Scope::All, id, "w").await.unwrap().limited, "{table}");
        sqlx::query(limit("null")).execute(&mut *conn).await.unwrap();
    }
}

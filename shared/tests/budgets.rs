//! How many requests keys with a limit may make, in all environments together.

#![allow(
    clippy::unwrap_used,
    reason = "a test may panic; clippy.toml allows it only in functions marked as tests"
)]

use http::HeaderMap;
use http::header::AUTHORIZATION;
use runplane::auth::{ApiKey, Auth, SECRET_BYTES};
use runplane::db::{Db, Plans, Pooler};
use runplane::problem::{Code, Problem};
use sqlx::postgres::{PgConnectOptions, PgPoolOptions};
use sqlx::{ConnectOptions as _, PgConnection};
use uuid::Uuid;

/// An environment of a function.
struct Environment {
    auth: Auth,
    db: Db,
}

impl Environment {
    fn new(options: &PgConnectOptions) -> Self {
        Self { auth: Auth::required(None), db: Db::new(options.clone(), Plans::Generic, Pooler::None) }
    }

    async fn call(&self, headers: &HeaderMap) -> Result<(), Problem> {
        self.auth.principal(headers, &self.db).await.map(drop)
    }
}

/// A key that makes so many requests a second.
async fn key(conn: &mut PgConnection, per_second: Option<i32>) -> (Uuid, HeaderMap) {
    let key = ApiKey::new(Uuid::now_v7(), [1; SECRET_BYTES]);
    sqlx::query(
        "insert into api_keys (id, name, roles, secret_sha256, created_by, requests_per_second)
         values ($1, 'w', '{worker}', $2, 'test', $3)",
    )
    .bind(key.id)
    .bind(key.digest().to_vec())
    .bind(per_second)
    .execute(conn)
    .await
    .unwrap();
    let bearer = format!("Bearer {}", key.text());
    (key.id, HeaderMap::from_iter([(AUTHORIZATION, bearer.parse().unwrap())]))
}

/// Lets so many seconds go by for a key.
async fn later(conn: &mut PgConnection, key: Uuid, seconds: f64) {
    sqlx::query(
        "update api_key_budgets set refilled_at = refilled_at - make_interval(secs => $2) where key_id = $1",
    )
    .bind(key)
    .bind(seconds)
    .execute(conn)
    .await
    .unwrap();
}

/// Leaves a key nothing, and lets nothing come in: however long what follows takes, only the next refill begins its time.
async fn spent(conn: &mut PgConnection, key: Uuid) {
    sqlx::query(
        "update api_key_budgets set tokens = 0, refilled_at = clock_timestamp() + interval '1 hour' where key_id = $1",
    )
    .bind(key)
    .execute(conn)
    .await
    .unwrap();
}

/// How many of so many calls are let through, each by the next of the environments, and what the others were told.
async fn let_through(
    environments: &[Environment],
    headers: &HeaderMap,
    calls: usize,
) -> (usize, Option<Problem>) {
    let (mut through, mut refused) = (0, None);
    for environment in environments.iter().cycle().take(calls) {
        match environment.call(headers).await {
            Ok(()) => through += 1,
            Err(problem) => refused = Some(problem),
        }
    }
    (through, refused)
}

#[sqlx::test(migrator = "runplane::MIGRATOR")]
async fn a_limit_holds_in_all_environments_together(_pool: PgPoolOptions, options: PgConnectOptions) {
    let mut conn = options.connect().await.unwrap();
    let (id, headers) = key(&mut conn, Some(20)).await;
    let environments: Vec<_> = (0..4).map(|_| Environment::new(&options)).collect();
    let began = std::time::Instant::now();
    let (through, refused) = let_through(&environments, &headers, 600).await;
    // Ten seconds' worth, and what came in while the calls were made.
    let most = 201 + (20.0 * began.elapsed().as_secs_f64()) as usize;
    assert!((100..=most).contains(&through), "{through} of {most}");
    let refused = refused.unwrap();
    assert_eq!((refused.code, refused.status()), (Code::RateLimited, 429));
    assert!(refused.retry_after.is_some_and(|seconds| (1..=10).contains(&seconds)), "{refused:?}");
    // A new environment has no other budget.
    spent(&mut conn, id).await;
    assert!(Environment::new(&options).call(&headers).await.is_err());
    later(&mut conn, id, 1.0).await;
    Environment::new(&options).call(&headers).await.unwrap();
}

#[sqlx::test(migrator = "runplane::MIGRATOR")]
async fn no_more_is_saved_up_than_ten_seconds_worth(_pool: PgPoolOptions, options: PgConnectOptions) {
    let mut conn = options.connect().await.unwrap();
    let (id, headers) = key(&mut conn, Some(1)).await;
    Environment::new(&options).call(&headers).await.unwrap();
    later(&mut conn, id, 86_400.0).await;
    let tokens = async |conn: &mut PgConnection| {
        let tokens = sqlx::query_scalar::<_, f64>("select tokens from api_key_budgets where key_id = $1");
        tokens.bind(id).fetch_one(conn).await.unwrap()
    };
    Environment::new(&options).call(&headers).await.unwrap();
    assert!((8.9..=9.0).contains(&tokens(&mut conn).await));
    // What one environment holds and does not use is not another's, so each of these has one.
    let (mut through, began) = (0, std::time::Instant::now());
    for _ in 0..30 {
        through += usize::from(Environment::new(&options).call(&headers).await.is_ok());
    }
    let most = 10 + began.elapsed().as_secs_f64() as usize;
    assert!((9..=most).contains(&through), "{through} of {most}");
}

#[sqlx::test(migrator = "runplane::MIGRATOR")]
async fn a_key_without_a_limit_has_no_budget(_pool: PgPoolOptions, options: PgConnectOptions) {
    let mut conn = options.connect().await.unwrap();
    let (_, headers) = key(&mut conn, None).await;
    let (through, refused) = let_through(&[Environment::new(&options)], &headers, 500).await;
    assert_eq!((through, refused.is_none()), (500, true));
    let budgets: i64 =
        sqlx::query_scalar("select count(*) from api_key_budgets").fetch_one(&mut conn).await.unwrap();
    assert_eq!(budgets, 0);
}

#[sqlx::test(migrator = "runplane::MIGRATOR")]
async fn whoever_has_another_secret_uses_up_nothing(_pool: PgPoolOptions, options: PgConnectOptions) {
    let mut conn = options.connect().await.unwrap();
    let (id, headers) = key(&mut conn, Some(1)).await;
    let bearer = format!("Bearer {}", ApiKey::new(id, [2; SECRET_BYTES]).text());
    let forged = HeaderMap::from_iter([(AUTHORIZATION, bearer.parse().unwrap())]);
    let environment = Environment::new(&options);
    for _ in 0..20 {
        assert_eq!(environment.call(&forged).await.unwrap_err().code, Code::Unauthenticated);
    }
    let (through, _) = let_through(&[environment], &headers, 8).await;
    assert!(through >= 3, "{through}");
    let used: Option<bool> =
        sqlx::query_scalar("select last_used_at is not null from api_keys where id = $1")
            .bind(id)
            .fetch_one(&mut conn)
            .await
            .unwrap();
    assert_eq!(used, Some(true));
}

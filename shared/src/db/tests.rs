//! What a connection that lay idle is worth, and what a connection string has to be for tokens. Logins on a real server are in `shared/tests/logins`.

use sqlx::postgres::PgPoolOptions;

use super::*;
use crate::functions;

/// The backend that a call is made on.
async fn backend(db: &Db) -> i32 {
    db.call(async |conn| sqlx::query_scalar("select pg_backend_pid()").fetch_one(conn).await).await.unwrap()
}

/// Lets it have lain idle for longer, by the clock of the day, as when the other one stood still.
async fn frozen_for(db: &Db, time: Duration) {
    let mut slot = db.slot.lock().await;
    let idle = slot.as_mut().unwrap();
    idle.since_time -= time;
}

#[sqlx::test(migrations = false)]
async fn a_connection_that_was_frozen_for_minutes_is_thrown_away(
    _: PgPoolOptions,
    options: PgConnectOptions,
) {
    let db = Db::new(options, Plans::Generic, Pooler::None);
    let first = backend(&db).await;
    // Pinged, and kept: a test may not be so slow that this is too long.
    frozen_for(&db, DROP_AFTER_IDLE / 2).await;
    assert_eq!(backend(&db).await, first);
    frozen_for(&db, DROP_AFTER_IDLE).await;
    assert_ne!(backend(&db).await, first);
}

/// What Postgres itself says about the connection of a call.
async fn setting(db: &Db, name: &'static str) -> (String, String) {
    let ask = "select setting, source from pg_settings where name = $1";
    db.call(async |conn| sqlx::query_as(ask).bind(name).fetch_one(conn).await).await.unwrap()
}

#[sqlx::test(migrations = false)]
async fn postgres_closes_a_connection_that_lies_idle_as_long_as_we_would_keep_it(
    _: PgPoolOptions,
    options: PgConnectOptions,
) {
    for plans in [Plans::Generic, Plans::Custom] {
        let db = Db::new(options.clone(), plans, Pooler::None);
        let milliseconds = DROP_AFTER_IDLE.as_millis().to_string();
        let set = setting(&db, "idle_session_timeout").await;
        assert_eq!(set, (milliseconds, "client".to_owned()), "{plans:?}");
    }
    // A pooler's lines are its own, and other clients have them next.
    let behind = Db::new(options, Plans::Generic, Pooler::Transaction);
    assert_ne!(setting(&behind, "idle_session_timeout").await.1, "client");
}

/// As when an environment is thawed that nobody has called for long: the caller notices nothing.
#[sqlx::test(migrations = false)]
async fn a_connection_that_postgres_has_closed_is_replaced(_: PgPoolOptions, options: PgConnectOptions) {
    let db = Db::new(options.clone(), Plans::Generic, Pooler::None).ping_after_idle(Duration::ZERO);
    let first = backend(&db).await;
    let short = async |conn: &mut PgConnection| {
        conn.execute("set idle_session_timeout = 1").await?;
        Ok::<_, sqlx::Error>(())
    };
    db.call(short).await.unwrap();
    let mut other = PgConnection::connect_with(&options).await.unwrap();
    let gone = "select not exists (select from pg_stat_activity where pid = $1)";
    while !sqlx::query_scalar::<_, bool>(gone).bind(first).fetch_one(&mut other).await.unwrap() {
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
    assert_ne!(backend(&db).await, first);
}

#[sqlx::test(migrations = false)]
async fn a_clock_that_is_set_back_does_not_count(_: PgPoolOptions, options: PgConnectOptions) {
    let db = Db::new(options, Plans::Generic, Pooler::None);
    let first = backend(&db).await;
    let mut slot = db.slot.lock().await;
    let idle = slot.as_mut().unwrap();
    idle.since_time += Duration::from_secs(3600);
    let by_the_other_clock = idle.since.elapsed();
    assert!(idle.lay_idle() >= by_the_other_clock && idle.lay_idle() < DROP_AFTER_IDLE);
    drop(slot);
    assert_eq!(backend(&db).await, first);
}

/// As opposed to all that would come after it.
#[sqlx::test(migrations = false)]
async fn what_is_one_statements_own_failure_is_told_from_a_server_that_is_gone(
    _: PgPoolOptions,
    options: PgConnectOptions,
) {
    let db = Db::new(options, Plans::Generic, Pooler::None);
    let fails = async |sql: String| {
        let sql = sqlx::AssertSqlSafe(sql);
        let error: sqlx::Error =
            db.call(async |conn| conn.execute(sqlx::raw_sql(sql)).await).await.unwrap_err();
        db.discard().await;
        error
    };
    let slow = fails("set statement_timeout = 1; select pg_sleep(60)".to_owned()).await;
    assert!(is_one_statements(&slow) && is_unavailable(&slow), "{slow}");
    let gone = fails("select pg_terminate_backend(pg_backend_pid())".to_owned()).await;
    assert!(!is_one_statements(&gone), "{gone}");
    for (code, own) in [
        ("40001", true),
        ("40P01", true),
        ("23514", true),
        ("42501", true),
        ("08006", false),
        ("25006", false),
        ("53100", false),
        ("57P01", false),
        ("57P03", false),
        ("58030", false),
    ] {
        let raised = fails(format!("do $$ begin raise exception 'x' using errcode = '{code}'; end $$")).await;
        assert_eq!(is_one_statements(&raised), own, "{code}: {raised}");
    }
    assert!(!is_one_statements(&sqlx::Error::Io(std::io::ErrorKind::TimedOut.into())));
    assert!(is_one_statements(&sqlx::Error::RowNotFound));
}

#[test]
fn what_lay_idle_for_less_than_a_nat_gateway_remembers_is_pinged_and_what_lay_longer_is_not() {
    let after = |seconds: u64| then(Duration::from_secs(seconds), PING_AFTER_IDLE);
    assert_eq!((after(0), after(1), after(299), after(300)), (Then::Use, Then::Ping, Then::Ping, Then::Drop));
    assert!(DROP_AFTER_IDLE < Duration::from_secs(350));
}

#[tokio::test]
async fn tokens_go_to_a_server_that_is_verified_and_take_the_place_of_a_password() {
    for (url, takes) in [
        ("postgres://app@db.example/runplane?sslmode=verify-full", true),
        ("postgres://db.example/runplane?sslmode=verify-full&user=app", true),
        ("postgres://app@db.example/runplane", false),
        ("postgres://app@db.example/runplane?sslmode=require", false),
        ("postgres://app@db.example/runplane?sslmode=verify-ca", false),
        ("postgres://app:hush@db.example/runplane?sslmode=verify-full", false),
        ("postgres://app@db.example/runplane?sslmode=verify-full&password=hush", false),
        ("postgres://db.example/runplane?sslmode=verify-full", false),
        ("postgres://app@%2Fvar%2Frun/runplane?sslmode=verify-full", false),
        ("db", false),
    ] {
        assert_eq!(takes_tokens(url), takes, "{url}");
        if takes {
            continue;
        }
        let given = move |setting| match setting {
            Setting::DatabaseUrl => Some(url.into()),
            Setting::DbLogin => Some("iam".into()),
            _ => None,
        };
        let error = Db::from_settings(&mut Settings::with(functions::named("claim"), given)).await;
        let error = error.unwrap_err().to_string();
        assert!(
            error.starts_with("the environment variable DATABASE_URL is not a postgres:// URL"),
            "{error}"
        );
        assert!(!error.contains("hush"), "{error}");
    }
}

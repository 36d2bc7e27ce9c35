//! Whom the functions trust.

use runplane::db::{Db, Plans, Pooler};
use sqlx::postgres::{PgConnectOptions, PgPoolOptions};

use crate::rds::Rds;

/// The connection string of the test's database, by way of that server.
pub fn url(options: &PgConnectOptions, port: u16, host: &str, more: &str) -> String {
    let (user, database) = (options.get_username(), options.get_database().unwrap());
    format!("postgres://{user}@{host}:{port}/{database}?{more}")
}

/// Why nobody can connect with this; None: one can.
pub async fn failure(url: &str) -> Option<String> {
    let db = Db::from_url(url, Plans::Generic, Pooler::None).unwrap();
    let one = db.call(async |conn| sqlx::query_scalar::<_, i32>("select 1").fetch_one(conn).await);
    one.await.err().map(|error| error.to_string())
}

#[sqlx::test(migrations = false)]
async fn verify_full_refuses_a_server_that_no_authority_of_rds_has_signed(
    _: PgPoolOptions,
    options: PgConnectOptions,
) {
    let server = Rds::start(&options, "localhost").await;
    for mode in ["verify-full", "verify-ca"] {
        let refused = failure(&url(&options, server.port, "localhost", &format!("sslmode={mode}"))).await;
        assert!(refused.as_deref().is_some_and(|why| why.contains("UnknownIssuer")), "{mode}: {refused:?}");
    }
    assert_eq!(server.passwords(), [""; 0]);
    // As before, who asks for no more than TLS gets no more.
    let mut with_password = url(&options, server.port, "localhost", "sslmode=require&password=word");
    assert_eq!(failure(&with_password).await, None);
    with_password.push_str("&sslmode=verify-full");
    assert!(failure(&with_password).await.is_some());
}

#[sqlx::test(migrations = false)]
async fn an_authority_that_the_url_names_takes_the_place_of_those_of_rds(
    _: PgPoolOptions,
    options: PgConnectOptions,
) {
    let server = Rds::start(&options, "localhost").await;
    let file = tempfile::NamedTempFile::new().unwrap();
    std::fs::write(file.path(), &server.authority).unwrap();
    let more = format!("password=word&sslmode=verify-full&sslrootcert={}", file.path().display());
    assert_eq!(failure(&url(&options, server.port, "localhost", &more)).await, None);
    // It is for that name and no other.
    let refused = failure(&url(&options, server.port, "127.0.0.1", &more)).await;
    assert!(refused.as_deref().is_some_and(|why| why.contains("not valid for name")), "{refused:?}");
}

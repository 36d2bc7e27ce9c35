//! Tokens of IAM as passwords.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use aws_config::Region;
use aws_credential_types::Credentials;
use aws_credential_types::provider::{ProvideCredentials, SharedCredentialsProvider, future};
use runplane::db::{Db, Plans, Pooler, Tokens, is_unavailable};
use sqlx::postgres::{PgConnectOptions, PgPoolOptions};
use tempfile::NamedTempFile;

use crate::rds::Rds;
use crate::tls::url;

/// Credentials, and how often somebody has signed with them.
#[derive(Clone, Debug, Default)]
struct Counted(Arc<AtomicUsize>);

impl Counted {
    fn times(&self) -> usize {
        self.0.load(Ordering::SeqCst)
    }
}

impl ProvideCredentials for Counted {
    fn provide_credentials<'a>(&'a self) -> future::ProvideCredentials<'a>
    where
        Self: 'a,
    {
        let times = self.0.fetch_add(1, Ordering::SeqCst);
        future::ProvideCredentials::ready(Ok(Credentials::new(
            format!("AK{times}"),
            "key",
            None,
            None,
            "test",
        )))
    }
}

/// A connection as a function has it, to a server that it trusts.
fn db(options: &PgConnectOptions, server: &Rds, trusted: &NamedTempFile, signed: &Counted) -> Db {
    std::fs::write(trusted.path(), &server.authority).unwrap();
    let more = format!("sslmode=verify-full&sslrootcert={}", trusted.path().display());
    let url = url(options, server.port, "localhost", &more);
    let tokens = Tokens::new(
        &url.parse().unwrap(),
        Region::new("eu-west-1"),
        SharedCredentialsProvider::new(signed.clone()),
    );
    Db::from_url(&url, Plans::Generic, Pooler::None).unwrap().with_tokens(tokens)
}

async fn one(db: &Db) -> Result<i32, sqlx::Error> {
    let one = db.call(async |conn| sqlx::query_scalar("select 1").fetch_one(conn).await).await;
    db.discard().await;
    one
}

#[sqlx::test(migrations = false)]
async fn a_connection_is_opened_with_a_token_which_the_next_one_has_too(
    _: PgPoolOptions,
    options: PgConnectOptions,
) {
    let server = Rds::start(&options, "localhost").await;
    let (trusted, signed) = (NamedTempFile::new().unwrap(), Counted::default());
    let db = db(&options, &server, &trusted, &signed);
    assert_eq!(signed.times(), 0, "nothing is signed before it is needed");
    assert_eq!((one(&db).await.unwrap(), one(&db).await.unwrap()), (1, 1));
    let [first, second] = server.passwords().try_into().unwrap();
    assert_eq!((first == second, signed.times()), (true, 1));
    let (user, port) = (options.get_username(), server.port);
    assert!(first.starts_with(&format!("localhost:{port}/?Action=connect&DBUser={user}&X-Amz-")), "{first}");
}

#[sqlx::test(migrations = false)]
async fn a_token_that_is_refused_is_signed_anew_by_the_next_attempt(
    _: PgPoolOptions,
    options: PgConnectOptions,
) {
    let server = Rds::start(&options, "localhost").await;
    let (trusted, signed) = (NamedTempFile::new().unwrap(), Counted::default());
    let db = db(&options, &server, &trusted, &signed);
    one(&db).await.unwrap();
    for (attempt, code) in ["28P01", "28000"].into_iter().enumerate() {
        server.refuse(Some(code));
        let refused = one(&db).await.unwrap_err();
        assert_eq!(refused.as_database_error().unwrap().code().as_deref(), Some(code));
        assert!(is_unavailable(&refused), "a caller is told to come again");
        server.refuse(None);
        one(&db).await.unwrap();
        assert_eq!(signed.times(), attempt + 2);
    }
    // Whatever else goes wrong is no fault of the token.
    server.refuse(Some("53300"));
    one(&db).await.unwrap_err();
    server.refuse(None);
    one(&db).await.unwrap();
    assert_eq!(signed.times(), 3);
    let passwords = server.passwords();
    let last = passwords.len() - 1;
    assert!(passwords[last].contains("Credential=AK2%2F") && passwords[last] == passwords[last - 1]);
}

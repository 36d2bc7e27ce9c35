//! What a function has in its environment, tried in a process of its own: an environment is everybody's.

use std::process::Stdio;

use runplane::config::{Setting, Settings};
use runplane::db::Db;
use runplane::functions;
use sqlx::postgres::{PgConnectOptions, PgPoolOptions};

use crate::rds::Rds;
use crate::tls::{failure, url};

/// The connection string that one process of a test gives to the other.
const GIVEN: &str = "RUNPLANE_TEST_URL";

#[sqlx::test(migrations = false)]
async fn with_the_operators_authority_and_credentials_in_its_environment_a_function_connects(
    _: PgPoolOptions,
    options: PgConnectOptions,
) {
    if let Ok(url) = std::env::var(GIVEN) {
        return connects(url).await;
    }
    let server = Rds::start(&options, "localhost").await;
    let url = url(&options, server.port, "localhost", "sslmode=verify-full");
    assert!(failure(&url).await.is_some());
    let file = tempfile::NamedTempFile::new().unwrap();
    std::fs::write(file.path(), &server.authority).unwrap();
    for trusted in [file.path().to_str().unwrap(), &server.authority] {
        let name = "environment::with_the_operators_authority_and_credentials_in_its_environment_a_function_connects";
        let mut test = tokio::process::Command::new(std::env::current_exe().unwrap());
        test.args(["--exact", name]).env(GIVEN, &url).env("PGSSLROOTCERT", trusted);
        test.env("AWS_REGION", "eu-north-1").env("AWS_ACCESS_KEY_ID", "AKID");
        test.env("AWS_SECRET_ACCESS_KEY", "key").env("AWS_SESSION_TOKEN", "session");
        let output = test.stdin(Stdio::null()).output().await.unwrap();
        let told = String::from_utf8_lossy(&output.stdout);
        assert!(output.status.success() && told.contains("1 passed"), "{trusted}: {told}");
    }
    for token in server.passwords() {
        assert!(token.contains("AKID%2F") && token.contains("%2Feu-north-1%2Frds-db%2F"), "{token}");
        assert!(token.contains("X-Amz-Security-Token=session"), "{token}");
    }
    assert_eq!(server.passwords().len(), 2);
}

async fn connects(url: String) {
    let given = move |setting| match setting {
        Setting::DatabaseUrl => Some(url.clone().into()),
        Setting::DbLogin => Some("iam".into()),
        _ => None,
    };
    let db = Db::from_settings(&mut Settings::with(functions::named("claim"), given)).await.unwrap();
    let one = db.call(async |conn| sqlx::query_scalar::<_, i32>("select 1").fetch_one(conn).await);
    assert_eq!(one.await.unwrap(), 1);
}

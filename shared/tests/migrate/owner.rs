//! An owner whose password is in Secrets Manager.

use runplane::config::ConfigError;
use runplane::migrate::{Deployment, MigrateFailure, OwnerSecret};
use sqlx::postgres::{PgConnectOptions, PgPoolOptions};

use crate::support::{PASSWORD, SOON, Stage};

fn deployment(stage: &Stage, owner: &str) -> Result<Deployment, ConfigError> {
    let secret = OwnerSecret::with_client("stack/owner".to_owned(), stage.manager.client.clone());
    Deployment::with_secret(owner, secret, stage.functions(PASSWORD).as_str(), None)
}

#[sqlx::test(migrations = false)]
async fn the_owners_password_is_read_anew_with_each_call(_: PgPoolOptions, options: PgConnectOptions) {
    let stage = Stage::new(&options).await;
    let user = options.get_username();
    let mut nobody = stage.owner.clone();
    nobody.set_username("").unwrap();
    for (owner, secret) in [
        // Who it is says the secret, the URL, or both.
        (&nobody, format!(r#"{{"username":"{user}","password":"first word"}}"#)),
        (&stage.owner, format!(r#"{{"username":"{user}","password":"second word"}}"#)),
        (&stage.owner, r#"{"password":"third word","engine":"postgres"}"#.to_owned()),
    ] {
        stage.manager.owner(&secret);
        let deployment = deployment(&stage, owner.as_str()).unwrap();
        deployment.bring_up(SOON, "r").await.unwrap();
        let shown = deployment.masked(&format!("{deployment:?} first word second word third word"));
        let word = secret.split("\"password\":\"").nth(1).unwrap().split('"').next().unwrap();
        assert!(!shown.contains(word) && shown.contains("***"), "{shown}");
    }
    stage.end().await;
}

#[sqlx::test(migrations = false)]
async fn a_refusal_of_the_first_seconds_is_waited_out(_: PgPoolOptions, options: PgConnectOptions) {
    let stage = Stage::new(&options).await;
    stage.manager.owner(r#"{"password":"word"}"#);
    stage.manager.role_is_new();
    deployment(&stage, stage.owner.as_str()).unwrap().bring_up(SOON, "r").await.unwrap();
    assert!(stage.has("tenants").await);
    stage.end().await;
}

#[sqlx::test(migrations = false)]
async fn a_secret_that_is_none_of_the_owners_is_told_without_its_contents(
    _: PgPoolOptions,
    options: PgConnectOptions,
) {
    let stage = Stage::new(&options).await;
    let user = options.get_username();
    let mut nobody = stage.owner.clone();
    nobody.set_username("").unwrap();
    for (owner, secret, why) in [
        (&stage.owner, "hush", "it is no JSON with a \"password\"".to_owned()),
        (&stage.owner, r#"{"username":"x","password":""}"#, "it is no JSON with a \"password\"".to_owned()),
        (
            &stage.owner,
            r#"{"username":"another","password":"hush"}"#,
            format!("its \"username\" is \"another\", and OWNER_DATABASE_URL names {user:?}"),
        ),
        (
            &nobody,
            r#"{"password":"hush"}"#,
            "it has no \"username\", and OWNER_DATABASE_URL names nobody".to_owned(),
        ),
    ] {
        stage.manager.owner(secret);
        let failure = deployment(&stage, owner.as_str()).unwrap().bring_up(SOON, "r").await.unwrap_err();
        let expected = format!(
            "the owner's password could not be read from Secrets Manager (OWNER_PASSWORD_SECRET): {why}"
        );
        assert_eq!(failure.to_string(), expected);
        assert!(!format!("{failure:?}").contains("hush"));
    }
    stage.manager.refuse(true);
    let failure = deployment(&stage, stage.owner.as_str()).unwrap().bring_up(SOON, "r").await.unwrap_err();
    assert!(
        matches!(&failure, MigrateFailure::OwnerSecret(why) if why == "ResourceNotFoundException: no such secret"),
        "{failure}"
    );
    assert!(!stage.has("tenants").await);
}

#[sqlx::test(migrations = false)]
async fn a_connection_string_with_a_password_beside_the_secret_is_refused(
    _: PgPoolOptions,
    options: PgConnectOptions,
) {
    let stage = Stage::new(&options).await;
    let mut owner = stage.owner.clone();
    owner.set_password(Some("hush")).unwrap();
    assert_eq!(
        deployment(&stage, owner.as_str()).unwrap_err().to_string(),
        "the environment variable OWNER_DATABASE_URL is not a postgres:// URL without a password, which OWNER_PASSWORD_SECRET has"
    );
}

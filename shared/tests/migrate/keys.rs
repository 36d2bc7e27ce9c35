//! The first operator's key.

use http::HeaderMap;
use runplane::auth::{Auth, Role};
use runplane::db::{Db, Plans, Pooler};
use sqlx::postgres::{PgConnectOptions, PgPoolOptions};

use crate::support::Stage;

/// The roles of whoever brings this key, and whether these are things of one tenant; None: it opens nothing.
async fn opens(options: &PgConnectOptions, key: &str) -> Option<(bool, bool)> {
    let db = Db::new(options.clone(), Plans::Generic, Pooler::None);
    let mut headers = HeaderMap::new();
    headers.insert("authorization", format!("Bearer {key}").parse().unwrap());
    let principal = Auth::required(None).principal(&headers, &db).await.ok()?;
    Some((principal.roles.contains(Role::Operator), principal.tenant.is_some()))
}

async fn count(stage: &Stage, sql: &'static str) -> i64 {
    sqlx::query_scalar(sql).fetch_one(&mut stage.owner().await).await.unwrap()
}

#[sqlx::test(migrations = false)]
async fn a_database_without_keys_gets_one_that_opens_everything(_: PgPoolOptions, options: PgConnectOptions) {
    let stage = Stage::new(&options).await;
    assert!(stage.bring_up().await.unwrap().operator_key);
    let [key] = stage.manager.values().try_into().unwrap();
    assert_eq!(opens(&options, &key).await, Some((true, false)));
    let noted = "select count(*) from audit_log a join api_keys k on k.id = a.subject_id
                 where a.action = 'key.created' and a.principal = 'functions/migrate' and a.request_id = 'request-1' and k.created_by = a.principal";
    assert_eq!((count(&stage, noted).await, count(&stage, "select count(*) from api_keys").await), (1, 1));

    // A database in which every key was revoked had somebody who did it.
    stage.run("update api_keys set revoked_at = now(), revoked_by = 'psql'").await;
    assert!(!stage.bring_up().await.unwrap().operator_key);
    assert_eq!(stage.manager.values().len(), 1);
    stage.end().await;
}

#[sqlx::test(migrations = false)]
async fn a_key_that_cannot_be_put_away_is_not_made(_: PgPoolOptions, options: PgConnectOptions) {
    let stage = Stage::new(&options).await;
    stage.manager.refuse(true);
    let failure = stage.bring_up().await.unwrap_err();
    assert_eq!(
        failure.to_string(),
        "the first operator's key could not be put into Secrets Manager, and was not made: ResourceNotFoundException: no such secret"
    );
    assert_eq!(count(&stage, "select count(*) from api_keys").await, 0);
    stage.manager.refuse(false);
    assert!(stage.bring_up().await.unwrap().operator_key);
    let [key] = stage.manager.values().try_into().unwrap();
    assert!(opens(&options, &key).await.is_some());
    stage.end().await;
}

#[sqlx::test(migrations = false)]
async fn a_refusal_of_the_first_seconds_is_waited_out(_: PgPoolOptions, options: PgConnectOptions) {
    let stage = Stage::new(&options).await;
    stage.manager.role_is_new();
    assert!(stage.bring_up().await.unwrap().operator_key);
    assert_eq!(stage.manager.values().len(), 1);
    stage.end().await;
}

/// As after a crash between the two.
#[sqlx::test(migrations = false)]
async fn a_key_that_was_put_away_and_not_made_valid_is_overwritten(
    _: PgPoolOptions,
    options: PgConnectOptions,
) {
    let stage = Stage::new(&options).await;
    stage.manager.refuse(true);
    stage.bring_up().await.unwrap_err();
    stage.manager.refuse(false);
    stage
        .run(
            "create function away() returns trigger language plpgsql as $$ begin raise exception 'gone'; end $$;
             create trigger away before insert on audit_log for each row execute function away()",
        )
        .await;
    let failure = stage.bring_up().await.unwrap_err();
    assert_eq!(failure.to_string(), "Postgres: gone (P0001)");
    assert_eq!(count(&stage, "select count(*) from api_keys").await, 0);
    stage.run("drop function away cascade").await;
    assert!(stage.bring_up().await.unwrap().operator_key);
    let [lost, key] = stage.manager.values().try_into().unwrap();
    assert_eq!((opens(&options, &lost).await, opens(&options, &key).await), (None, Some((true, false))));
    stage.end().await;
}

/// The first deployment failed elsewhere: its secret is gone, and its key is still there, which nobody has ever read.
#[sqlx::test(migrations = false)]
async fn a_key_whose_secret_went_with_its_deployment_is_replaced(
    _: PgPoolOptions,
    options: PgConnectOptions,
) {
    let stage = Stage::new(&options).await;
    assert!(stage.bring_up().await.unwrap().operator_key);
    let [lost] = stage.manager.values().try_into().unwrap();
    // As long as the secret is there, nothing is to be done.
    assert!(!stage.bring_up().await.unwrap().operator_key);
    stage.manager.forget();
    // Once more, and this time the secret cannot be had.
    stage.manager.refuse(true);
    stage.bring_up().await.unwrap_err();
    stage.manager.refuse(false);
    assert!(stage.bring_up().await.unwrap().operator_key);
    let [key] = stage.manager.values().try_into().unwrap();
    assert_eq!(
        (count(&stage, "select count(*) from api_keys where revoked_at is null").await, count(&stage, "select count(*) from audit_log where action = 'key.revoked' and principal = 'functions/migrate'").await),
        (1, 1)
    );
    assert_eq!((opens(&options, &lost).await, opens(&options, &key).await), (None, Some((true, false))));

    // That key was used now: it is somebody's, whatever became of the secret.
    stage.manager.forget();
    assert!(!stage.bring_up().await.unwrap().operator_key);
    assert_eq!(stage.manager.values().len(), 0);
    stage.end().await;
}

/// It is made valid first, and put away then: the secret says whether that has been done.
#[sqlx::test(migrations = false)]
async fn a_replacement_that_was_not_put_away_is_replaced(_: PgPoolOptions, options: PgConnectOptions) {
    let stage = Stage::new(&options).await;
    stage.bring_up().await.unwrap();
    stage.manager.forget();
    stage.manager.refuse_to_keep(true);
    stage.bring_up().await.unwrap_err();
    stage.manager.refuse_to_keep(false);
    assert!(stage.bring_up().await.unwrap().operator_key);
    let [key] = stage.manager.values().try_into().unwrap();
    let valid = "select count(*) from api_keys where revoked_at is null";
    assert_eq!((count(&stage, valid).await, count(&stage, "select count(*) from api_keys").await), (1, 3));
    assert_eq!(opens(&options, &key).await, Some((true, false)));
    stage.end().await;
}

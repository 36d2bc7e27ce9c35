//! The functions' login role.

use aws_lc_rs::{digest, hmac, pbkdf2};
use base64::Engine as _;
use base64::prelude::BASE64_STANDARD;
use runplane::migrate::{Deployment, MigrateFailure, RoleIs};
use sqlx::AssertSqlSafe;
use sqlx::postgres::{PgConnectOptions, PgPoolOptions};

use crate::support::{PASSWORD, SOON, Stage};

/// What Postgres has of the role's password.
pub async fn stored(stage: &Stage) -> Option<String> {
    let stored = sqlx::query_scalar("select rolpassword from pg_authid where rolname = $1").bind(&stage.role);
    stored.fetch_one(&mut stage.owner().await).await.unwrap()
}

/// Whether Postgres would take this password, by RFC 5803.
pub fn fits(stored: &str, password: &str) -> bool {
    let parts: Vec<_> = stored.split(['$', ':']).collect();
    let [scheme, iterations, salt, stored, _] = parts.as_slice() else { panic!("{stored}") };
    assert_eq!(*scheme, "SCRAM-SHA-256");
    let salt = BASE64_STANDARD.decode(salt).unwrap();
    let mut salted = [0; 32];
    let iterations = iterations.parse().unwrap();
    pbkdf2::derive(pbkdf2::PBKDF2_HMAC_SHA256, iterations, &salt, password.as_bytes(), &mut salted);
    let key = hmac::sign(&hmac::Key::new(hmac::HMAC_SHA256, &salted), b"Client Key");
    BASE64_STANDARD.encode(digest::digest(&digest::SHA256, key.as_ref())) == *stored
}

#[sqlx::test(migrations = false)]
async fn a_password_that_was_changed_is_taken_over(_: PgPoolOptions, options: PgConnectOptions) {
    let stage = Stage::new(&options).await;
    stage.bring_up().await.unwrap();
    let made = stored(&stage).await.unwrap();
    assert!(fits(&made, PASSWORD) && !fits(&made, "p@ss"), "{made}");
    let migrated = stage.deployment("another word").bring_up(SOON, "r").await.unwrap();
    assert_eq!(migrated.role, RoleIs::Kept);
    let changed = stored(&stage).await.unwrap();
    assert!(fits(&changed, "another word") && !fits(&changed, PASSWORD), "{changed}");
    stage.end().await;
}

#[sqlx::test(migrations = false)]
async fn a_role_may_be_called_anything(_: PgPoolOptions, options: PgConnectOptions) {
    let mut stage = Stage::new(&options).await;
    stage.role = format!("we\"ird'; drop table tenants; -- {}", &stage.role[..24]);
    assert_eq!(stage.bring_up().await.unwrap().role, RoleIs::Made);
    assert!(fits(&stored(&stage).await.unwrap(), PASSWORD));
    assert_eq!(stage.bring_up().await.unwrap().role, RoleIs::Kept);
    assert!(stage.has("tenants").await);
    stage.end().await;
}

#[sqlx::test(migrations = false)]
async fn a_role_that_is_somebody_elses_keeps_its_password(_: PgPoolOptions, options: PgConnectOptions) {
    let stage = Stage::new(&options).await;
    let create = format!("create role {} superuser login password 'theirs'", stage.role);
    sqlx::raw_sql(AssertSqlSafe(create)).execute(&mut stage.owner().await).await.unwrap();
    let failure = stage.bring_up().await.unwrap_err();
    assert!(matches!(&failure, MigrateFailure::NotOurRole(role) if *role == stage.role), "{failure}");
    assert!(fits(&stored(&stage).await.unwrap(), "theirs"));
    // By hand, and then it is ours.
    let grant = format!("alter role {0} nosuperuser; grant runplane_functions to {0}", stage.role);
    sqlx::raw_sql(AssertSqlSafe(grant)).execute(&mut stage.owner().await).await.unwrap();
    assert_eq!(stage.bring_up().await.unwrap().role, RoleIs::Kept);
    assert!(fits(&stored(&stage).await.unwrap(), PASSWORD));
    stage.end().await;
}

#[sqlx::test(migrations = false)]
async fn where_one_role_is_for_everything_it_is_left_alone(_: PgPoolOptions, options: PgConnectOptions) {
    let stage = Stage::new(&options).await;
    let password = async || {
        let own = "select coalesce(rolpassword, '') from pg_authid where rolname = current_user";
        sqlx::query_scalar::<_, String>(own).fetch_one(&mut stage.owner().await).await.unwrap()
    };
    let before = password().await;
    let mut functions = stage.owner.clone();
    functions.set_password(Some("something else")).unwrap();
    let one = Deployment::new(stage.owner.as_str(), functions.as_str(), None).unwrap();
    let migrated = one.bring_up(SOON, "r").await.unwrap();
    assert_eq!((migrated.role, migrated.operator_key), (RoleIs::TheOwner, false));
    assert_eq!(password().await, before);
    stage.end().await;
}

/// As where an owner may make no roles, and somebody who may has made this one.
#[sqlx::test(migrations = false)]
async fn an_owner_who_may_not_change_the_role_takes_it_as_it_is_if_it_lets_the_functions_in(
    _: PgPoolOptions,
    options: PgConnectOptions,
) {
    let mut stage = Stage::new(&options).await;
    stage.bring_up().await.unwrap();
    let owner = format!("{}_o", stage.role);
    let make = format!(
        "create role {owner} login; grant create, usage on schema public to {owner};
         do $$ declare t text; begin
           for t in select tablename from pg_tables where schemaname = 'public' loop execute format('alter table %I owner to {owner}', t); end loop;
         end $$"
    );
    sqlx::raw_sql(AssertSqlSafe(make)).execute(&mut stage.owner().await).await.unwrap();
    let privileged = stage.owner.clone();
    stage.owner.set_username(&owner).unwrap();
    let deployment = stage.deployment("a word that is not known");
    // Whoever connects is let in here whatever the password is, as `trust` says.
    assert_eq!(deployment.bring_up(SOON, "r").await.unwrap().role, RoleIs::Kept);
    assert!(fits(&stored(&stage).await.unwrap(), PASSWORD));
    // A role that it would have to make is another matter.
    let (role, missing) = (stage.role.clone(), format!("{}_m", stage.role));
    stage.role = missing;
    let failure = stage.bring_up().await.unwrap_err();
    assert!(failure.to_string().contains("permission denied to create role (42501)"), "{failure}");
    (stage.role, stage.owner) = (role, privileged);
    let back = format!("reassign owned by {owner} to current_user; drop owned by {owner}; drop role {owner}");
    sqlx::raw_sql(AssertSqlSafe(back)).execute(&mut stage.owner().await).await.unwrap();
    stage.end().await;
}

/// As on RDS, where nobody is a superuser. The group is another database's here, as where several deployments share a server.
#[sqlx::test(migrations = false)]
async fn an_owner_need_not_be_a_superuser(_: PgPoolOptions, options: PgConnectOptions) {
    let mut stage = Stage::new(&options).await;
    let owner = format!("{}_o", stage.role);
    let make = format!(
        "do $$ begin
           create role runplane_functions nologin;
         exception when duplicate_object or unique_violation then null; end $$;
         create role {owner} login createrole; alter database \"{}\" owner to {owner};
         grant runplane_functions to {owner} with admin option",
        options.get_database().unwrap()
    );
    sqlx::raw_sql(AssertSqlSafe(make)).execute(&mut stage.owner().await).await.unwrap();
    let privileged = stage.owner.clone();
    stage.owner.set_username(&owner).unwrap();
    let migrated = stage.bring_up().await.unwrap();
    assert_eq!((migrated.role, migrated.operator_key), (RoleIs::Made, true));
    let again = stage.deployment("another word").bring_up(SOON, "r").await.unwrap();
    assert_eq!(again.role, RoleIs::Kept);
    assert!(fits(&stored(&stage).await.unwrap(), "another word"));
    // One who may put others into the group is no role of functions.
    let functions = format!("postgres://{owner}:theirs@{}/x", stage.owner.host_str().unwrap());
    let other = Deployment::new(privileged.as_str(), &functions, None).unwrap();
    let failure = other.bring_up(SOON, "r").await.unwrap_err();
    assert!(matches!(&failure, MigrateFailure::NotOurRole(role) if *role == owner), "{failure}");

    let role = &stage.role;
    let back = format!(
        "reassign owned by {owner} to current_user; drop owned by {owner} cascade; drop role {role}; drop role {owner}"
    );
    sqlx::raw_sql(AssertSqlSafe(back)).execute(&mut stage.owner().await).await.unwrap();
}

//! The functions' role where tokens of IAM let it in.

use runplane::migrate::{MigrateFailure, RoleIs};
use sqlx::AssertSqlSafe;
use sqlx::postgres::{PgConnectOptions, PgPoolOptions};

use crate::roles::{fits, stored};
use crate::support::{PASSWORD, SOON, Stage};

/// Whether the functions' role may log in, and whether RDS would ask it for a token.
async fn role(stage: &Stage) -> (bool, bool) {
    let of = "select r.rolcanlogin, exists (select from pg_auth_members m where m.member = r.oid and m.roleid = to_regrole('rds_iam'))
              from pg_roles r where r.rolname = $1";
    sqlx::query_as(of).bind(&stage.role).fetch_one(&mut stage.owner().await).await.unwrap()
}

/// One test, since the role that RDS has and others have not is the server's: there may be one or none, and not both.
#[sqlx::test(migrations = false)]
async fn the_role_goes_from_a_password_to_tokens_and_back(_: PgPoolOptions, options: PgConnectOptions) {
    let mut stage = Stage::new(&options).await;
    stage.run("drop role if exists rds_iam").await;
    // Elsewhere than on RDS: the role stays as it is, or is not made.
    let failure = stage.with_tokens().bring_up(SOON, "r").await.unwrap_err();
    assert_eq!(
        failure.to_string(),
        format!(
            "DB_LOGIN is iam, and this server has no role rds_iam: none but RDS takes tokens of IAM; the role {:?} of DATABASE_URL was not touched",
            stage.role
        )
    );
    let there = sqlx::query_scalar::<_, bool>("select to_regrole($1) is not null").bind(&stage.role);
    assert!(!there.fetch_one(&mut stage.owner().await).await.unwrap());
    stage.bring_up().await.unwrap();
    stage.with_tokens().bring_up(SOON, "r").await.unwrap_err();
    assert!(fits(&stored(&stage).await.unwrap(), PASSWORD));

    stage.run("create role rds_iam nologin").await;
    for _again in 0..2 {
        assert_eq!(stage.with_tokens().bring_up(SOON, "r").await.unwrap().role, RoleIs::Kept);
        assert_eq!((role(&stage).await, stored(&stage).await), ((true, true), None));
    }
    for _again in 0..2 {
        assert_eq!(stage.bring_up().await.unwrap().role, RoleIs::Kept);
        assert_eq!(role(&stage).await, (true, false));
        assert!(fits(&stored(&stage).await.unwrap(), PASSWORD));
    }
    // A new one, and it may do what the functions do.
    let new = format!("{}_n", stage.role);
    let with_password = std::mem::replace(&mut stage.role, new);
    assert_eq!(stage.with_tokens().bring_up(SOON, "r").await.unwrap().role, RoleIs::Made);
    assert_eq!((role(&stage).await, stored(&stage).await), ((true, true), None));
    let member = sqlx::query_scalar::<_, bool>("select pg_has_role($1, 'runplane_functions', 'usage')");
    assert!(member.bind(&stage.role).fetch_one(&mut stage.owner().await).await.unwrap());

    let owner = stage.owner.clone();
    granted_by_another(&mut stage).await;
    stage.owner = owner;
    let drop = format!("drop role {with_password}");
    sqlx::raw_sql(AssertSqlSafe(drop)).execute(&mut stage.owner().await).await.unwrap();
    stage.run("drop role rds_iam").await;
    stage.end().await;
}

/// As where the owner is no superuser, and somebody else has put the role into the group: Postgres warns, and leaves it there.
async fn granted_by_another(stage: &mut Stage) {
    let owner = format!("{}_o", &stage.role[..20]);
    let make = format!(
        "create role {owner} login createrole; grant rds_iam, runplane_functions to {owner} with admin option;
         grant {} to {owner} with admin option, inherit false, set false;
         grant create, usage on schema public to {owner}; grant select on all tables in schema public to {owner}",
        stage.role
    );
    sqlx::raw_sql(AssertSqlSafe(make)).execute(&mut stage.owner().await).await.unwrap();
    let privileged = stage.owner.clone();
    stage.owner.set_username(&owner).unwrap();
    let failure = stage.bring_up().await.unwrap_err();
    assert!(matches!(&failure, MigrateFailure::StillIam(role) if *role == stage.role), "{failure}");
    stage.owner = privileged;
    assert_eq!(role(stage).await, (true, true));
    let back = format!("drop owned by {owner}; drop role {owner}");
    sqlx::raw_sql(AssertSqlSafe(back)).execute(&mut stage.owner().await).await.unwrap();
}

//! The login role of the functions: made if it is missing, and made to be let in as the functions come: with the password that `DATABASE_URL` has, or with
//! tokens of IAM.

use std::str::FromStr as _;

use serde::Serialize;
use sqlx::postgres::PgConnectOptions;
use sqlx::{AssertSqlSafe, Connection as _, PgConnection};
use tokio::time::timeout;

use super::{CONNECT_TIMEOUT, MigrateFailure, scram};
use crate::db::{Login, LoginBy, trusting_rds};

/// What became of the role.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum RoleIs {
    /// It was missing.
    Made,
    /// It was there, and has the password of `DATABASE_URL` now, if that has one, or none where tokens let it in.
    Kept,
    /// Both connection strings name one role: it was left alone.
    TheOwner,
}

/// In the database it says whose the role is: this group, and no other.
const GROUP: &str = "runplane_functions";
/// Whom RDS asks for a token, and for no password. RDS makes it.
const IAM_GROUP: &str = "rds_iam";

/// Makes the role ready, as `owner`, who is connected.
///
/// A role that is there and not in the group is somebody else's: its password is not touched.
pub(super) async fn ensure(
    conn: &mut PgConnection,
    login: &Login,
    by: LoginBy,
    owner: &str,
) -> Result<RoleIs, MigrateFailure> {
    let role = login.user();
    if role == owner {
        return Ok(RoleIs::TheOwner);
    }
    if by == LoginBy::Iam && !is_there(conn, IAM_GROUP).await? {
        return Err(MigrateFailure::NoIam(role.to_owned()));
    }
    let verifier = match (by, login.password()) {
        (LoginBy::Iam, _) | (LoginBy::Password, None) => None,
        (LoginBy::Password, Some(password)) => {
            let mut salt = [0; scram::SALT_BYTES];
            getrandom::fill(&mut salt).map_err(MigrateFailure::Random)?;
            Some(scram::verifier(password, &salt))
        }
    };
    let is = match is_ours(conn, role).await? {
        None => RoleIs::Made,
        Some(true) => RoleIs::Kept,
        Some(false) => return Err(MigrateFailure::NotOurRole(role.to_owned())),
    };
    match change(conn, role, is, by, verifier.as_deref()).await {
        Ok(()) => {}
        // Somebody else made it. Where it works there is nothing to change.
        Err(error)
            if is == RoleIs::Kept && is_not_permitted(&error) && is_let_in(conn, login, by).await? =>
        {
            tracing::warn!(role, "the functions' role is not ours to change: it was left as it is");
        }
        Err(cause) => return Err(MigrateFailure::Role { role: role.to_owned(), cause }),
    }
    // Only whoever has granted it can take it back: otherwise Postgres warns, and does nothing.
    if by == LoginBy::Password && is_in(conn, role, IAM_GROUP).await? {
        return Err(MigrateFailure::StillIam(role.to_owned()));
    }
    if is == RoleIs::Made {
        tracing::info!(role, "the functions' role was made");
    }
    Ok(is)
}

/// All of it or nothing: a role without a password and outside of the group that needs none would be let in nowhere.
async fn change(
    conn: &mut PgConnection,
    role: &str,
    is: RoleIs,
    by: LoginBy,
    verifier: Option<&str>,
) -> Result<(), sqlx::Error> {
    let mut transaction = conn.begin().await?;
    match (is, by, verifier) {
        (RoleIs::Made, _, _) => {
            let create = "select format('create role %I login password %L in role %I', $1, $2, $3)";
            run(&mut transaction, create, [Some(role), verifier, Some(GROUP)]).await?;
        }
        // It connects by something else.
        (_, LoginBy::Password, None) => {}
        (_, LoginBy::Password, Some(_)) | (_, LoginBy::Iam, _) => {
            let alter = "select format('alter role %I login password %L', $1, $2, $3)";
            run(&mut transaction, alter, [Some(role), verifier, None]).await?;
        }
    }
    let membership = match (by, is_in(&mut transaction, role, IAM_GROUP).await?) {
        (LoginBy::Iam, false) => Some("select format('grant %2$I to %1$I', $1, $2, $3)"),
        (LoginBy::Password, true) => Some("select format('revoke %2$I from %1$I', $1, $2, $3)"),
        (LoginBy::Iam, true) | (LoginBy::Password, false) => None,
    };
    if let Some(membership) = membership {
        run(&mut transaction, membership, [Some(role), Some(IAM_GROUP), None]).await?;
    }
    transaction.commit().await
}

/// Whether the role is in the group, and nothing more: who may put others into it is an owner of some database. None: there is no such role.
async fn is_ours(conn: &mut PgConnection, role: &str) -> Result<Option<bool>, sqlx::Error> {
    sqlx::query_scalar(
        "select exists (select from pg_auth_members m join pg_roles g on g.oid = m.roleid where m.member = r.oid and g.rolname = $2 and not m.admin_option)
         from pg_roles r
         where r.rolname = $1",
    )
    .bind(role)
    .bind(GROUP)
    .fetch_optional(conn)
    .await
}

async fn is_there(conn: &mut PgConnection, role: &str) -> Result<bool, sqlx::Error> {
    let there = sqlx::query_scalar("select exists (select from pg_roles where rolname = $1)");
    there.bind(role).fetch_one(conn).await
}

async fn is_in(conn: &mut PgConnection, role: &str, group: &str) -> Result<bool, sqlx::Error> {
    sqlx::query_scalar(
        "select exists (select from pg_auth_members m join pg_roles g on g.oid = m.roleid join pg_roles r on r.oid = m.member
                        where r.rolname = $1 and g.rolname = $2)",
    )
    .bind(role)
    .bind(group)
    .fetch_one(conn)
    .await
}

/// Runs the statement that `format` makes of three texts: Postgres quotes them itself.
async fn run(
    conn: &mut PgConnection,
    format: &'static str,
    texts: [Option<&str>; 3],
) -> Result<(), sqlx::Error> {
    let made = texts.into_iter().fold(sqlx::query_scalar::<_, String>(format), |made, text| made.bind(text));
    let statement = made.fetch_one(&mut *conn).await?;
    sqlx::raw_sql(AssertSqlSafe(statement)).execute(conn).await.map(drop)
}

fn is_not_permitted(error: &sqlx::Error) -> bool {
    error.as_database_error().is_some_and(|error| error.code().as_deref() == Some("42501"))
}

/// Whether the functions would be let in as they come. With a token that cannot be tried: nobody but them may sign one.
async fn is_let_in(conn: &mut PgConnection, login: &Login, by: LoginBy) -> Result<bool, sqlx::Error> {
    if by == LoginBy::Iam {
        return is_in(conn, login.user(), IAM_GROUP).await;
    }
    let Ok(options) = PgConnectOptions::from_str(login.url()) else { return Ok(false) };
    let options = trusting_rds(options, login.url());
    Ok(match timeout(CONNECT_TIMEOUT, PgConnection::connect_with(&options)).await {
        Ok(Ok(conn)) => conn.close().await.is_ok(),
        Ok(Err(_)) | Err(_) => false,
    })
}

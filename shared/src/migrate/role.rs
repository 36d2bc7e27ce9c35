//! The login role of the functions: made if it is missing, given the password that `DATABASE_URL` has if it is there.

use serde::Serialize;
use sqlx::{AssertSqlSafe, Connection as _, PgConnection};
use tokio::time::timeout;

use super::{CONNECT_TIMEOUT, Login, MigrateFailure, scram};

/// What became of the role.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum RoleIs {
    /// It was missing.
    Made,
    /// It was there, and has the password of `DATABASE_URL` now, if that has one.
    Kept,
    /// Both connection strings name one role: it was left alone.
    TheOwner,
}

/// In the database it says whose the role is: this group, and no other.
const GROUP: &str = "runplane_functions";

/// Makes the role ready, as `owner`, who is connected.
///
/// A role that is there and not in the group is somebody else's: its password is not touched.
pub(super) async fn ensure(
    conn: &mut PgConnection,
    login: &Login,
    owner: &str,
) -> Result<RoleIs, MigrateFailure> {
    let role = login.user();
    if role == owner {
        return Ok(RoleIs::TheOwner);
    }
    let failed = |cause| MigrateFailure::Role { role: role.to_owned(), cause };
    let verifier = match login.password() {
        None => None,
        Some(password) => {
            let mut salt = [0; scram::SALT_BYTES];
            getrandom::fill(&mut salt).map_err(MigrateFailure::Random)?;
            Some(scram::verifier(password, &salt))
        }
    };
    match is_ours(conn, role).await? {
        None => {
            let create = "select format('create role %I login password %L in role %I', $1, $2, $3)";
            run(conn, create, role, verifier.as_deref()).await.map_err(failed)?;
            tracing::info!(role, "the functions' role was made");
            Ok(RoleIs::Made)
        }
        Some(false) => Err(MigrateFailure::NotOurRole(role.to_owned())),
        Some(true) if verifier.is_none() => Ok(RoleIs::Kept),
        Some(true) => {
            let alter = "select format('alter role %I login password %L', $1, $2)";
            let altered = run(conn, alter, role, verifier.as_deref()).await;
            match altered {
                Ok(()) => Ok(RoleIs::Kept),
                // Somebody else made it. Where it works there is nothing to change.
                Err(error) if is_not_permitted(&error) && lets_in(login).await => {
                    tracing::warn!(role, "the functions' role is not ours to change: it was left as it is");
                    Ok(RoleIs::Kept)
                }
                Err(error) => Err(failed(error)),
            }
        }
    }
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

/// Runs the statement that `format` makes of a role, a verifier and the group: Postgres quotes them itself.
async fn run(
    conn: &mut PgConnection,
    format: &'static str,
    role: &str,
    verifier: Option<&str>,
) -> Result<(), sqlx::Error> {
    let made = sqlx::query_scalar::<_, String>(format).bind(role).bind(verifier);
    let statement = if format.contains("$3") { made.bind(GROUP) } else { made }.fetch_one(&mut *conn).await?;
    sqlx::raw_sql(AssertSqlSafe(statement)).execute(conn).await.map(drop)
}

fn is_not_permitted(error: &sqlx::Error) -> bool {
    error.as_database_error().is_some_and(|error| error.code().as_deref() == Some("42501"))
}

async fn lets_in(login: &Login) -> bool {
    match timeout(CONNECT_TIMEOUT, PgConnection::connect(login.url())).await {
        Ok(Ok(conn)) => conn.close().await.is_ok(),
        Ok(Err(_)) | Err(_) => false,
    }
}

//! Why a database was not brought up, in words for whoever deploys.

use std::time::Duration;

use sqlx::migrate::MigrateError;
use sqlx::postgres::PgDatabaseError;

/// Why it was not done. The text says what Postgres says, and has no password; it is not bounded.
#[derive(Debug, thiserror::Error)]
pub enum MigrateFailure {
    /// A migration. The schema is as it was before this one.
    #[error("migration {migration} failed, and the schema is as it was before it: {}", said(cause))]
    Migration {
        /// Its file, without `.up.sql`.
        migration: String,
        /// What Postgres says.
        #[source]
        cause: sqlx::Error,
    },
    /// A migration is in the database with other contents.
    #[error(
        "migration {0} is in the database with other contents than in this version (its checksum differs): it was changed after it had been applied; nothing was done"
    )]
    Changed(String),
    /// There are tables, but nobody wrote down which migrations made them.
    #[error(
        "the database has tables of Runplane, but no record of migrations (_sqlx_migrations): they were made by psql; docs/operations.md says how to write the record"
    )]
    Unrecorded,
    /// Something else that sqlx finds wrong with the migrations.
    #[error("the migrations cannot be applied: {0}")]
    Migrations(String),
    /// `DATABASE_URL` names a role that is somebody else's.
    #[error(
        "the role {0:?} of DATABASE_URL is there already and no plain member of runplane_functions: its password was not touched; grant runplane_functions to it, or name another role"
    )]
    NotOurRole(String),
    /// The role could not be made or changed.
    #[error("the role {role:?} of DATABASE_URL could not be made ready: {}", said(cause))]
    Role {
        /// Which role.
        role: String,
        /// What Postgres says.
        #[source]
        cause: sqlx::Error,
    },
    /// Tokens of IAM are for servers that take them.
    #[error(
        "DB_LOGIN is iam, and this server has no role rds_iam: none but RDS takes tokens of IAM; the role {0:?} of DATABASE_URL was not touched"
    )]
    NoIam(String),
    /// The functions' role has a password again, which nobody asks for.
    #[error(
        "the role {0:?} of DATABASE_URL is still in rds_iam, so that its password would not be asked for: somebody else has granted that, and has to revoke it"
    )]
    StillIam(String),
    /// The owner's password is not there.
    #[error("the owner's password could not be read from Secrets Manager (OWNER_PASSWORD_SECRET): {0}")]
    OwnerSecret(String),
    /// The first operator's key could not be put away, and so there is none.
    #[error("the first operator's key could not be put into Secrets Manager, and was not made: {0}")]
    KeyStore(String),
    /// The operating system has no random numbers.
    #[error("no random numbers")]
    Random(#[source] getrandom::Error),
    /// The database does not answer.
    #[error("the database did not answer within {} s", .0.as_secs())]
    NoAnswer(Duration),
    /// Time is up.
    #[error("it was not done within {} s: it was still {doing}; what was under way is rolled back", limit.as_secs())]
    Deadline {
        /// The time there was.
        limit: Duration,
        /// What was being done.
        doing: String,
    },
    /// Anything else about Postgres.
    #[error("{}", said(.0))]
    Db(#[from] sqlx::Error),
}

/// A failure of sqlx's that is about no migration in particular.
pub(super) fn of_schema(error: MigrateError) -> MigrateFailure {
    match error {
        MigrateError::Execute(error) => error.into(),
        other => MigrateFailure::Migrations(other.to_string()),
    }
}

/// What Postgres says: message, code and hint. Its detail may have values of rows, which are nobody's business.
fn said(error: &sqlx::Error) -> String {
    let sqlx::Error::Database(database) = error else { return format!("Postgres: {error}") };
    let code = database.code().map(|code| format!(" ({code})")).unwrap_or_default();
    let hint = database.try_downcast_ref::<PgDatabaseError>().and_then(PgDatabaseError::hint);
    let hint = hint.map(|hint| format!("; {hint}")).unwrap_or_default();
    format!("Postgres: {}{code}{hint}", database.message())
}

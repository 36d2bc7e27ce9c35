//! Bringing a database to what this version needs: its schema, the login role of the functions, and a first key (docs/decisions/0027). For
//! `functions/migrate`, which a deployment calls before its other functions are there.
//!
//! | file | what is in it |
//! |---|---|
//! | `schema` | the migrations that are missing, one after the other |
//! | `owner` | whom `OWNER_DATABASE_URL` names, and its password |
//! | `role` | whom `DATABASE_URL` names, in the database |
//! | `scram` | what Postgres is told instead of a password |
//! | `first_key` | an operator's key where there is none at all |
//! | `manager` | Secrets Manager |
//! | `failure` | why it was not done, in words for whoever deploys |
//!
//! All of it is done under the lock that sqlx takes for migrations, so that two at once are one after the other, and all of it may be done
//! again and again: whoever comes second, or after somebody who was killed, does what is left.

mod failure;
mod first_key;
mod manager;
mod owner;
mod role;
mod schema;
mod scram;

use std::fmt;
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use serde::Serialize;
use sqlx::Connection as _;
use sqlx::migrate::Migrate as _;
use sqlx::postgres::{PgConnectOptions, PgConnection};

use crate::config::{ConfigError, Setting, Settings};
use crate::db::{Login, LoginBy, URL_FOR_IAM, takes_tokens};
use owner::Owner;

pub use failure::MigrateFailure;
pub use first_key::KeyStore;
pub use owner::OwnerSecret;
pub use role::RoleIs;
pub use schema::newest;

/// How long a new connection may take.
const CONNECT_TIMEOUT: Duration = Duration::from_secs(10);
/// How long a migration waits for a table, unless it says otherwise itself: whoever waits for one keeps everybody out who comes after.
const LOCK_TIMEOUT: Duration = Duration::from_secs(10);
/// By how much Postgres ends a statement later than we have given up on it: ours is the better sentence.
const GRACE: Duration = Duration::from_secs(1);
/// What both connection strings have to be.
const URL_WITH_A_USER: &str = "a postgres:// URL with a user, whose special characters are percent-encoded";

/// A database, and what it needs.
pub struct Deployment {
    owner: Owner,
    functions: Login,
    login_by: LoginBy,
    keys: Option<KeyStore>,
    lock_timeout: Duration,
    /// What must not be shown, as far as it is known by now.
    hidden: Mutex<Vec<String>>,
}

impl fmt::Debug for Deployment {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Deployment({} for {})", self.owner.named(), self.functions.user())
    }
}

/// What was done.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Migrated {
    /// The newest migration that the database has: newer than this version where an older one was deployed again.
    pub schema: String,
    /// The migrations that were applied now, the oldest first.
    pub applied: Vec<String>,
    /// What became of the functions' login role.
    pub role: RoleIs,
    /// Whether a first operator's key was made now.
    pub operator_key: bool,
}

/// What is being done at this moment: for the sentence that says why it took too long.
#[derive(Debug, Default)]
pub struct Progress(Mutex<String>);

impl Progress {
    fn now(&self, what: impl Into<String>) {
        *self.0.lock().unwrap_or_else(PoisonError::into_inner) = what.into();
    }

    fn last(&self) -> String {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }
}

impl Deployment {
    /// As the settings of a function say. Opens no connection.
    ///
    /// # Errors
    /// [`ConfigError`] names the variable that is missing or cannot be used.
    pub fn from_settings(settings: &mut Settings) -> Result<Self, ConfigError> {
        let functions = settings.required(Setting::DatabaseUrl)?;
        let login_by = settings.login_by()?;
        let owner = settings.required(Setting::OwnerDatabaseUrl)?;
        let mut secret = |setting| {
            settings.optional(setting, "the name of a secret", |value: &str| Some(value.to_owned()))
        };
        let password = secret(Setting::OwnerPasswordSecret)?.map(OwnerSecret::of_manager);
        let keys = secret(Setting::OperatorKeySecret)?.map(KeyStore::of_manager);
        Self::of(Owner::new(&owner, password)?, &functions, keys)?.logging_in_by(login_by)
    }

    /// From connection strings: the owner's, who may make tables and roles, and the functions'. Without `keys` no key is made.
    ///
    /// # Errors
    /// [`ConfigError::Invalid`] if one of them cannot be read, or names nobody.
    pub fn new(owner: &str, functions: &str, keys: Option<KeyStore>) -> Result<Self, ConfigError> {
        Self::of(Owner::new(owner, None)?, functions, keys)
    }

    /// The same, but the owner's password is in a secret. The connection string has none, and may leave the user to the secret.
    ///
    /// # Errors
    /// [`ConfigError::Invalid`] if one of them cannot be read, or has what it may not have.
    pub fn with_secret(
        owner: &str,
        password: OwnerSecret,
        functions: &str,
        keys: Option<KeyStore>,
    ) -> Result<Self, ConfigError> {
        Self::of(Owner::new(owner, Some(password))?, functions, keys)
    }

    fn of(owner: Owner, functions: &str, keys: Option<KeyStore>) -> Result<Self, ConfigError> {
        let invalid = ConfigError::Invalid { setting: Setting::DatabaseUrl, expected: URL_WITH_A_USER };
        let functions = Login::of_url(functions).ok_or(invalid)?;
        let hidden = Mutex::new([owner.hidden.clone(), functions.hidden()].concat());
        let (login_by, lock_timeout) = (LoginBy::Password, LOCK_TIMEOUT);
        Ok(Self { owner, functions, login_by, keys, lock_timeout, hidden })
    }

    /// The same, but this is how the functions prove who they are.
    ///
    /// # Errors
    /// [`ConfigError::Invalid`] if their connection string is not one for it.
    pub fn logging_in_by(self, login_by: LoginBy) -> Result<Self, ConfigError> {
        if login_by == LoginBy::Iam && !takes_tokens(self.functions.url()) {
            return Err(ConfigError::Invalid { setting: Setting::DatabaseUrl, expected: URL_FOR_IAM });
        }
        Ok(Self { login_by, ..self })
    }

    /// The same, but a migration waits so long for a table.
    #[must_use]
    pub fn waiting_for_tables(self, lock_timeout: Duration) -> Self {
        Self { lock_timeout, ..self }
    }

    fn hide(&self, secrets: impl IntoIterator<Item = String>) {
        self.hidden.lock().unwrap_or_else(PoisonError::into_inner).extend(secrets);
    }

    /// Does whatever is missing, within `limit`: the schema, the functions' role, the first key. `request_id` finds the call in the audit.
    ///
    /// # Errors
    /// [`MigrateFailure`], whose text has no password. The migrations before the one that failed stay, each of them whole.
    pub async fn bring_up(&self, limit: Duration, request_id: &str) -> Result<Migrated, MigrateFailure> {
        let progress = Progress::default();
        // In a box: AWS's futures within these are more than a compiler looks through at once.
        let steps = Box::pin(self.steps(limit, request_id, &progress));
        let done = tokio::time::timeout(limit, steps).await;
        done.unwrap_or_else(|_| Err(MigrateFailure::Deadline { limit, doing: progress.last() }))
    }

    /// A text without the passwords of both connection strings, and without the one that was read.
    pub fn masked(&self, text: &str) -> String {
        let hidden = self.hidden.lock().unwrap_or_else(PoisonError::into_inner);
        hidden.iter().fold(text.to_owned(), |text, secret| text.replace(secret.as_str(), "***"))
    }

    async fn steps(
        &self,
        limit: Duration,
        request_id: &str,
        progress: &Progress,
    ) -> Result<Migrated, MigrateFailure> {
        progress.now("reading the owner's password");
        let owner = self.owner.known().await?;
        self.hide(owner.hidden());
        progress.now("connecting to the database");
        let mut conn = connect(&owner.options, limit).await?;
        progress.now("waiting for another migration of this database to end");
        // Goes with the session: whoever is killed leaves no lock behind.
        conn.lock().await.map_err(failure::of_schema)?;
        sqlx::query("select set_config('lock_timeout', $1, false)")
            .bind(format!("{}ms", self.lock_timeout.as_millis()))
            .execute(&mut conn)
            .await?;
        let schema = schema::bring_up(&mut conn, progress).await?;
        progress.now("making the functions' role");
        let role = role::ensure(&mut conn, &self.functions, self.login_by, &owner.user).await?;
        let operator_key = match &self.keys {
            Some(store) => {
                progress.now("making the first operator's key");
                first_key::ensure(&mut conn, store, request_id).await?
            }
            None => false,
        };
        // A lost goodbye changes nothing of what was done.
        conn.close().await.ok();
        Ok(Migrated { schema: schema.newest, applied: schema.applied, role, operator_key })
    }
}

async fn connect(owner: &PgConnectOptions, limit: Duration) -> Result<PgConnection, MigrateFailure> {
    let statement_timeout = (limit + GRACE).as_millis().to_string();
    let options = owner.clone().options([
        ("statement_timeout", statement_timeout.as_str()),
        ("default_transaction_isolation", "read committed"),
        // Lambda may take this environment away without a word: then the transaction and its locks end soon, not after hours.
        ("idle_in_transaction_session_timeout", "60s"),
        ("tcp_keepalives_idle", "10"),
        ("tcp_keepalives_interval", "5"),
        ("tcp_keepalives_count", "3"),
    ]);
    let connected = tokio::time::timeout(CONNECT_TIMEOUT, PgConnection::connect_with(&options)).await;
    let mut conn = connected.map_err(|_| MigrateFailure::NoAnswer(CONNECT_TIMEOUT))??;
    // Not every Postgres has it: there a statement whose client is gone goes on until it is done, or waits no longer for its lock.
    sqlx::raw_sql("set client_connection_check_interval = '1s'").execute(&mut conn).await.ok();
    Ok(conn)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::functions::named;

    #[test]
    fn a_deployment_shows_no_password() {
        let owner = "postgres://owner:hush%21hush@db:5432/runplane";
        let functions = "postgres://app:other-word@db/runplane";
        let given = move |setting| match setting {
            Setting::OwnerDatabaseUrl => Some(owner.into()),
            Setting::DatabaseUrl => Some(functions.into()),
            _ => None,
        };
        let deployment = Deployment::from_settings(&mut Settings::with(named("migrate"), given)).unwrap();
        let shown =
            format!("{deployment:?} {}", deployment.masked("hush!hush hush%21hush other-word, other words"));
        assert_eq!(shown, "Deployment(owner for app) *** *** ***, other words");
    }

    #[test]
    fn a_url_that_names_nobody_is_refused_without_being_shown() {
        for (owner, functions, variable) in [
            ("postgres://db/runplane", "postgres://app@db/runplane", "OWNER_DATABASE_URL"),
            ("postgres://owner@db/runplane", "postgres://:hush@db/runplane", "DATABASE_URL"),
            ("postgres://owner@db:port/runplane", "postgres://app@db/runplane", "OWNER_DATABASE_URL"),
        ] {
            let error = Deployment::new(owner, functions, None).unwrap_err().to_string();
            assert!(error.contains(&format!("variable {variable} ")) && !error.contains("hush"), "{error}");
        }
    }
}

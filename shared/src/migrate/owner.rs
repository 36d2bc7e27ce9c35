//! Who owns the tables: as `OWNER_DATABASE_URL` says, whose password may be in Secrets Manager instead.

use std::fmt;
use std::str::FromStr as _;

use aws_sdk_secretsmanager::Client;
use secrecy::{ExposeSecret as _, SecretString};
use serde::Deserialize;
use sqlx::ConnectOptions as _;
use sqlx::postgres::PgConnectOptions;

use super::{MigrateFailure, URL_WITH_A_USER, manager};
use crate::config::{ConfigError, Setting};
use crate::db::{Login, trusting_rds};

/// A secret with the owner's password, as RDS manages it: `{"username": …, "password": …}`.
#[derive(Clone)]
pub struct OwnerSecret {
    name: String,
    client: Option<Client>,
}

impl fmt::Debug for OwnerSecret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "OwnerSecret({})", self.name)
    }
}

/// What a secret has. Whatever else there is in it is nobody's business.
#[derive(Deserialize)]
struct Kept {
    username: Option<String>,
    password: String,
}

impl OwnerSecret {
    /// The secret of this name or ARN, by the credentials of the environment.
    pub fn of_manager(name: String) -> Self {
        Self { name, client: None }
    }

    /// The same, by this client.
    pub fn with_client(name: String, client: Client) -> Self {
        Self { name, client: Some(client) }
    }

    /// Anew each time: RDS changes the password every few days.
    async fn read(&self) -> Result<Kept, MigrateFailure> {
        let client = manager::client(self.client.as_ref()).await;
        let read = async || Ok(client.get_secret_value().secret_id(&self.name).send().await?);
        let answer = manager::allowed(read).await;
        let answer =
            answer.map_err(|error| MigrateFailure::OwnerSecret(manager::said(&self.name, &error)))?;
        // What serde says of it would be of its contents.
        let kept = answer.secret_string.and_then(|text| serde_json::from_str::<Kept>(&text).ok());
        kept.filter(|kept| !kept.password.is_empty())
            .ok_or_else(|| MigrateFailure::OwnerSecret("it is no JSON with a \"password\"".to_owned()))
    }
}

/// Whoever owns the tables.
pub(super) struct Owner {
    options: PgConnectOptions,
    who: Who,
    /// What of the connection string must not be shown.
    pub(super) hidden: Vec<String>,
}

/// Where name and password come from.
enum Who {
    /// The connection string has both.
    Url(String),
    /// The secret has the password, and may have the name that the connection string has, too, or has instead.
    Secret { secret: OwnerSecret, named: Option<String> },
}

/// An owner who can connect.
pub(super) struct Known {
    pub(super) options: PgConnectOptions,
    pub(super) user: String,
    /// What was read, and must not be shown.
    pub(super) read: Option<SecretString>,
}

impl Owner {
    /// As the settings say.
    pub(super) fn new(url: &str, secret: Option<OwnerSecret>) -> Result<Self, ConfigError> {
        let invalid = |expected| ConfigError::Invalid { setting: Setting::OwnerDatabaseUrl, expected };
        let options = PgConnectOptions::from_str(url).map_err(|_| invalid(URL_WITH_A_USER))?;
        let options = trusting_rds(options, url).log_statements(tracing::log::LevelFilter::Off);
        let login = Login::of_url(url);
        let hidden = login.as_ref().map(Login::hidden).unwrap_or_default();
        let who = match (secret, login) {
            (None, Some(login)) => Who::Url(login.user().to_owned()),
            (None, None) => return Err(invalid(URL_WITH_A_USER)),
            (Some(_), Some(login)) if login.password().is_some() => {
                return Err(invalid("a postgres:// URL without a password, which OWNER_PASSWORD_SECRET has"));
            }
            (Some(secret), login) => {
                Who::Secret { secret, named: login.map(|login| login.user().to_owned()) }
            }
        };
        Ok(Self { options, who, hidden })
    }

    /// Who it is, as far as that is known without asking.
    pub(super) fn named(&self) -> &str {
        match &self.who {
            Who::Url(user) | Who::Secret { named: Some(user), .. } => user,
            Who::Secret { named: None, secret } => &secret.name,
        }
    }

    /// Name and password, read if they have to be.
    pub(super) async fn known(&self) -> Result<Known, MigrateFailure> {
        let (secret, named) = match &self.who {
            Who::Url(user) => {
                return Ok(Known { options: self.options.clone(), user: user.clone(), read: None });
            }
            Who::Secret { secret, named } => (secret, named),
        };
        let Kept { username, password } = secret.read().await?;
        let user = match (named, username) {
            (Some(named), Some(other)) if *named != other => {
                return Err(MigrateFailure::OwnerSecret(format!(
                    "its \"username\" is {other:?}, and OWNER_DATABASE_URL names {named:?}"
                )));
            }
            (Some(user), _) => user.clone(),
            (None, Some(user)) => user,
            (None, None) => {
                return Err(MigrateFailure::OwnerSecret(
                    "it has no \"username\", and OWNER_DATABASE_URL names nobody".to_owned(),
                ));
            }
        };
        let options = self.options.clone().username(&user).password(&password);
        Ok(Known { options, user, read: Some(password.into()) })
    }
}

impl Known {
    /// What was read, as it is.
    pub(super) fn hidden(&self) -> Option<String> {
        self.read.as_ref().map(|read| read.expose_secret().to_owned())
    }
}

//! Where secrets are looked up: each tenant's below a prefix of its own, and nowhere else. Whoever may create a connection chooses its
//! `secret_ref` and where the secret is sent; a name that led out of the prefix would give every tenant every secret.

use std::collections::HashMap;
use std::fmt;
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use aws_sdk_secretsmanager::Client;
use aws_sdk_secretsmanager::error::DisplayErrorContext;
use secrecy::{ExposeSecret as _, SecretString};
use serde_json::{Map, Value};
use tokio::time::Instant;
use uuid::Uuid;

use super::aws::Lazily;
use super::{ReachFailure, aws};
use crate::aws::Found;
use crate::config;

/// How long a secret is remembered: a changed one is known after that, or when the old one is refused.
const REMEMBERED: Duration = Duration::from_secs(300);
/// So many are remembered.
const MAX_REMEMBERED: usize = 1000;
/// Characters that a secret has at least: a shorter one could not be told from other text when it is masked.
pub const MIN_SECRET_CHARS: usize = 8;

/// And at most, in bytes.
const MAX_SECRET_BYTES: usize = 8192;
/// What `SECRETS_PREFIX` has to be.
pub const PREFIX_IS: &str = "1 to 100 letters, digits and /_+=.@-, not beginning with arn";

/// The value of `SECRETS_PREFIX`, if it can be one: with an ARN the name of a secret would be no name below it.
pub fn prefix(text: &str) -> Option<String> {
    (text.len() <= 100 && is_name(text) && !text.starts_with("arn")).then(|| text.to_owned())
}

/// Where the secrets of connections are looked up.
pub struct Secrets {
    store: Store,
    remembered: Mutex<HashMap<(Uuid, String), Remembered>>,
}

/// What has the value of a variable: this process, as a rule.
type Variables = Box<dyn Fn(&str) -> Option<String> + Send + Sync>;

enum Store {
    /// Variables.
    Environment(Variables),
    /// AWS Secrets Manager.
    Manager { prefix: String, client: Lazily<Client> },
}

struct Remembered {
    secret: SecretString,
    until: Instant,
}

impl fmt::Debug for Secrets {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.store {
            Store::Environment(_) => f.write_str("Secrets(environment)"),
            Store::Manager { prefix, .. } => write!(f, "Secrets(below {prefix:?})"),
        }
    }
}

impl Secrets {
    /// From environment variables, named by [`variable`].
    pub fn of_environment() -> Self {
        Self::of_variables(config::secret)
    }

    /// From elsewhere: `source` has the value of a variable.
    pub fn of_variables(source: impl Fn(&str) -> Option<String> + Send + Sync + 'static) -> Self {
        Self::of(Store::Environment(Box::new(source)))
    }

    /// From AWS Secrets Manager, where they are called `<prefix><tenant id>/<secret_ref>`, by credentials that will be `found`.
    pub fn of_manager(prefix: String, found: Found) -> Self {
        Self::of(Store::Manager { prefix, client: Lazily::new(found) })
    }

    /// As `SECRETS_PREFIX` has it: Secrets Manager below the prefix, or, without one, the environment.
    pub fn below(prefix: Option<String>, found: Found) -> Self {
        prefix.map_or_else(Self::of_environment, |prefix| Self::of_manager(prefix, found))
    }

    fn of(store: Store) -> Self {
        Self { store, remembered: Mutex::default() }
    }

    /// A tenant's secret.
    ///
    /// # Errors
    /// `secret_not_found`; `secret_unusable`, if it is no text of at least [`MIN_SECRET_CHARS`] characters; `secret_unavailable`, which passes.
    pub async fn get(&self, tenant: Uuid, secret_ref: &str) -> Result<SecretString, ReachFailure> {
        if !is_name(secret_ref) {
            let message = format!("{secret_ref:?} is not the name of a secret");
            return Err(ReachFailure::new("secret_not_found", message));
        }
        if let Some(secret) = self.recall(tenant, secret_ref) {
            return Ok(secret);
        }
        let found = match &self.store {
            Store::Environment(source) => source(&variable(tenant, secret_ref)),
            Store::Manager { prefix, client } => {
                of_manager(client.get(Client::new).await, &format!("{prefix}{tenant}/{secret_ref}")).await?
            }
        };
        let Some(secret) = found else {
            let place = match &self.store {
                Store::Environment(_) => {
                    format!("the worker's environment has no {}", variable(tenant, secret_ref))
                }
                Store::Manager { prefix, .. } => {
                    format!("Secrets Manager has no {prefix}{tenant}/{secret_ref}")
                }
            };
            return Err(ReachFailure::new("secret_not_found", place));
        };
        if secret.chars().count() < MIN_SECRET_CHARS {
            let message = format!(
                "the secret {secret_ref:?} has fewer than {MIN_SECRET_CHARS} characters: it could not be told from other text when it is masked"
            );
            return Err(ReachFailure::new("secret_unusable", message));
        }
        if secret.len() > MAX_SECRET_BYTES {
            let message = format!("the secret {secret_ref:?} has more than {MAX_SECRET_BYTES} bytes");
            return Err(ReachFailure::new("secret_unusable", message));
        }
        let secret = SecretString::from(secret);
        self.remember(tenant, secret_ref, &secret);
        Ok(secret)
    }

    /// It was refused, and may have been changed: the next one who asks has it looked up.
    pub fn forget(&self, tenant: Uuid, secret_ref: &str) {
        self.locked().remove(&(tenant, secret_ref.to_owned()));
    }

    fn recall(&self, tenant: Uuid, secret_ref: &str) -> Option<SecretString> {
        let remembered = self.locked();
        let found = remembered.get(&(tenant, secret_ref.to_owned()))?;
        (found.until > Instant::now()).then(|| found.secret.clone())
    }

    fn remember(&self, tenant: Uuid, secret_ref: &str, secret: &SecretString) {
        let now = Instant::now();
        let mut remembered = self.locked();
        if remembered.len() >= MAX_REMEMBERED {
            remembered.retain(|_, one| one.until > now);
        }
        if remembered.len() < MAX_REMEMBERED {
            let one = Remembered { secret: secret.clone(), until: now + REMEMBERED };
            remembered.insert((tenant, secret_ref.to_owned()), one);
        }
    }

    fn locked(&self) -> std::sync::MutexGuard<'_, HashMap<(Uuid, String), Remembered>> {
        self.remembered.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// The password that a secret of a database is: the secret, or the `password` of an object of JSON, as RDS writes it.
///
/// # Errors
/// `secret_unusable`: it is an object without one, or with one of fewer than [`MIN_SECRET_CHARS`] characters.
pub fn password(secret: SecretString) -> Result<SecretString, ReachFailure> {
    let text = secret.expose_secret();
    let Ok(fields) = serde_json::from_str::<Map<String, Value>>(text) else { return Ok(secret) };
    let password = fields.get("password").and_then(Value::as_str);
    let long = password.filter(|password| password.chars().count() >= MIN_SECRET_CHARS);
    long.map(SecretString::from).ok_or_else(|| {
        let message =
            format!("the secret is JSON without a \"password\" of at least {MIN_SECRET_CHARS} characters");
        ReachFailure::new("secret_unusable", message)
    })
}

/// The environment variable of a tenant's secret: `RUNPLANE_SECRET_<tenant id>_<secret_ref>` in capitals, with `_` for whatever is neither letter nor
/// digit. A tenant id is always as long, so no tenant's `secret_ref` leads to another's.
pub fn variable(tenant: Uuid, secret_ref: &str) -> String {
    let plain = |char: char| if char.is_ascii_alphanumeric() { char.to_ascii_uppercase() } else { '_' };
    let name: String = format!("{tenant}_{secret_ref}").chars().map(plain).collect();
    format!("{}{name}", config::SECRET_VARIABLES)
}

/// As the API asks of a `secret_ref`: what was written past it may be anything.
fn is_name(secret_ref: &str) -> bool {
    let fits = |byte: u8| byte.is_ascii_alphanumeric() || b"/_+=.@-".contains(&byte);
    (1..=256).contains(&secret_ref.len()) && secret_ref.bytes().all(fits)
}

async fn of_manager(client: &Client, name: &str) -> Result<Option<String>, ReachFailure> {
    match client.get_secret_value().secret_id(name).send().await {
        Ok(answer) => match answer.secret_string {
            Some(secret) => Ok(Some(secret)),
            None => {
                Err(ReachFailure::new("secret_unusable", format!("the secret {name} is binary, and no text")))
            }
        },
        Err(error)
            if error.as_service_error().is_some_and(|error| error.is_resource_not_found_exception()) =>
        {
            Ok(None)
        }
        Err(error) => {
            // The cause is for whoever runs the worker.
            tracing::warn!(secret = name, error = %DisplayErrorContext(&error), "a secret was not read");
            let failure = aws::failure(&error);
            if failure.passes {
                Err(ReachFailure::passing("secret_unavailable", "Secrets Manager cannot be asked just now"))
            } else {
                let message =
                    format!("Secrets Manager refuses the secret {name}; the log of the worker says why");
                Err(ReachFailure::new("secret_unavailable", message))
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const TENANT: Uuid = uuid::uuid!("580115b4-a291-4917-8dbd-247cfa13e2d6");

    #[test]
    fn a_variable_is_named_by_its_tenant_first() {
        let prefix = "RUNPLANE_SECRET_580115B4_A291_4917_8DBD_247CFA13E2D6_";
        assert_eq!(variable(TENANT, "shop/token-1"), format!("{prefix}SHOP_TOKEN_1"));
        // Whatever a tenant calls its secret, its own id stands before it.
        for odd in ["../x", "_", "00000000-0000-0000-0000-000000000000_x"] {
            assert!(variable(TENANT, odd).starts_with(prefix), "{odd}");
        }
    }

    #[tokio::test]
    async fn what_is_no_name_of_a_secret_is_not_looked_up() {
        let secrets = Secrets::of_environment();
        for odd in ["", "a b", "a\0b", "é", "${x}", &"x".repeat(257)] {
            assert_eq!(secrets.get(TENANT, odd).await.unwrap_err().error, "secret_not_found", "{odd:?}");
        }
        let missing = secrets.get(TENANT, "nobody/has-it").await.unwrap_err();
        assert_eq!((missing.error.as_str(), missing.passes), ("secret_not_found", false));
        assert!(missing.message.contains(&variable(TENANT, "nobody/has-it")), "{missing}");
    }

    #[tokio::test(start_paused = true)]
    async fn a_secret_is_remembered_for_minutes_and_forgotten_when_it_was_refused() {
        let secrets = Secrets::of_environment();
        secrets.remember(TENANT, "token", &SecretString::from("long enough"));
        assert!(secrets.recall(TENANT, "token").is_some());
        assert!(secrets.recall(Uuid::nil(), "token").is_none(), "another tenant's");
        tokio::time::advance(REMEMBERED).await;
        assert!(secrets.recall(TENANT, "token").is_none());
        secrets.remember(TENANT, "token", &SecretString::from("long enough"));
        secrets.forget(TENANT, "token");
        assert!(secrets.recall(TENANT, "token").is_none());
    }

    #[test]
    fn a_password_may_stand_in_json() {
        let of =
            |secret: &str| password(SecretString::from(secret)).map(|found| found.expose_secret().to_owned());
        assert_eq!(of("plain password").unwrap(), "plain password");
        assert_eq!(of(r#"{"username": "ann", "password": "long enough"}"#).unwrap(), "long enough");
        // JSON, but no object: that is what the password looks like.
        assert_eq!(of("1234567890").unwrap(), "1234567890");
        for wrong in [r#"{"username": "ann"}"#, r#"{"password": "short"}"#, r#"{"password": 12345678}"#] {
            assert_eq!(of(wrong).unwrap_err().error, "secret_unusable", "{wrong}");
        }
    }

    #[test]
    fn nothing_secret_is_shown() {
        let secrets = Secrets::of_manager("runplane/".to_owned(), crate::aws::of_function);
        secrets.remember(TENANT, "token", &SecretString::from("long enough"));
        assert!(!format!("{secrets:?}").contains("long enough"));
    }
}

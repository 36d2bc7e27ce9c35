//! What a function reads from its environment: only what [`crate::functions`] lists for it. Nothing else in this crate reads
//! variables of ours.

use std::ffi::OsString;
use std::fmt;

use crate::db::{LoginBy, Pooler};
use crate::functions::Function;

/// A variable of ours.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Setting {
    /// Where Postgres is: `DATABASE_URL`.
    DatabaseUrl,
    /// Where Postgres is for whoever owns the tables: `OWNER_DATABASE_URL`.
    OwnerDatabaseUrl,
    /// The secret of Secrets Manager that the first operator's key is put into: `OPERATOR_KEY_SECRET`, its name or ARN; none is made if it is not set.
    OperatorKeySecret,
    /// The secret of Secrets Manager that has the owner's password: `OWNER_PASSWORD_SECRET`, its name or ARN; `OWNER_DATABASE_URL` has it if it is not set.
    OwnerPasswordSecret,
    /// How a function proves to Postgres who it is: `DB_LOGIN`, `password` or `iam`; password if it is not set.
    DbLogin,
    /// What stands between the function and Postgres: `DB_POOLER`, `none` or `transaction`; none if it is not set.
    DbPooler,
    /// The queue that wakes the worker: `RUNS_QUEUE_URL`.
    RunsQueueUrl,
    /// The queue that invokes the sweep: `SWEEP_QUEUE_URL`.
    SweepQueueUrl,
    /// The queue that has events delivered: `DELIVER_QUEUE_URL`.
    DeliverQueueUrl,
    /// The lease of the SQS-triggered worker: `WORKER_LEASE_SECONDS`, 30 if it is not set.
    WorkerLeaseSeconds,
    /// The bucket for outputs of more than 256 KiB: `OUTPUT_BUCKET`; there is none if it is not set.
    OutputBucket,
    /// What the names of secrets in Secrets Manager begin with: `SECRETS_PREFIX`; secrets are environment variables if it is not set.
    SecretsPrefix,
    /// Days a run is kept after its end: `RETENTION_DAYS`, 90 if it is not set; 0 = for ever.
    RetentionDays,
    /// The EventBridge bus that is told about every change of a run: `EVENT_BUS`, its ARN; there is none if it is not set.
    EventBus,
    /// Whether callers have to prove who they are: `AUTH`, `required` or `off`; required if it is not set. For a machine of one's own: no template gives
    /// it to a function.
    Auth,
    /// The OIDC issuer whose tokens are taken: `OIDC_ISSUER`; none if it is not set.
    OidcIssuer,
    /// Whom these tokens have to be for: `OIDC_AUDIENCE`.
    OidcAudience,
    /// The issuer's keys, for functions without a way to it: `OIDC_JWKS`; they are fetched if it is not set.
    OidcJwks,
    /// Where a token has the tenant: `OIDC_TENANT_CLAIM`, `tenant_id` if it is not set.
    OidcTenantClaim,
    /// Where a token has the roles: `OIDC_ROLES_CLAIM`, `roles` if it is not set.
    OidcRolesClaim,
    /// The collector that spans are sent to, by OTLP over HTTP: `OTEL_EXPORTER_OTLP_ENDPOINT`; none are made if it is not set.
    OtlpEndpoint,
}

impl Setting {
    /// The variable's name.
    pub const fn name(self) -> &'static str {
        match self {
            Self::DatabaseUrl => "DATABASE_URL",
            Self::OwnerDatabaseUrl => "OWNER_DATABASE_URL",
            Self::OperatorKeySecret => "OPERATOR_KEY_SECRET",
            Self::OwnerPasswordSecret => "OWNER_PASSWORD_SECRET",
            Self::DbLogin => "DB_LOGIN",
            Self::DbPooler => "DB_POOLER",
            Self::RunsQueueUrl => "RUNS_QUEUE_URL",
            Self::SweepQueueUrl => "SWEEP_QUEUE_URL",
            Self::DeliverQueueUrl => "DELIVER_QUEUE_URL",
            Self::WorkerLeaseSeconds => "WORKER_LEASE_SECONDS",
            Self::OutputBucket => "OUTPUT_BUCKET",
            Self::SecretsPrefix => "SECRETS_PREFIX",
            Self::RetentionDays => "RETENTION_DAYS",
            Self::EventBus => "EVENT_BUS",
            Self::Auth => "AUTH",
            Self::OidcIssuer => "OIDC_ISSUER",
            Self::OidcAudience => "OIDC_AUDIENCE",
            Self::OidcJwks => "OIDC_JWKS",
            Self::OidcTenantClaim => "OIDC_TENANT_CLAIM",
            Self::OidcRolesClaim => "OIDC_ROLES_CLAIM",
            Self::OtlpEndpoint => "OTEL_EXPORTER_OTLP_ENDPOINT",
        }
    }

    /// Whether a function that reads it does nothing without it. The others may be left out or empty.
    pub const fn is_required(self) -> bool {
        match self {
            Self::DatabaseUrl
            | Self::OwnerDatabaseUrl
            | Self::RunsQueueUrl
            | Self::SweepQueueUrl
            | Self::DeliverQueueUrl => true,
            Self::DbLogin
            | Self::DbPooler
            | Self::OwnerPasswordSecret
            | Self::OperatorKeySecret
            | Self::WorkerLeaseSeconds
            | Self::OutputBucket
            | Self::SecretsPrefix
            | Self::RetentionDays
            | Self::EventBus
            | Self::Auth
            | Self::OidcIssuer
            | Self::OidcAudience
            | Self::OidcJwks
            | Self::OidcTenantClaim
            | Self::OidcRolesClaim
            | Self::OtlpEndpoint => false,
        }
    }
}

/// What the names of variables with secrets of connections begin with: that of no setting does.
pub const SECRET_VARIABLES: &str = "RUNPLANE_SECRET_";

/// The value of a variable with a secret of a connection; None: it is not set, or is the name of something else.
pub fn secret(name: &str) -> Option<String> {
    if name.starts_with(SECRET_VARIABLES) { std::env::var(name).ok() } else { None }
}

/// The value of a variable of the AWS SDK; None: it is not set, or empty.
pub fn of_aws(name: &str) -> Option<String> {
    if name.starts_with("AWS_") {
        std::env::var(name).ok().filter(|value| !value.trim().is_empty())
    } else {
        None
    }
}

/// The authorities that an operator trusts with databases, besides the public ones: `PGSSLROOTCERT`, as PEM or as the name of a file of such, as sqlx takes it
/// for our own database, where they take the place of those of RDS. None: it is not set, or empty.
pub fn root_certificates() -> Option<String> {
    std::env::var("PGSSLROOTCERT").ok().filter(|value| !value.trim().is_empty())
}

/// The first of these variables that is set: a library would read it by itself.
pub fn first_set(names: &[&'static str]) -> Option<&'static str> {
    names.iter().copied().find(|name| std::env::var_os(name).is_some())
}

/// A setting that is a whole number.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Number {
    /// The least it may be.
    pub least: i32,
    /// The most it may be.
    pub most: i32,
    /// What it is if the variable is not set.
    pub default: i32,
    expected: &'static str,
}

/// The lease of the SQS-triggered worker, in seconds. 30: a dead worker is noticed within half a minute.
pub const WORKER_LEASE_SECONDS: Number =
    Number { least: 5, most: 900, default: 30, expected: "a whole number of seconds from 5 to 900" };

/// Days a run is kept after its end; 0 = for ever.
pub const RETENTION_DAYS: Number =
    Number { least: 0, most: 36_500, default: 90, expected: "a whole number of days from 0 to 36500" };

impl fmt::Display for Setting {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

/// A setting that is missing or cannot be used. It names the variable, never its value.
#[derive(Debug, thiserror::Error)]
pub enum ConfigError {
    /// The variable is not set, or empty.
    #[error("the environment variable {0} is not set")]
    Missing(Setting),
    /// The variable's value cannot be used.
    #[error("the environment variable {setting} is not {expected}")]
    Invalid {
        /// Which variable.
        setting: Setting,
        /// What it should have been.
        expected: &'static str,
    },
    /// Tokens are signed for a region.
    #[error("the environment has no region of AWS (AWS_REGION), which DB_LOGIN=iam needs")]
    NoRegion,
    /// A defect: a deployment does not give the variable to this function.
    #[error("the function {function} reads {setting}, which runplane::functions does not list for it")]
    Undeclared {
        /// Which function.
        function: &'static str,
        /// Which variable.
        setting: Setting,
    },
}

/// What has the value of a variable.
type Source = Box<dyn Fn(Setting) -> Option<OsString> + Send>;

/// The settings of one function.
pub struct Settings {
    function: &'static Function,
    source: Source,
    read: Vec<Setting>,
}

impl Settings {
    /// From the environment of this process.
    pub fn of(function: &'static Function) -> Self {
        Self::with(function, |setting| std::env::var_os(setting.name()))
    }

    /// From elsewhere: `source` has the value of a variable.
    pub fn with(
        function: &'static Function,
        source: impl Fn(Setting) -> Option<OsString> + Send + 'static,
    ) -> Self {
        Self { function, source: Box::new(source), read: Vec::new() }
    }

    /// Whose settings these are.
    pub fn function(&self) -> &'static Function {
        self.function
    }

    /// What is listed for the function, but was not asked for.
    pub fn unread(&self) -> Vec<Setting> {
        self.function.settings.iter().filter(|setting| !self.read.contains(setting)).copied().collect()
    }

    /// The value of a variable that has to be there.
    ///
    /// # Errors
    /// [`ConfigError::Missing`] if it is unset, empty or not UTF-8; [`ConfigError::Undeclared`].
    pub fn required(&mut self, setting: Setting) -> Result<String, ConfigError> {
        let value = self.value(setting)?.and_then(|value| value.into_string().ok());
        value.filter(|value| !value.is_empty()).ok_or(ConfigError::Missing(setting))
    }

    /// The value of a variable that may be left out or empty.
    ///
    /// # Errors
    /// [`ConfigError::Invalid`] if it is set to something that `parse` does not take; [`ConfigError::Undeclared`].
    pub fn optional<T>(
        &mut self,
        setting: Setting,
        expected: &'static str,
        parse: impl FnOnce(&str) -> Option<T>,
    ) -> Result<Option<T>, ConfigError> {
        let Some(value) = self.value(setting)?.filter(|value| !value.is_empty()) else { return Ok(None) };
        let parsed = value.to_str().and_then(parse);
        parsed.map(Some).ok_or(ConfigError::Invalid { setting, expected })
    }

    /// What a variable says that is a number, or the default.
    ///
    /// # Errors
    /// [`ConfigError::Invalid`] if it is no whole number or out of bounds; [`ConfigError::Undeclared`].
    pub fn number(&mut self, setting: Setting, number: Number) -> Result<i32, ConfigError> {
        let Number { least, most, default, expected } = number;
        let parse = |value: &str| value.parse().ok().filter(|number| (least..=most).contains(number));
        Ok(self.optional(setting, expected, parse)?.unwrap_or(default))
    }

    /// What `DB_POOLER` says.
    ///
    /// # Errors
    /// [`ConfigError::Invalid`] if it is neither `none` nor `transaction`; [`ConfigError::Undeclared`].
    pub fn pooler(&mut self) -> Result<Pooler, ConfigError> {
        let parse = |value: &str| match value {
            "none" => Some(Pooler::None),
            "transaction" => Some(Pooler::Transaction),
            _ => None,
        };
        Ok(self.optional(Setting::DbPooler, "none or transaction", parse)?.unwrap_or_default())
    }

    /// What `DB_LOGIN` says.
    ///
    /// # Errors
    /// [`ConfigError::Invalid`] if it is neither `password` nor `iam`; [`ConfigError::Undeclared`].
    pub fn login_by(&mut self) -> Result<LoginBy, ConfigError> {
        let parse = |value: &str| match value {
            "password" => Some(LoginBy::Password),
            "iam" => Some(LoginBy::Iam),
            _ => None,
        };
        Ok(self.optional(Setting::DbLogin, "password or iam", parse)?.unwrap_or_default())
    }

    fn value(&mut self, setting: Setting) -> Result<Option<OsString>, ConfigError> {
        if !self.function.settings.contains(&setting) {
            return Err(ConfigError::Undeclared { function: self.function.name, setting });
        }
        self.read.push(setting);
        Ok((self.source)(setting))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::functions;

    fn settings(value: &'static str) -> Settings {
        Settings::with(functions::named("worker"), move |_| Some(value.into()))
    }

    fn error<T>(result: Result<T, ConfigError>) -> String {
        result.err().map(|error| error.to_string()).unwrap_or_default()
    }

    #[test]
    fn a_setting_that_the_table_does_not_list_is_not_read() {
        let mut settings = settings("1");
        let undeclared =
            settings.optional(Setting::RetentionDays, "a number", |value| value.parse::<u8>().ok());
        assert_eq!(
            error(undeclared),
            "the function worker reads RETENTION_DAYS, which runplane::functions does not list for it"
        );
        let mut settings = Settings::of(functions::named("claim"));
        assert!(matches!(
            settings.required(Setting::RunsQueueUrl),
            Err(ConfigError::Undeclared { function: "claim", setting: Setting::RunsQueueUrl })
        ));
    }

    #[test]
    fn an_error_names_the_variable_and_never_its_value() {
        assert_eq!(
            error(settings("secret").pooler()),
            "the environment variable DB_POOLER is not none or transaction"
        );
        let missing = settings("").required(Setting::DatabaseUrl);
        assert_eq!(error(missing), "the environment variable DATABASE_URL is not set");
    }

    #[test]
    fn an_empty_variable_is_one_that_is_not_set() {
        assert_eq!(settings("").pooler().unwrap(), Pooler::None);
        assert_eq!(settings("transaction").pooler().unwrap(), Pooler::Transaction);
    }

    #[test]
    fn a_function_logs_in_with_a_password_unless_it_is_told_otherwise_in_so_many_words() {
        assert_eq!(settings("").login_by().unwrap(), LoginBy::Password);
        assert_eq!(settings("iam").login_by().unwrap(), LoginBy::Iam);
        assert_eq!(
            error(settings("token").login_by()),
            "the environment variable DB_LOGIN is not password or iam"
        );
    }

    #[cfg(unix)]
    #[test]
    fn a_variable_that_is_not_utf_8_cannot_be_used() {
        use std::os::unix::ffi::OsStringExt as _;
        let mut settings =
            Settings::with(functions::named("worker"), |_| Some(OsString::from_vec(vec![0xff])));
        assert!(matches!(settings.pooler(), Err(ConfigError::Invalid { .. })));
        assert!(matches!(settings.required(Setting::DatabaseUrl), Err(ConfigError::Missing(_))));
    }

    #[test]
    fn what_was_not_asked_for_is_remembered() {
        let mut settings = settings("");
        settings.pooler().unwrap();
        let unread = [
            Setting::DatabaseUrl,
            Setting::DbLogin,
            Setting::RunsQueueUrl,
            Setting::SweepQueueUrl,
            Setting::WorkerLeaseSeconds,
            Setting::OutputBucket,
            Setting::SecretsPrefix,
            Setting::OtlpEndpoint,
        ];
        assert_eq!(settings.unread(), unread);
    }
}

//! Passwords that nobody keeps: RDS takes a token of IAM instead, which is signed here, without asking anybody.
//!
//! A token is a signature of `rds-db:connect` on a host, a port and a role of Postgres, good for 15 minutes by the clock of RDS. Only the password of a new
//! connection is looked at: one that is open outlives its token.

use std::fmt;
use std::sync::{Mutex, PoisonError};
use std::time::{Duration, SystemTime};

use aws_config::Region;
use aws_credential_types::Credentials;
use aws_credential_types::provider::{ProvideCredentials as _, SharedCredentialsProvider};
use aws_sigv4::http_request::{SignableBody, SignableRequest, SignatureLocation, SigningSettings, sign};
use aws_sigv4::sign::v4;
use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, utf8_percent_encode};
use secrecy::SecretString;
use sqlx::postgres::PgConnectOptions;
use url::Url;

use crate::aws;
use crate::config::ConfigError;

/// How long a token is good: as long as RDS allows.
const GOOD_FOR: Duration = Duration::from_secs(15 * 60);
/// How long one is used for new connections. The rest is for a clock that goes wrong, and for the connection itself.
const USED_FOR: Duration = Duration::from_secs(10 * 60);
/// So long before the credentials expire that it was signed with, a token is not used any more: RDS refuses it when they have.
const BEFORE_CREDENTIALS_EXPIRE: Duration = Duration::from_secs(60);
/// What SigV4 leaves as it is.
const UNRESERVED: &AsciiSet = &NON_ALPHANUMERIC.remove(b'-').remove(b'_').remove(b'.').remove(b'~');

/// Makes tokens for one role of one server, and keeps the last one.
pub struct Tokens {
    target: Target,
    region: Region,
    credentials: SharedCredentialsProvider,
    kept: Mutex<Option<Kept>>,
}

/// Whom a token lets in, and where.
#[derive(Clone, Debug)]
struct Target {
    host: String,
    port: u16,
    user: String,
}

struct Kept {
    token: SecretString,
    signed: SystemTime,
    /// Up to when it is used.
    until: SystemTime,
}

/// There is no token.
#[derive(Debug, thiserror::Error)]
pub enum TokenError {
    /// The environment has no credentials.
    #[error("there are no credentials of AWS to sign a token with")]
    Credentials(#[from] aws_credential_types::provider::error::CredentialsError),
    /// It could not be signed: what the URL calls a host is none, say.
    #[error("a token could not be signed")]
    Sign(#[source] Box<dyn std::error::Error + Send + Sync>),
}

impl TokenError {
    fn signing(cause: impl std::error::Error + Send + Sync + 'static) -> Self {
        Self::Sign(Box::new(cause))
    }
}

impl From<TokenError> for sqlx::Error {
    /// Not one of Postgres: its log says nothing of it.
    fn from(error: TokenError) -> Self {
        Self::Configuration(Box::new(error))
    }
}

impl fmt::Debug for Tokens {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Tokens({:?} in {})", self.target, self.region)
    }
}

impl Tokens {
    /// By the credentials and the region of the environment, as Lambda gives them. Asks nobody yet.
    ///
    /// # Errors
    /// [`ConfigError::NoRegion`].
    pub async fn of_environment(options: &PgConnectOptions) -> Result<Self, ConfigError> {
        let config = aws::of_function().await;
        match (config.region(), config.credentials_provider()) {
            (Some(region), Some(credentials)) => Ok(Self::new(options, region.clone(), credentials)),
            _ => Err(ConfigError::NoRegion),
        }
    }

    /// By credentials that are already there.
    pub fn new(options: &PgConnectOptions, region: Region, credentials: SharedCredentialsProvider) -> Self {
        let target = Target {
            host: options.get_host().to_owned(),
            port: options.get_port(),
            user: options.get_username().to_owned(),
        };
        Self { target, region, credentials, kept: Mutex::default() }
    }

    /// The password of a connection that is opened at `now`: the last token, or a new one.
    pub(super) async fn at(&self, now: SystemTime) -> Result<SecretString, TokenError> {
        if let Some(token) = self.kept(now) {
            return Ok(token);
        }
        let credentials = self.credentials.provide_credentials().await?;
        let token = SecretString::from(token(&self.target, &self.region, &credentials, now)?);
        let until = [Some(now + USED_FOR), credentials.expiry().map(|end| end - BEFORE_CREDENTIALS_EXPIRE)];
        let until = until.into_iter().flatten().min().unwrap_or(now);
        *self.locked() = Some(Kept { token: token.clone(), signed: now, until });
        Ok(token)
    }

    /// It was refused: the next connection has a new one.
    pub(super) fn forget(&self) {
        self.locked().take();
    }

    /// By the clock of the day and not by one that only goes forward: that is what RDS compares with, and a frozen environment's other clock may stand still.
    /// A clock that was set back makes the token one of the future, which RDS refuses.
    fn kept(&self, now: SystemTime) -> Option<SecretString> {
        let kept = self.locked();
        let kept = kept.as_ref()?;
        (kept.signed <= now && now < kept.until).then(|| kept.token.clone())
    }

    fn locked(&self) -> std::sync::MutexGuard<'_, Option<Kept>> {
        self.kept.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// A request that nobody makes, signed in its query.
fn token(
    target: &Target,
    region: &Region,
    credentials: &Credentials,
    now: SystemTime,
) -> Result<String, TokenError> {
    let user = utf8_percent_encode(&target.user, UNRESERVED);
    let url = format!("https://{}:{}/?Action=connect&DBUser={user}", target.host, target.port);
    let mut url = Url::parse(&url).map_err(TokenError::signing)?;
    let mut settings = SigningSettings::default();
    settings.signature_location = SignatureLocation::QueryParams;
    settings.expires_in = Some(GOOD_FOR);
    let identity = credentials.clone().into();
    let parameters = v4::SigningParams::builder()
        .identity(&identity)
        .region(region.as_ref())
        .name("rds-db")
        .time(now)
        .settings(settings)
        .build()
        .map_err(TokenError::signing)?
        .into();
    let request = SignableRequest::new("GET", url.as_str(), std::iter::empty(), SignableBody::Bytes(&[]));
    let signed = sign(request.map_err(TokenError::signing)?, &parameters).map_err(TokenError::signing)?;
    url.query_pairs_mut().extend_pairs(signed.output().params());
    Ok(url.as_str().trim_start_matches("https://").to_owned())
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;
    use std::sync::atomic::{AtomicUsize, Ordering};

    use aws_credential_types::provider::{ProvideCredentials, future};
    use secrecy::ExposeSecret as _;

    use super::*;

    const KEY: &str = "wJalrXUtnFEMI/K7MDENG+bPxRfiCYEXAMPLEKEY";

    fn target() -> PgConnectOptions {
        PgConnectOptions::new_without_pgpass()
            .host("runplane.abc123.eu-west-1.rds.amazonaws.com")
            .port(5432)
            .username("runplane app@1")
    }

    /// 2026-11-28 12:30:45 UTC.
    fn then() -> SystemTime {
        SystemTime::UNIX_EPOCH + Duration::from_secs(1_795_869_045)
    }

    /// Credentials that end after so long, if ever, and how often they were asked for.
    #[derive(Clone, Debug)]
    struct Counted {
        ending: Option<SystemTime>,
        asked: Arc<AtomicUsize>,
    }

    impl ProvideCredentials for Counted {
        fn provide_credentials<'a>(&'a self) -> future::ProvideCredentials<'a>
        where
            Self: 'a,
        {
            self.asked.fetch_add(1, Ordering::Relaxed);
            future::ProvideCredentials::ready(Ok(Credentials::new("AKID", KEY, None, self.ending, "test")))
        }
    }

    fn counted(ending: Option<SystemTime>) -> (Tokens, Arc<AtomicUsize>) {
        let counted = Counted { ending, asked: Arc::default() };
        let asked = Arc::clone(&counted.asked);
        let region = Region::new("eu-west-1");
        (Tokens::new(&target(), region, SharedCredentialsProvider::new(counted)), asked)
    }

    fn parts(token: &str) -> (&str, Vec<&str>) {
        let (address, query) = token.split_once('?').unwrap();
        let mut parts: Vec<_> = query.split('&').collect();
        parts.sort_unstable();
        (address, parts)
    }

    /// The expected ones are those of botocore 1.44.8, `client("rds").generate_db_auth_token(host, 5432, user)` with the same credentials, without and with a
    /// session, its `botocore.auth.get_current_datetime` answering the same time. RDS reads the parameters in any order.
    #[test]
    fn a_token_is_what_botocore_makes_of_the_same_credentials_at_the_same_time() {
        let address = "runplane.abc123.eu-west-1.rds.amazonaws.com:5432/";
        let always = "Action=connect&DBUser=runplane%20app%401&X-Amz-Algorithm=AWS4-HMAC-SHA256\
            &X-Amz-Credential=AKIDEXAMPLE%2F20261128%2Feu-west-1%2Frds-db%2Faws4_request&X-Amz-Date=20261128T123045Z&X-Amz-Expires=900&X-Amz-SignedHeaders=host";
        for (session, expected) in [
            (None, "&X-Amz-Signature=620e1a3bfa09b4b009c5141654fd75b85ee71baa4edc6cdc3c932fe0854e6593"),
            (
                Some("session+token/==".to_owned()),
                "&X-Amz-Security-Token=session%2Btoken%2F%3D%3D&X-Amz-Signature=469ee641e784f77b570b0765be3b0ace21393e1c742c99809ca38a4bd217231a",
            ),
        ] {
            let credentials = Credentials::new("AKIDEXAMPLE", KEY, session, None, "test");
            let tokens = counted(None).0;
            let made = token(&tokens.target, &tokens.region, &credentials, then()).unwrap();
            assert_eq!(parts(&made), parts(&format!("{address}?{always}{expected}")));
        }
    }

    #[tokio::test]
    async fn a_token_is_kept_for_ten_of_its_fifteen_minutes() {
        let (tokens, asked) = counted(None);
        let first = tokens.at(then()).await.unwrap();
        let again = tokens.at(then() + USED_FOR - Duration::from_secs(1)).await.unwrap();
        assert_eq!((first.expose_secret(), asked.load(Ordering::Relaxed)), (again.expose_secret(), 1));
        let next = tokens.at(then() + USED_FOR).await.unwrap();
        assert_ne!(first.expose_secret(), next.expose_secret());
        // A clock that is set back.
        tokens.at(then()).await.unwrap();
        assert_eq!(asked.load(Ordering::Relaxed), 3);
    }

    #[tokio::test]
    async fn a_token_is_not_used_when_the_credentials_that_signed_it_are_about_to_expire() {
        let (tokens, asked) = counted(Some(then() + Duration::from_secs(300)));
        tokens.at(then()).await.unwrap();
        tokens.at(then() + Duration::from_secs(239)).await.unwrap();
        assert_eq!(asked.load(Ordering::Relaxed), 1);
        tokens.at(then() + Duration::from_secs(240)).await.unwrap();
        assert_eq!(asked.load(Ordering::Relaxed), 2);
        // What expires at once is used, and not kept.
        tokens.at(then() + Duration::from_secs(241)).await.unwrap();
        assert_eq!(asked.load(Ordering::Relaxed), 3);
    }

    #[tokio::test]
    async fn a_token_that_was_refused_is_forgotten() {
        let (tokens, asked) = counted(None);
        tokens.at(then()).await.unwrap();
        tokens.forget();
        tokens.at(then()).await.unwrap();
        assert_eq!(asked.load(Ordering::Relaxed), 2);
    }

    #[tokio::test]
    async fn nothing_secret_is_shown() {
        let (tokens, _) = counted(None);
        tokens.at(then()).await.unwrap();
        let shown = format!("{tokens:?}");
        assert!(!shown.contains("X-Amz") && !shown.contains(KEY), "{shown}");
    }
}

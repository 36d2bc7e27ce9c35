//! Tokens (JWT) of one OIDC issuer. They are verified in the function: nothing stands in front of it that does, so that the same code decides on
//! AWS and on a machine of one's own.
//!
//! | file | what is in it |
//! |---|---|
//! | `settings` | which issuer, for whom, and where a token has the tenant and the roles |
//! | `unproven` | what a token says before anything of it is proven: which key it was signed with |
//! | `algorithm` | the algorithms that are taken |
//! | `jwks` | a set of keys, and the one that fits |
//! | `issuer` | the issuer, asked for its keys |
//! | `keyring`, `kept` | keys that were fetched: how long they count, and when the issuer is asked again |
//! | `clock` | the time that these go by |
//! | `claims` | who it is that a proven token speaks of |

mod algorithm;
mod claims;
mod clock;
mod issuer;
mod jwks;
mod kept;
mod keyring;
mod settings;
mod unproven;

use std::time::Duration;

use jsonwebtoken::errors::ErrorKind;
use jsonwebtoken::{Algorithm, DecodingKey, Validation};
use serde_json::Value;

use super::principal::Principal;
use issuer::Issuer;
use jwks::{Keys, Wanted};
use keyring::Keyring;
use unproven::Unproven;

pub use clock::Clock;
pub use settings::{AUDIENCE, ISSUER, JWKS, ROLES_CLAIM, TENANT_CLAIM, TokenSettings};

/// Larger tokens are refused, unread.
pub const MAX_TOKEN_BYTES: usize = 8 * 1024;
/// Seconds by which the issuer's clock and ours may differ.
const LEEWAY_SECONDS: u64 = 30;
/// What the issuer has to answer in, both requests together. A caller of ours waits for it.
const TIME_LIMIT: Duration = Duration::from_secs(3);

/// Why a token lets nobody in.
#[derive(Debug)]
pub enum Refused {
    /// It does not prove what it says, or says too little: 401. The log says what was wrong, at level DEBUG; a caller is not told.
    Invalid,
    /// The issuer's keys could not be had, so that nothing can be said about it now: 503, with what happened.
    Unavailable(anyhow::Error),
}

/// The tokens of an issuer.
#[derive(Debug)]
pub struct Tokens {
    settings: TokenSettings,
    keys: Source,
}

/// Where its keys are from.
#[derive(Debug)]
enum Source {
    /// They were given. Nothing is fetched.
    Pinned(Keys),
    Fetched(Box<Keyring>),
}

/// Why a token is not taken, for us.
enum Fault {
    /// What is wrong with it: never a part of it.
    Invalid(&'static str),
    Unavailable(anyhow::Error),
}

impl From<&'static str> for Fault {
    fn from(why: &'static str) -> Self {
        Self::Invalid(why)
    }
}

impl Tokens {
    /// As the settings say. Reaches nothing: the first token does, unless the keys are pinned.
    pub fn new(settings: TokenSettings) -> Self {
        Self::with_clock(settings, Clock::system(), TIME_LIMIT)
    }

    /// By another clock, and with another time limit for what the issuer answers. `clock` decides how long keys count; when a token expires, the clock
    /// of the system does.
    pub fn with_clock(mut settings: TokenSettings, clock: Clock, time_limit: Duration) -> Self {
        let keys = match settings.jwks.take() {
            Some(keys) => Source::Pinned(keys),
            None => Source::Fetched(Box::new(Keyring::new(Issuer::new(&settings.issuer, time_limit), clock))),
        };
        Self { settings, keys }
    }

    /// Who it is that the token proves: `id` is `token:<issuer>|<subject>`; the tenant and the roles are as the claims say, if they may stand
    /// together. There may be no role among them. Asks the issuer where its keys are not known, which takes 3 s at most.
    ///
    /// # Errors
    /// [`Refused`].
    pub async fn principal(&self, token: &str) -> Result<Principal, Refused> {
        self.read(token).await.map_err(|fault| match fault {
            Fault::Invalid(why) => {
                tracing::debug!("A token was refused: {why}");
                Refused::Invalid
            }
            Fault::Unavailable(cause) => Refused::Unavailable(cause),
        })
    }

    async fn read(&self, token: &str) -> Result<Principal, Fault> {
        if token.len() > MAX_TOKEN_BYTES {
            return Err(Fault::Invalid("it is too large"));
        }
        let unproven = Unproven::read(token)?;
        // It proves nothing yet, but nobody asks our issuer for the keys of another one.
        if unproven.issuer != self.settings.issuer {
            return Err(Fault::Invalid("it is of another issuer"));
        }
        let wanted = Wanted { kid: unproven.kid.as_deref(), algorithm: unproven.algorithm };
        let key = match &self.keys {
            Source::Pinned(keys) => keys.find(wanted).cloned().ok_or(jwks::NO_KEY)?,
            Source::Fetched(keyring) => keyring.key(wanted).await?,
        };
        let claims = self.proven(token, &key, unproven.algorithm)?;
        Ok(claims::principal(&claims, &self.settings)?)
    }

    /// The claims of a token that this key has signed, that is for us, and is valid now.
    fn proven(&self, token: &str, key: &DecodingKey, algorithm: Algorithm) -> Result<Value, &'static str> {
        let mut validation = Validation::new(algorithm);
        validation.set_required_spec_claims(&["iss", "aud", "exp", "sub"]);
        validation.set_issuer(&[&self.settings.issuer]);
        validation.set_audience(&[&self.settings.audience]);
        validation.validate_nbf = true;
        validation.leeway = LEEWAY_SECONDS;
        let decoded = jsonwebtoken::decode::<Value>(token, key, &validation);
        // The errors themselves may repeat what stands in the token.
        let token = decoded.map_err(|error| match error.kind() {
            ErrorKind::InvalidSignature => "its signature is not of this key",
            ErrorKind::ExpiredSignature => "it has expired",
            ErrorKind::ImmatureSignature => "it is not valid yet",
            ErrorKind::InvalidAudience => "it is for somebody else",
            ErrorKind::InvalidIssuer => "it is of another issuer",
            ErrorKind::MissingRequiredClaim(_) => "it has no issuer, audience, subject or end",
            _ => "it cannot be read",
        })?;
        Ok(token.claims)
    }
}

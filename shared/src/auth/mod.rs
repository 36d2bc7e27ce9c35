//! Who makes a request, and whether it may. One place decides: the edge (`crate::http`) asks [`Auth`] for the [`Principal`] of a request, and the
//! request's [`Route`](crate::functions::Route) for the roles that may make it. Handlers get the principal's scope, and nothing wider.
//!
//! | file | what is in it |
//! |---|---|
//! | `credential` | what a request brings |
//! | `principal`, `role` | who that is, and what it may be used for |
//! | `authenticate`, `cache`, `budget` | API keys, looked up, and how often they may be used |
//! | `keys` | the verbs of API keys |
//! | `tokens` | tokens (JWT) of an OIDC issuer |
//! | `policy` | endpoint × role, as docs/security.md shows it |

mod authenticate;
mod budget;
mod cache;
mod credential;
pub mod keys;
pub mod policy;
mod principal;
mod role;
pub mod tokens;

use std::sync::Arc;
use std::time::Duration;

use http::HeaderMap;

use crate::config::{ConfigError, Setting, Settings};
use crate::db::Db;
use crate::problem::{Code, Problem};

use authenticate::Known;
use budget::Grant;
use cache::{Found, KeyCache, Moment};
use credential::Credential;
use tokens::{Refused, TokenSettings, Tokens};

pub use credential::{ApiKey, SECRET_BYTES};
pub use principal::Principal;
pub use role::{Role, Roles};

/// How an environment tells who makes a request.
#[derive(Debug)]
pub struct Auth {
    mode: Mode,
}

#[derive(Debug)]
enum Mode {
    Off,
    Required { keys: KeyCache, tokens: Option<Box<Tokens>> },
}

impl Auth {
    /// Nobody is asked: whoever reaches the API may do everything. For a machine of one's own.
    pub fn off() -> Self {
        Self { mode: Mode::Off }
    }

    /// Every request needs an API key, or a token where there is an issuer.
    pub fn required(tokens: Option<Tokens>) -> Self {
        Self { mode: Mode::Required { keys: KeyCache::default(), tokens: tokens.map(Box::new) } }
    }

    /// As the settings say: `AUTH=off`, and nothing else, turns it off, which is warned of.
    ///
    /// # Errors
    /// [`ConfigError`] names the variable that is missing or cannot be used.
    pub fn from_settings(settings: &mut Settings) -> Result<Self, ConfigError> {
        let parse = |value: &str| match value {
            "off" => Some(true),
            "required" => Some(false),
            _ => None,
        };
        let off = settings.optional(Setting::Auth, "required or off", parse)?.unwrap_or(false);
        let tokens = token_settings(settings)?.map(Tokens::new);
        if off {
            tracing::warn!("AUTH is off: whoever reaches this function may do everything");
            return Ok(Self::off());
        }
        Ok(Self::required(tokens))
    }

    /// Whether everybody may do everything.
    pub fn is_off(&self) -> bool {
        matches!(self.mode, Mode::Off)
    }

    /// Who makes the request with these headers. One round trip for an API key that this environment has not seen for half a minute; none otherwise.
    ///
    /// # Errors
    /// `unauthenticated`, whatever is wrong with the credential; `unavailable` if that cannot be told now.
    pub async fn principal(&self, headers: &HeaderMap, db: &Db) -> Result<Arc<Principal>, Problem> {
        let Mode::Required { keys, tokens } = &self.mode else { return Ok(Arc::new(Principal::open())) };
        match (Credential::of(headers), tokens) {
            (Some(Credential::Key(key)), _) => of_key(keys, &key, db).await,
            (Some(Credential::Token(token)), Some(tokens)) => {
                let principal = tokens.principal(&token).await.map_err(|refused| match refused {
                    Refused::Invalid => unauthenticated(),
                    Refused::Unavailable(cause) => Problem::unavailable(IssuerAway(cause)),
                })?;
                Ok(Arc::new(principal))
            }
            _ => Err(unauthenticated()),
        }
    }
}

/// The keys of the issuer could not be had. Postgres has nothing to do with it.
#[derive(Debug, thiserror::Error)]
#[error("the issuer's keys: {0:#}")]
pub(crate) struct IssuerAway(anyhow::Error);

async fn of_key(keys: &KeyCache, key: &ApiKey, db: &Db) -> Result<Arc<Principal>, Problem> {
    let asked = Moment::now();
    let wanted = match keys.get(key, asked) {
        Found::Principal(principal) => return Ok(principal),
        Found::Limited(wait) => return Err(limited(wait)),
        Found::Ask(wanted) => wanted,
    };
    let known = db.call(async |conn| authenticate::authenticate(conn, key, wanted).await).await?;
    let Known { principal, expires_in, grant } = known.ok_or_else(unauthenticated)?;
    let principal = Arc::new(principal);
    keys.put(key, Arc::clone(&principal), asked, expires_in, grant);
    match grant {
        Some(Grant { requests: 0, wait }) => Err(limited(wait)),
        _ => Ok(principal),
    }
}

/// The key has made as many requests as it may, in all environments together.
fn limited(wait: Duration) -> Problem {
    let seconds = wait.as_secs() + u64::from(wait.subsec_nanos() > 0);
    let detail = "This key has made as many requests as it may for now: wait, and send fewer";
    let retry_after = u32::try_from(seconds.max(1)).unwrap_or(u32::MAX);
    Problem { retry_after: Some(retry_after), ..Problem::new(Code::RateLimited, detail) }
}

/// One sentence, whatever was wrong: nothing tells a key that expired from one that never was.
fn unauthenticated() -> Problem {
    let detail = "Send a valid credential: `Authorization: Bearer` with an API key or a token";
    Problem::new(Code::Unauthenticated, detail)
}

fn token_settings(settings: &mut Settings) -> Result<Option<TokenSettings>, ConfigError> {
    let text = |value: &str| Some(value.to_owned());
    let issuer = settings.optional(Setting::OidcIssuer, "text", text)?;
    let audience = settings.optional(Setting::OidcAudience, "text", text)?;
    let jwks = settings.optional(Setting::OidcJwks, "text", text)?;
    let tenant_claim = settings.optional(Setting::OidcTenantClaim, "text", text)?;
    let roles_claim = settings.optional(Setting::OidcRolesClaim, "text", text)?;
    let Some(issuer) = issuer else { return Ok(None) };
    // Without it, a token that the issuer gave out for any other service would do.
    let audience = audience.ok_or(ConfigError::Missing(Setting::OidcAudience))?;
    let tenant_claim = tenant_claim.unwrap_or_else(|| "tenant_id".to_owned());
    let roles_claim = roles_claim.unwrap_or_else(|| "roles".to_owned());
    let read = TokenSettings::read(issuer, audience, jwks, tenant_claim, roles_claim);
    let read = read.map_err(|expected| {
        let setting = match expected {
            tokens::AUDIENCE => Setting::OidcAudience,
            tokens::JWKS => Setting::OidcJwks,
            tokens::TENANT_CLAIM => Setting::OidcTenantClaim,
            tokens::ROLES_CLAIM => Setting::OidcRolesClaim,
            _ => Setting::OidcIssuer,
        };
        ConfigError::Invalid { setting, expected }
    })?;
    Ok(Some(read))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::functions::named;
    use crate::testing::captured_log;

    /// What these settings make of it; an empty one is not set.
    fn of(given: &[(Setting, &'static str)]) -> Result<Auth, String> {
        let given = given.to_vec();
        let source =
            move |setting| given.iter().find(|(name, _)| *name == setting).map(|(_, value)| value.into());
        Auth::from_settings(&mut Settings::with(named("claim"), source)).map_err(|error| error.to_string())
    }

    #[test]
    fn nothing_but_off_turns_it_off() {
        for given in [&[] as &[_], &[(Setting::Auth, "")], &[(Setting::Auth, "required")]] {
            assert!(!of(given).unwrap().is_off(), "{given:?}");
        }
        assert!(of(&[(Setting::Auth, "off")]).unwrap().is_off());
        for value in ["OFF", "no", "false", "0", "none", " off"] {
            let given = [(Setting::Auth, value)];
            assert_eq!(
                of(&given).unwrap_err(),
                "the environment variable AUTH is not required or off",
                "{value:?}"
            );
        }
    }

    #[test]
    fn when_it_is_off_the_log_warns_of_it() {
        let (log, _guard) = captured_log();
        of(&[(Setting::Auth, "required")]).unwrap();
        assert!(log.lines_about("AUTH").is_empty());
        of(&[(Setting::Auth, "off")]).unwrap();
        let [line] = log.lines_about("AUTH is off").try_into().unwrap();
        assert_eq!(line["level"], "WARN");
    }

    #[test]
    fn an_issuer_needs_an_audience_and_each_fault_names_its_variable() {
        let issuer = (Setting::OidcIssuer, "https://issuer.example");
        assert_eq!(of(&[issuer]).unwrap_err(), "the environment variable OIDC_AUDIENCE is not set");
        let audience = (Setting::OidcAudience, "runplane");
        assert!(of(&[issuer, audience]).is_ok());
        let faulty: [(&[_], &str); 3] = [
            (
                &[(Setting::OidcIssuer, "http://issuer.example"), (Setting::OidcAudience, "runplane")],
                "OIDC_ISSUER",
            ),
            (
                &[
                    (Setting::OidcIssuer, "https://issuer.example"),
                    (Setting::OidcAudience, "r"),
                    (Setting::OidcJwks, "{}"),
                ],
                "OIDC_JWKS",
            ),
            (
                &[
                    (Setting::OidcIssuer, "https://issuer.example"),
                    (Setting::OidcAudience, "r"),
                    (Setting::OidcRolesClaim, "/a~2"),
                ],
                "OIDC_ROLES_CLAIM",
            ),
        ];
        for (given, name) in faulty {
            let error = of(given).unwrap_err();
            assert!(error.starts_with(&format!("the environment variable {name} is not")), "{error}");
        }
    }
}

//! What the tests have in common.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, SystemTime};

use runplane::auth::tokens::{Clock, Refused, TokenSettings, Tokens};
use runplane::auth::{Principal, Role};
use serde_json::{Value, json};

use crate::issuer::Issuer;

pub const AUDIENCE: &str = "runplane";
pub const TENANT: &str = "0199e0c0-0000-7000-8000-00000000000a";
pub const MINUTE: Duration = Duration::from_secs(60);
pub const SECOND: Duration = Duration::from_secs(1);
/// Longer than anything here takes that goes well.
pub const LONG: Duration = Duration::from_secs(20);

/// A clock that stands still until time is told to pass.
#[derive(Clone, Default)]
pub struct Time(Arc<AtomicU64>);

impl Time {
    pub fn pass(&self, time: Duration) {
        self.0.fetch_add(u64::try_from(time.as_millis()).unwrap(), Ordering::SeqCst);
    }

    fn clock(&self) -> Clock {
        let millis = Arc::clone(&self.0);
        Clock::of(move || Duration::from_millis(millis.load(Ordering::SeqCst)))
    }
}

pub fn settings(issuer: &str) -> TokenSettings {
    read(issuer, None, "tenant_id", "roles")
}

pub fn read(issuer: &str, jwks: Option<String>, tenant_claim: &str, roles_claim: &str) -> TokenSettings {
    let [issuer, audience, tenant_claim, roles_claim] =
        [issuer, AUDIENCE, tenant_claim, roles_claim].map(str::to_owned);
    TokenSettings::read(issuer, audience, jwks, tenant_claim, roles_claim).unwrap()
}

/// Takes tokens of this issuer, as a function does.
pub fn tokens(issuer: &Issuer) -> Tokens {
    tokens_at(issuer, &Time::default())
}

/// The same, with a time of its own.
pub fn tokens_at(issuer: &Issuer, time: &Time) -> Tokens {
    Tokens::with_clock(settings(&issuer.url), time.clock(), LONG)
}

/// The same, and it waits for this long only.
pub fn impatient(issuer: &Issuer, time: &Time, time_limit: Duration) -> Tokens {
    Tokens::with_clock(settings(&issuer.url), time.clock(), time_limit)
}

/// Seconds since 1970, so many from now.
pub fn at(seconds: i64) -> i64 {
    let now = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH).unwrap();
    i64::try_from(now.as_secs()).unwrap() + seconds
}

/// Claims of somebody of a tenant.
pub fn claims(issuer: &Issuer) -> Value {
    json!({
        "iss": issuer.url, "aud": AUDIENCE, "sub": "bob", "exp": at(300),
        "tenant_id": TENANT, "roles": ["submitter", "somebody else's"],
    })
}

/// The same with some changed; `null` leaves one out.
pub fn with(mut claims: Value, changes: Value) -> Value {
    let all = claims.as_object_mut().unwrap();
    for (name, value) in changes.as_object().unwrap() {
        match value {
            Value::Null => all.remove(name),
            value => all.insert(name.clone(), value.clone()),
        };
    }
    claims
}

/// Whoever [`claims`] speak of.
pub fn bob(issuer: &Issuer) -> Principal {
    somebody(issuer, "bob", Some(TENANT), &[Role::Submitter])
}

pub fn somebody(issuer: &Issuer, subject: &str, tenant: Option<&str>, roles: &[Role]) -> Principal {
    Principal {
        id: format!("token:{}|{subject}", issuer.url),
        tenant: tenant.map(|tenant| tenant.parse().unwrap()),
        roles: roles.iter().copied().collect(),
    }
}

/// How it ended, in a word.
pub async fn outcome(tokens: &Tokens, token: &str) -> &'static str {
    match tokens.principal(token).await {
        Ok(_) => "in",
        Err(Refused::Invalid) => "invalid",
        Err(Refused::Unavailable(_)) => "unavailable",
    }
}

//! Which issuer's tokens are taken, for whom they have to be, and where they have the tenant and the roles.

use serde_json::Value;
use url::{Host, Url};

use super::jwks::Keys;

/// What an issuer has to be.
pub const ISSUER: &str =
    "an https URL (http for this machine itself) of at most 300 characters without user, query and fragment";
/// What an audience has to be.
pub const AUDIENCE: &str = "an audience of 1 to 300 characters";
/// What pinned keys have to be.
pub const JWKS: &str =
    "a JSON Web Key Set with at least one public key to verify signatures with, and no private key";
/// What the place of the tenant has to be.
pub const TENANT_CLAIM: &str = "the name of a claim with the tenant, or a JSON pointer to it";
/// What the place of the roles has to be.
pub const ROLES_CLAIM: &str = "the name of a claim with the roles, or a JSON pointer to it";

const MAX_CHARS: usize = 300;

/// Which tokens are taken.
#[derive(Clone, Debug)]
pub struct TokenSettings {
    pub(super) issuer: String,
    pub(super) audience: String,
    /// The issuer's keys, if they are not to be fetched.
    pub(super) jwks: Option<Keys>,
    pub(super) tenant_claim: Claim,
    pub(super) roles_claim: Claim,
}

impl TokenSettings {
    /// Takes tokens of `issuer`, as it writes itself in `iss`, that are for `audience`. `jwks` has the issuer's keys as a JSON Web Key Set: then nothing
    /// is fetched. A claim is the name of one, whatever stands in it, or a JSON pointer (`/realm_access/roles`).
    ///
    /// # Errors
    /// What the one that cannot be used should have been: [`ISSUER`], [`AUDIENCE`], [`JWKS`], [`TENANT_CLAIM`] or [`ROLES_CLAIM`].
    pub fn read(
        issuer: String,
        audience: String,
        jwks: Option<String>,
        tenant_claim: String,
        roles_claim: String,
    ) -> Result<Self, &'static str> {
        if !is_issuer(&issuer) {
            return Err(ISSUER);
        }
        if !is_text(&audience) {
            return Err(AUDIENCE);
        }
        let jwks = jwks.map(|jwks| Keys::pinned(&jwks).ok_or(JWKS)).transpose()?;
        let tenant_claim = Claim::read(tenant_claim).ok_or(TENANT_CLAIM)?;
        let roles_claim = Claim::read(roles_claim).ok_or(ROLES_CLAIM)?;
        Ok(Self { issuer, audience, jwks, tenant_claim, roles_claim })
    }
}

fn is_issuer(text: &str) -> bool {
    // `Url` mends what it reads; what was mended is no longer what stands in `iss`.
    let is_plain = text.len() <= MAX_CHARS && text.bytes().all(|byte| byte.is_ascii_graphic());
    let Some(url) = Url::parse(text).ok().filter(|_| is_plain) else { return false };
    let is_bare = url.username().is_empty() && url.password().is_none();
    is_bare && url.query().is_none() && url.fragment().is_none() && is_reachable(&url, true)
}

/// Whether what is fetched from there comes from there: over TLS, or without leaving this machine, where that is allowed.
pub(super) fn is_reachable(url: &Url, allow_loopback: bool) -> bool {
    match url.scheme() {
        "https" => true,
        "http" => allow_loopback && is_loopback(url),
        _ => false,
    }
}

fn is_loopback(url: &Url) -> bool {
    match url.host() {
        Some(Host::Ipv4(address)) => address.is_loopback(),
        Some(Host::Ipv6(address)) => address.is_loopback(),
        Some(Host::Domain(name)) => name == "localhost",
        None => false,
    }
}

fn is_text(text: &str) -> bool {
    (1..=MAX_CHARS).contains(&text.chars().count()) && !text.chars().any(char::is_control)
}

/// Where a token has something.
#[derive(Clone, Debug, PartialEq)]
pub(super) enum Claim {
    /// In the claim of this name.
    Name(String),
    /// Where this JSON pointer leads.
    Pointer(String),
}

impl Claim {
    pub(super) fn read(text: String) -> Option<Self> {
        if !is_text(&text) {
            return None;
        }
        if !text.starts_with('/') {
            return Some(Self::Name(text));
        }
        // Only `~0` and `~1` mean something in a pointer.
        let is_escaped = text.split('~').skip(1).all(|rest| rest.starts_with(['0', '1']));
        (text.len() > 1 && is_escaped).then_some(Self::Pointer(text))
    }

    /// What a token has there; None: nothing, or `null`.
    pub(super) fn of<'a>(&self, claims: &'a Value) -> Option<&'a Value> {
        let value = match self {
            Self::Name(name) => claims.get(name),
            Self::Pointer(pointer) => claims.pointer(pointer),
        };
        value.filter(|value| !value.is_null())
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn read(issuer: &str) -> Result<TokenSettings, &'static str> {
        TokenSettings::read(
            issuer.to_owned(),
            "runplane".to_owned(),
            None,
            "tenant_id".to_owned(),
            "roles".to_owned(),
        )
    }

    #[test]
    fn an_issuer_is_reached_over_tls_or_on_this_machine() {
        let issuers = [
            "https://issuer.example",
            "https://issuer.example/",
            "https://issuer.example:8443/realms/main",
            "https://login.example/0199e0c0-0000-7000-8000-000000000001/v2.0",
            "http://localhost:8080/realms/main",
            "http://127.0.0.1:8080",
            "http://127.9.9.9",
            "http://[::1]:8080",
        ];
        for issuer in issuers {
            assert!(read(issuer).is_ok(), "{issuer}");
        }
        let others = [
            "",
            "issuer.example",
            "http://issuer.example",
            "http://localhost.issuer.example",
            "http://127.0.0.1.issuer.example",
            "http://10.0.0.1",
            "http://0.0.0.0",
            "ftp://issuer.example",
            "file:///keys",
            "https://",
            "https://user@issuer.example",
            "https://:secret@issuer.example",
            "https://issuer.example?a",
            "https://issuer.example#a",
            " https://issuer.example",
            "https://issuer.example/\n",
            "https://issuer.exämple",
            &format!("https://issuer.example/{}", "a".repeat(300)),
        ];
        for issuer in others {
            assert_eq!(read(issuer).err(), Some(ISSUER), "{issuer}");
        }
    }

    #[test]
    fn what_cannot_be_used_is_named() {
        let read = |audience: &str, jwks: Option<&str>, tenant: &str, roles: &str| {
            let [issuer, audience, tenant, roles] =
                ["https://issuer", audience, tenant, roles].map(str::to_owned);
            TokenSettings::read(issuer, audience, jwks.map(str::to_owned), tenant, roles).err()
        };
        assert_eq!(read("a", None, "b", "c"), None);
        assert_eq!(read("", None, "b", "c"), Some(AUDIENCE));
        assert_eq!(read("a\n", None, "b", "c"), Some(AUDIENCE));
        assert_eq!(read("a", Some(r#"{"keys": []}"#), "b", "c"), Some(JWKS));
        assert_eq!(read("a", None, "", "c"), Some(TENANT_CLAIM));
        assert_eq!(read("a", None, "b", ""), Some(ROLES_CLAIM));
        assert_eq!(read("a", None, "b", "/"), Some(ROLES_CLAIM));
        assert_eq!(read("a", None, "b", "/a~2"), Some(ROLES_CLAIM));
        assert_eq!(read("a", None, "b", "/a~"), Some(ROLES_CLAIM));
    }

    #[test]
    fn a_claim_is_a_name_or_begins_with_a_slash_and_leads_further_in() {
        let claims = json!({
            "a": 1, "a.b": 2, "a/b": 3, "https://issuer.example/tenant": 4, "custom:tenant": 5, "none": null,
            "realm_access": {"roles": 6, "a/b": 7}, "list": [8],
        });
        let of = |text: &str| Claim::read(text.to_owned()).unwrap().of(&claims).cloned();
        let found = [
            ("a", 1),
            ("a.b", 2),
            ("a/b", 3),
            ("https://issuer.example/tenant", 4),
            ("custom:tenant", 5),
            ("/realm_access/roles", 6),
            ("/realm_access/a~1b", 7),
            ("/list/0", 8),
            ("/a", 1),
        ];
        for (text, value) in found {
            assert_eq!(of(text), Some(json!(value)), "{text}");
        }
        for text in ["b", "none", "/none", "/none/x", "/realm_access/x/y", "realm_access.roles", "/a/b"] {
            assert_eq!(of(text), None, "{text}");
        }
    }
}

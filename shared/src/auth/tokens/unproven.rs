//! What a token says before anything of it is proven. It serves to find the key that may prove it, and for nothing else.

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use jsonwebtoken::Algorithm;
use serde::Deserialize;
use serde::de::{DeserializeOwned, IgnoredAny};

use super::algorithm;

/// What it says.
#[derive(Debug, PartialEq)]
pub(super) struct Unproven {
    pub(super) algorithm: Algorithm,
    pub(super) kid: Option<String>,
    pub(super) issuer: String,
}

/// Keys and the places of keys that a header brings along (`jwk`, `jku`, `x5c`, `x5u`) are not looked at: whoever forges a token brings their own.
#[derive(Deserialize)]
struct Header {
    alg: String,
    kid: Option<String>,
    typ: Option<String>,
    crit: Option<IgnoredAny>,
}

#[derive(Deserialize)]
struct Payload {
    iss: String,
}

impl Unproven {
    /// Of a token.
    ///
    /// # Errors
    /// What is wrong with it: it is none, or of a kind that is not taken.
    pub(super) fn read(token: &str) -> Result<Self, &'static str> {
        let mut parts = token.split('.');
        let (Some(header), Some(payload), Some(_signature), None) =
            (parts.next(), parts.next(), parts.next(), parts.next())
        else {
            return Err("it has other than three parts");
        };
        let header: Header = json(header).ok_or("its header cannot be read")?;
        let algorithm = algorithm::named(&header.alg).ok_or("its algorithm is not taken")?;
        // Logout tokens, security events and proofs of possession are signed with the same keys. They let nobody in.
        if !header.typ.as_deref().is_none_or(is_access_token) {
            return Err("it is of a type that is not taken");
        }
        if header.crit.is_some() {
            return Err("it has critical extensions");
        }
        let payload: Payload = json(payload).ok_or("its claims cannot be read")?;
        Ok(Self { algorithm, kid: header.kid, issuer: payload.iss })
    }
}

fn json<T: DeserializeOwned>(part: &str) -> Option<T> {
    serde_json::from_slice(&URL_SAFE_NO_PAD.decode(part).ok()?).ok()
}

/// Many issuers write `JWT` for every kind, some nothing, and those that follow RFC 9068 `at+jwt`.
fn is_access_token(r#type: &str) -> bool {
    let r#type = r#type.to_ascii_lowercase();
    matches!(r#type.strip_prefix("application/").unwrap_or(&r#type), "jwt" | "at+jwt")
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::*;

    fn token(header: Value, payload: Value) -> String {
        let part = |part: Value| URL_SAFE_NO_PAD.encode(part.to_string());
        format!("{}.{}.c2ln", part(header), part(payload))
    }

    fn read(header: Value) -> Result<Unproven, &'static str> {
        Unproven::read(&token(header, json!({"iss": "https://issuer", "sub": "x"})))
    }

    #[test]
    fn a_token_says_which_key_it_was_signed_with() {
        let expected = |kid: Option<&str>| Unproven {
            algorithm: Algorithm::ES256,
            kid: kid.map(str::to_owned),
            issuer: "https://issuer".to_owned(),
        };
        assert_eq!(read(json!({"alg": "ES256", "kid": "a", "typ": "JWT"})), Ok(expected(Some("a"))));
        assert_eq!(read(json!({"alg": "ES256", "jwk": {"kty": "EC"}, "x5c": ["a"]})), Ok(expected(None)));
    }

    #[test]
    fn only_access_tokens_are_taken_where_the_type_says_what_it_is() {
        for r#type in ["JWT", "jwt", "at+jwt", "AT+JWT", "application/at+jwt"] {
            assert!(read(json!({"alg": "ES256", "typ": r#type})).is_ok(), "{type}");
        }
        for r#type in ["", "logout+jwt", "secevent+jwt", "dpop+jwt", "JOSE", "application/"] {
            assert!(read(json!({"alg": "ES256", "typ": r#type})).is_err(), "{type}");
        }
    }

    #[test]
    fn what_has_no_form_of_ours_is_refused() {
        for alg in ["none", "HS256", ""] {
            assert_eq!(read(json!({"alg": alg})), Err("its algorithm is not taken"), "{alg}");
        }
        assert_eq!(
            read(json!({"alg": "ES256", "b64": false, "crit": ["b64"]})),
            Err("it has critical extensions")
        );
        for header in [json!({}), json!({"alg": 1}), json!({"alg": null}), json!({"alg": "ES256", "kid": 1})]
        {
            assert_eq!(read(header.clone()), Err("its header cannot be read"), "{header}");
        }
        for payload in [json!({}), json!({"iss": ["https://issuer"]}), json!("x"), json!(null)] {
            let token = token(json!({"alg": "ES256"}), payload);
            assert_eq!(Unproven::read(&token), Err("its claims cannot be read"), "{token}");
        }
        let whole = token(json!({"alg": "ES256"}), json!({"iss": "https://issuer"}));
        assert!(Unproven::read(&whole).is_ok());
        for token in
            ["", "a", "a.b", "a.b.c", "..", &whole.replace('.', " "), &format!("{whole}.a.b"), &whole[..9]]
        {
            assert!(Unproven::read(token).is_err(), "{token}");
        }
        assert!(Unproven::read(&whole.replacen('.', "=.", 1)).is_err(), "padding");
    }
}

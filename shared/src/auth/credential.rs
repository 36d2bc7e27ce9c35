//! What a request brings to prove who makes it: an API key or a token in `Authorization: Bearer`.

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use http::HeaderMap;
use http::header::AUTHORIZATION;
use secrecy::{ExposeSecret as _, SecretSlice};
use sha2::{Digest as _, Sha256};
use subtle::ConstantTimeEq as _;
use uuid::Uuid;

/// What an API key begins with.
const PREFIX: &str = "rp_";
/// The id as hexadecimal digits, without dashes.
const ID_CHARS: usize = 32;
/// Bytes of a key's secret: 256 bits.
pub const SECRET_BYTES: usize = 32;

/// What a request brings.
#[derive(Debug)]
pub(super) enum Credential {
    /// An API key.
    Key(ApiKey),
    /// A token of an issuer, unread.
    Token(String),
}

impl Credential {
    /// That of a request. None if there is none, more than one, or one that has no form of ours.
    pub(super) fn of(headers: &HeaderMap) -> Option<Self> {
        let mut values = headers.get_all(AUTHORIZATION).iter();
        let (Some(value), None) = (values.next(), values.next()) else { return None };
        let (scheme, text) = value.to_str().ok()?.split_once(' ')?;
        if !scheme.eq_ignore_ascii_case("bearer") {
            return None;
        }
        // API Gateway joins two headers of one name by a comma, which stands in no credential.
        if text.is_empty()
            || !text.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"-._~+/=".contains(&byte))
        {
            return None;
        }
        if text.starts_with(PREFIX) {
            return ApiKey::parse(text).map(Self::Key);
        }
        Some(Self::Token(text.to_owned()))
    }
}

/// An API key as its holder has it.
#[derive(Debug)]
pub struct ApiKey {
    /// Which key it is.
    pub id: Uuid,
    secret: SecretSlice<u8>,
}

impl ApiKey {
    /// From its parts.
    pub fn new(id: Uuid, secret: [u8; SECRET_BYTES]) -> Self {
        Self { id, secret: secret.to_vec().into() }
    }

    /// Reads `rp_<key id>_<secret>`. None if the text has another form: of each key there is one text.
    pub fn parse(text: &str) -> Option<Self> {
        let (id, secret) = text.strip_prefix(PREFIX)?.split_at_checked(ID_CHARS)?;
        if !id.bytes().all(|byte| matches!(byte, b'0'..=b'9' | b'a'..=b'f')) {
            return None;
        }
        let id = Uuid::try_parse(id).ok()?;
        let secret = URL_SAFE_NO_PAD.decode(secret.strip_prefix('_')?).ok()?;
        let secret: [u8; SECRET_BYTES] = secret.try_into().ok()?;
        Some(Self::new(id, secret))
    }

    /// `rp_<key id>_<secret>`: to be shown once.
    pub fn text(&self) -> String {
        format!("{PREFIX}{}_{}", self.id.simple(), URL_SAFE_NO_PAD.encode(self.secret.expose_secret()))
    }

    /// What is stored of the secret. Without salt and without a slow digest: nobody guesses 256 random bits.
    pub fn digest(&self) -> [u8; 32] {
        Sha256::digest(self.secret.expose_secret()).into()
    }

    /// Whether it is this secret that was stored, in a time that tells nothing.
    pub(super) fn fits(&self, stored: &[u8]) -> bool {
        self.digest().ct_eq(stored).into()
    }
}

#[cfg(test)]
mod tests {
    use http::HeaderValue;

    use super::*;

    const TEXT: &str = "rp_0199e0c000007000800000000000000a_AQEBAQEBAQEBAQEBAQEBAQEBAQEBAQEBAQEBAQEBAQE";

    fn key() -> ApiKey {
        ApiKey::new(Uuid::from_u128(0x0199_e0c0_0000_7000_8000_0000_0000_000a), [1; SECRET_BYTES])
    }

    fn of(values: &[&str]) -> Option<Credential> {
        let values = values.iter().map(|value| (AUTHORIZATION, HeaderValue::from_str(value).unwrap()));
        Credential::of(&values.fold(HeaderMap::new(), |mut all, (name, value)| {
            all.append(name, value);
            all
        }))
    }

    #[test]
    fn a_key_is_read_as_it_is_written() {
        assert_eq!(key().text(), TEXT);
        let read = ApiKey::parse(TEXT).unwrap();
        assert_eq!((read.id, read.digest()), (key().id, key().digest()));
        assert!(read.fits(&key().digest()));
        assert!(!read.fits(&ApiKey::new(read.id, [2; SECRET_BYTES]).digest()));
        assert!(!read.fits(&[]));
        assert!(!format!("{read:?}").contains("AQEB"), "it is in no log");
    }

    #[test]
    fn another_text_is_no_key() {
        let others = [
            "rp_",
            "rp__",
            &TEXT[..TEXT.len() - 1],
            &format!("{TEXT}A"),
            &format!("{TEXT}="),
            &TEXT.replace("0199e0c0", "0199E0C0"),
            &TEXT.replace("a_", "a-"),
            &TEXT.replace("_AQ", "_A'"),
            &TEXT.replace("rp_", "RP_"),
            // The last character has two bits that are in no byte: of each secret there is one text.
            &TEXT.replace("AQE", "AQF"),
            "rp_' or 1=1 --_AQEBAQEBAQEBAQEBAQEBAQEBAQEBAQEBAQEBAQEBAQE",
        ];
        for text in others {
            assert!(ApiKey::parse(text).is_none(), "{text}");
        }
    }

    #[test]
    fn a_request_brings_one_credential_or_none() {
        assert!(matches!(of(&[&format!("Bearer {TEXT}")]), Some(Credential::Key(_))));
        assert!(matches!(of(&[&format!("bearer {TEXT}")]), Some(Credential::Key(_))));
        assert!(matches!(of(&["Bearer a.b.c"]), Some(Credential::Token(token)) if token == "a.b.c"));
        let bearer = format!("Bearer {TEXT}");
        let none: [&[&str]; 10] = [
            &[],
            &[""],
            &["Bearer"],
            &["Bearer "],
            &[TEXT],
            &["Basic YTpi"],
            &[&bearer, &bearer],
            &[&format!("{bearer},{bearer}")],
            &[&format!("Bearer  {TEXT}")],
            &["Bearer rp_x"],
        ];
        for values in none {
            assert!(of(values).is_none(), "{values:?}");
        }
    }
}

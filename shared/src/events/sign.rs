//! The signature of a webhook's message, as [Standard Webhooks](https://www.standardwebhooks.com) has it: an HMAC with SHA-256 of id, time and body.

use std::fmt;

use aws_lc_rs::hmac;
use base64::Engine as _;
use base64::prelude::BASE64_STANDARD;
use secrecy::{ExposeSecret as _, SecretString};
use uuid::Uuid;

use crate::reach::ReachFailure;

/// What stands before a key.
const PREFIX: &str = "whsec_";
/// How many bytes a key may have.
const KEY_BYTES: std::ops::RangeInclusive<usize> = 24..=64;
/// How many keys a message may be signed with: one, and another one while receivers are told about it.
const MAX_KEYS: usize = 2;

/// What messages of a webhook are signed with.
pub struct SigningKeys(Vec<hmac::Key>);

impl fmt::Debug for SigningKeys {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "SigningKeys({})", self.0.len())
    }
}

impl SigningKeys {
    /// From a secret: `whsec_` and a key in base64, or two of these with a space between.
    ///
    /// # Errors
    /// `secret_unusable`: it is something else.
    pub fn read(secret: &SecretString) -> Result<Self, ReachFailure> {
        let keys: Option<Vec<_>> = secret.expose_secret().split_whitespace().map(key).collect();
        let keys = keys.filter(|keys| (1..=MAX_KEYS).contains(&keys.len()));
        keys.map(Self).ok_or_else(|| {
            let message = "the secret must be whsec_ and 24 to 64 bytes in base64, or two of these with a space between";
            ReachFailure::new("secret_unusable", message)
        })
    }

    /// The value of `webhook-signature`: one signature for each key.
    pub fn sign(&self, id: Uuid, timestamp: i64, body: &str) -> String {
        let message = format!("{id}.{timestamp}.{body}");
        let signature = |key| {
            let tag = hmac::sign(key, message.as_bytes());
            format!("v1,{}", BASE64_STANDARD.encode(tag))
        };
        self.0.iter().map(signature).collect::<Vec<_>>().join(" ")
    }
}

fn key(text: &str) -> Option<hmac::Key> {
    let bytes = BASE64_STANDARD.decode(text.strip_prefix(PREFIX)?).ok()?;
    KEY_BYTES.contains(&bytes.len()).then(|| hmac::Key::new(hmac::HMAC_SHA256, &bytes))
}

#[cfg(test)]
mod tests {
    use super::*;

    const KEY: &str = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw";
    const OTHER: &str = "whsec_AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8=";

    fn keys(text: &str) -> Result<SigningKeys, ReachFailure> {
        SigningKeys::read(&SecretString::from(text))
    }

    #[test]
    fn what_is_no_key_is_refused() {
        for wrong in [
            "",
            "MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw",
            "whsec_",
            "whsec_short",
            "whsec_%%%%%%%%%%%%%%%%%%%%%%%%%%%%%%%%",
            &format!("{KEY},{OTHER}"),
            &format!("{KEY} {KEY} {OTHER}"),
            &format!("{KEY} nothing"),
        ] {
            let failure = keys(wrong).unwrap_err();
            assert_eq!(failure.error, "secret_unusable", "{wrong}");
            assert!(!failure.message.contains("MfKQ"), "{}", failure.message);
        }
    }

    #[test]
    fn a_message_is_signed_with_each_key_in_turn() {
        let id = Uuid::nil();
        let signed = |text: &str| keys(text).unwrap().sign(id, 1_790_000_000, r#"{"a":1}"#);
        let (one, other) = (signed(KEY), signed(OTHER));
        assert_ne!(one, other);
        assert_eq!(signed(&format!("{KEY} {OTHER}\n")), format!("{one} {other}"));
        // As Python's hmac has it.
        assert_eq!(one, "v1,DmRumXpNInrXOIL7EPwESp5kwIGIalipqf4ICnhlcb8=");
    }

    #[test]
    fn nothing_secret_is_shown() {
        assert_eq!(format!("{:?}", keys(KEY).unwrap()), "SigningKeys(1)");
    }
}

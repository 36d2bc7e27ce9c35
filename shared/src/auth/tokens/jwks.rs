//! A set of public keys (JWKS, RFC 7517), and the one of them that fits.

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use jsonwebtoken::{Algorithm, DecodingKey};
use serde::Deserialize;
use serde_json::Value;

use super::algorithm;

/// Why a token is refused that no key fits.
pub(super) const NO_KEY: &str = "none of the issuer's keys fits, or more than one";

/// Bytes of an RSA key's modulus: 2048 to 8192 bits.
const MODULUS_BYTES: std::ops::RangeInclusive<usize> = 256..=1024;
/// What only private keys have, and secrets.
const PRIVATE: [&str; 8] = ["d", "p", "q", "dp", "dq", "qi", "oth", "k"];

/// Which key is looked for.
#[derive(Clone, Copy, Debug)]
pub(super) struct Wanted<'a> {
    pub(super) kid: Option<&'a str>,
    pub(super) algorithm: Algorithm,
}

/// The keys of a set that signatures can be verified with.
#[derive(Clone, Debug)]
pub(super) struct Keys(Vec<Key>);

#[derive(Clone, Debug)]
struct Key {
    kid: Option<String>,
    /// What it may be used with.
    algorithms: Vec<Algorithm>,
    key: DecodingKey,
}

#[derive(Deserialize)]
struct Set {
    keys: Vec<Value>,
}

#[derive(Deserialize)]
struct Jwk {
    kty: String,
    r#use: Option<String>,
    key_ops: Option<Vec<String>>,
    alg: Option<String>,
    kid: Option<String>,
    crv: Option<String>,
    n: Option<String>,
    e: Option<String>,
    x: Option<String>,
    y: Option<String>,
}

impl Keys {
    /// Those of a set. Others of it are left out: an issuer has keys for encryption too, and may have kinds that are not known here. None: it is no
    /// set.
    pub(super) fn read(json: &[u8]) -> Option<Self> {
        let set: Set = serde_json::from_slice(json).ok()?;
        Some(Self(set.keys.into_iter().filter_map(Key::read).collect()))
    }

    /// Those of a set that was given by hand. None: it is no set, has no key to verify with, or has a private key or a secret, which belong nowhere but
    /// with the issuer.
    pub(super) fn pinned(json: &str) -> Option<Self> {
        let set: Set = serde_json::from_str(json).ok()?;
        if set.keys.iter().any(|key| PRIVATE.iter().any(|name| key.get(name).is_some())) {
            return None;
        }
        Self::read(json.as_bytes()).filter(|keys| !keys.0.is_empty())
    }

    /// The only key that fits. A token that names none is content with one of any name; where there are several, it has to say which.
    pub(super) fn find(&self, wanted: Wanted<'_>) -> Option<&DecodingKey> {
        let is_named = |key: &Key| wanted.kid.is_none() || key.kid.as_deref() == wanted.kid;
        let mut fitting =
            self.0.iter().filter(|key| is_named(key) && key.algorithms.contains(&wanted.algorithm));
        let first = fitting.next()?;
        fitting.next().is_none().then_some(&first.key)
    }
}

impl Key {
    /// None: it is not for signatures, or of a kind or size that is not taken.
    fn read(key: Value) -> Option<Self> {
        let jwk: Jwk = serde_json::from_value(key).ok()?;
        if jwk.r#use.is_some_and(|purpose| purpose != "sig") {
            return None;
        }
        if jwk.key_ops.is_some_and(|operations| !operations.iter().any(|operation| operation == "verify")) {
            return None;
        }
        let (mut algorithms, key) = match (jwk.kty.as_str(), jwk.crv.as_deref()) {
            ("RSA", _) => {
                let (n, e) = (jwk.n?, jwk.e?);
                if !MODULUS_BYTES.contains(&bytes(&n)?) {
                    return None;
                }
                (algorithm::OF_RSA.to_vec(), DecodingKey::from_rsa_components(&n, &e))
            }
            ("EC", Some("P-256")) => (algorithm::OF_P256.to_vec(), on_curve(&jwk.x?, &jwk.y?, 32)?),
            ("EC", Some("P-384")) => (algorithm::OF_P384.to_vec(), on_curve(&jwk.x?, &jwk.y?, 48)?),
            ("OKP", Some("Ed25519")) => {
                let x = jwk.x.filter(|x| bytes(x) == Some(32))?;
                (algorithm::OF_ED25519.to_vec(), DecodingKey::from_ed_components(&x))
            }
            _ => return None,
        };
        if let Some(only) = jwk.alg {
            // Of another algorithm than its kind has, such as RSA-OAEP, it is not for signatures at all.
            let only = algorithm::named(&only).filter(|only| algorithms.contains(only))?;
            algorithms = vec![only];
        }
        Some(Self { kid: jwk.kid, algorithms, key: key.ok()? })
    }
}

fn on_curve(x: &str, y: &str, size: usize) -> Option<jsonwebtoken::errors::Result<DecodingKey>> {
    let fits = bytes(x) == Some(size) && bytes(y) == Some(size);
    fits.then(|| DecodingKey::from_ec_components(x, y))
}

/// How many bytes it stands for.
fn bytes(text: &str) -> Option<usize> {
    URL_SAFE_NO_PAD.decode(text).ok().map(|bytes| bytes.len())
}

#[cfg(test)]
mod tests;

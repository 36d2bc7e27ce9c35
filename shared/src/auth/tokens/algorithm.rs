//! The algorithms that are taken: those with a public key. Whoever can verify with them cannot sign, and `none` and HMAC are none of them.

use jsonwebtoken::Algorithm;

/// Those of an RSA key.
pub(super) const OF_RSA: &[Algorithm] = &[
    Algorithm::RS256,
    Algorithm::RS384,
    Algorithm::RS512,
    Algorithm::PS256,
    Algorithm::PS384,
    Algorithm::PS512,
];
/// That of a key on P-256.
pub(super) const OF_P256: &[Algorithm] = &[Algorithm::ES256];
/// That of a key on P-384.
pub(super) const OF_P384: &[Algorithm] = &[Algorithm::ES384];
/// That of a key on Ed25519.
pub(super) const OF_ED25519: &[Algorithm] = &[Algorithm::EdDSA];

/// The algorithm of this name, if it is taken.
pub(super) fn named(name: &str) -> Option<Algorithm> {
    Some(match name {
        "RS256" => Algorithm::RS256,
        "RS384" => Algorithm::RS384,
        "RS512" => Algorithm::RS512,
        "PS256" => Algorithm::PS256,
        "PS384" => Algorithm::PS384,
        "PS512" => Algorithm::PS512,
        "ES256" => Algorithm::ES256,
        "ES384" => Algorithm::ES384,
        "EdDSA" => Algorithm::EdDSA,
        _ => return None,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_algorithms_with_a_public_key_are_taken() {
        for name in
            ["none", "None", "NONE", "", "HS256", "HS384", "HS512", "rs256", "ES512", "RS1", "RSA-OAEP"]
        {
            assert_eq!(named(name), None, "{name}");
        }
        for algorithm in [OF_RSA, OF_P256, OF_P384, OF_ED25519].concat() {
            assert_eq!(named(&format!("{algorithm:?}")), Some(algorithm));
        }
    }
}

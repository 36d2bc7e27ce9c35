//! What Postgres stores of a password (RFC 5803), made here: a password in a statement would stand in the server's log where `log_statement`
//! says so. Whoever has it cannot log in with it.

use std::num::NonZeroU32;

use aws_lc_rs::{digest, hmac, pbkdf2};
use base64::Engine as _;
use base64::prelude::BASE64_STANDARD;

/// As many as Postgres makes itself (`scram_iterations`).
const ITERATIONS: NonZeroU32 = NonZeroU32::new(4096).unwrap();
/// As long as Postgres makes it.
pub(super) const SALT_BYTES: usize = 16;

/// For `password '…'` of `create role` and `alter role`.
pub(super) fn verifier(password: &str, salt: &[u8; SALT_BYTES]) -> String {
    // Postgres and its clients prepare it so; what cannot be prepared they take as it is.
    let prepared = stringprep::saslprep(password);
    let bytes = prepared.as_deref().unwrap_or(password).as_bytes();
    let mut salted = [0; digest::SHA256_OUTPUT_LEN];
    pbkdf2::derive(pbkdf2::PBKDF2_HMAC_SHA256, ITERATIONS, salt, bytes, &mut salted);
    let key = hmac::Key::new(hmac::HMAC_SHA256, &salted);
    let (client, server) = (hmac::sign(&key, b"Client Key"), hmac::sign(&key, b"Server Key"));
    let stored = digest::digest(&digest::SHA256, client.as_ref());
    let [salt, stored, server] =
        [salt.as_slice(), stored.as_ref(), server.as_ref()].map(|part| BASE64_STANDARD.encode(part));
    format!("SCRAM-SHA-256${ITERATIONS}:{salt}${stored}:{server}")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn it_is_what_postgres_makes_of_the_same_password_and_salt() {
        // From pg_authid of a Postgres 18, after `create role … password`.
        for made in include_str!("scram.txt").lines() {
            let (password, made) = made.split_once('\t').unwrap();
            let salt = made.split([':', '$']).nth(2).unwrap();
            let salt = BASE64_STANDARD.decode(salt).unwrap().try_into().unwrap();
            assert_eq!(verifier(password, &salt), made, "{password}");
        }
    }
}

//! What the webhooks of the end-to-end suite are signed with: a secret of the demo tenant, which the functions under test look up and the suite's receiver
//! knows.

use base64::Engine as _;
use base64::prelude::BASE64_STANDARD;
use uuid::Uuid;

use crate::example;

/// Its name, the `secret_ref` of such webhooks.
pub const NAME: &str = "e2e_hooks";

/// A new one.
pub fn secret() -> String {
    let key: [Uuid; 2] = std::array::from_fn(|_| Uuid::new_v4());
    format!("whsec_{}", BASE64_STANDARD.encode(key.map(Uuid::into_bytes).concat()))
}

/// Where functions without Secrets Manager look for it, and where the suite does.
pub fn variable() -> String {
    example::variable(&NAME.to_uppercase())
}

//! The secrets that the stack under test knows: no answer may tell them.

use std::sync::LazyLock;

use crate::setting;

/// What the variables of secrets begin with: those of connections, and that of the parameter that tests give to runs. The API key is one, too.
const PREFIX: &str = "RUNPLANE_SECRET_";

static KNOWN: LazyLock<Vec<String>> = LazyLock::new(|| {
    let all = std::env::vars_os()
        .filter(|(name, _)| name.to_string_lossy().starts_with(PREFIX) || name == "RUNPLANE_API_KEY");
    all.filter_map(|(_, value)| value.into_string().ok()).filter(|value| !value.is_empty()).collect()
});

/// The value that tests give to secret parameters. Whoever started the stack looks for it in logs and rows afterwards.
pub fn secret_parameter() -> String {
    std::env::var("RUNPLANE_SECRET_PARAMETER").unwrap_or_else(|_| "a-secret-parameter".to_owned())
}

/// What events are signed with for webhooks of the demo tenant whose `secret_ref` is `e2e_hooks`.
///
/// # Panics
/// When the environment does not say.
pub(crate) fn of_webhooks() -> String {
    setting(&format!("{PREFIX}580115B4_A291_4917_8DBD_247CFA13E2D6_E2E_HOOKS"))
}

/// Asserts that an answer has none of them.
///
/// # Panics
/// When it has one.
pub(crate) fn assert_none(asked: &str, text: &str) {
    let told = KNOWN.iter().any(|secret| text.contains(secret.as_str()));
    assert!(!told, "the answer to {asked} has a secret in it");
}

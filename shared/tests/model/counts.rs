//! What was tried, and what came of it.

use std::collections::BTreeMap;
use std::sync::{Mutex, PoisonError};

static COUNTS: Mutex<BTreeMap<(&str, &str), u64>> = Mutex::new(BTreeMap::new());

/// What has to come of every verb in the course of a test, or the test has not tried hard enough.
const EVERY: &[(&str, &[&str])] = &[
    (
        "create",
        &[
            "ok",
            "before",
            "idempotency_key_reused",
            "tenant_not_found",
            "pipeline_version_not_found",
            "version_not_approved",
            "invalid_field",
        ],
    ),
    (
        "create_all",
        &[
            "ok",
            "before",
            "idempotency_key_reused",
            "tenant_not_found",
            "pipeline_version_not_found",
            "version_not_approved",
            "invalid_field",
        ],
    ),
    ("claim", &["ok", "repeated", "taken_over", "nothing", "already_exists"]),
    ("claim_several", &["ok", "repeated", "taken_over", "nothing", "already_exists"]),
    ("claim_by_ids", &["ok", "taken_over", "not_claimed"]),
    (
        "heartbeat",
        &["ok", "run_not_running", "lease_lost", "lease_token_required", "already_finished", "run_cancelled"],
    ),
    (
        "heartbeat_all",
        &["ok", "run_not_running", "lease_lost", "lease_token_required", "already_finished", "run_cancelled"],
    ),
    (
        "complete",
        &[
            "ok",
            "before",
            "run_not_running",
            "lease_lost",
            "lease_token_required",
            "already_finished",
            "run_cancelled",
        ],
    ),
    (
        "complete_all",
        &[
            "ok",
            "before",
            "run_not_running",
            "lease_lost",
            "lease_token_required",
            "already_finished",
            "run_cancelled",
        ],
    ),
    ("release", &["ok", "run_not_running", "lease_lost", "already_finished", "run_cancelled"]),
    ("cancel", &["ok", "before", "run_not_found", "already_finished"]),
    (
        "retry",
        &[
            "ok",
            "before",
            "run_not_found",
            "invalid_transition",
            "pipeline_version_not_found",
            "idempotency_key_reused",
        ],
    ),
    ("store_steps", &["ok", "nothing", "run_not_running", "lease_lost", "already_finished", "run_cancelled"]),
    ("get", &["ok", "run_not_found"]),
    ("list", &["ok", "nothing"]),
    ("sweep_leases", &["ok", "nothing"]),
    ("sweep_start_by", &["ok", "nothing"]),
    ("sweep_parked", &["ok", "nothing"]),
    ("sweep_redispatches", &["ok", "nothing"]),
    ("take_dispatches", &["ok", "parked", "nothing"]),
    ("mark_dispatched", &["ok", "nothing"]),
    ("sweep_retention", &["ok", "nothing"]),
    ("update_tenant", &["ok"]),
    ("update_pipeline", &["ok"]),
    ("pass", &["ok"]),
];

/// A verb has led to this: `ok`, or the code of a refusal, or a word of [`EVERY`].
pub fn count(verb: &'static str, word: &'static str) {
    let mut counts = COUNTS.lock().unwrap_or_else(PoisonError::into_inner);
    *counts.entry((verb, word)).or_default() += 1;
}

/// All of it, a line for each verb.
pub fn text() -> String {
    let counts = COUNTS.lock().unwrap_or_else(PoisonError::into_inner);
    let mut lines: BTreeMap<&str, String> = BTreeMap::new();
    for ((verb, word), count) in counts.iter() {
        let line = lines.entry(verb).or_insert_with(|| format!("{verb:19}"));
        line.push_str(&format!(" {word} {count}"));
    }
    lines.into_values().collect::<Vec<_>>().join("\n")
}

/// What never came of a verb and should have.
pub fn missing() -> Vec<(&'static str, &'static str)> {
    let counts = COUNTS.lock().unwrap_or_else(PoisonError::into_inner);
    let every = EVERY.iter().flat_map(|(verb, words)| words.iter().map(move |word| (*verb, *word)));
    every.filter(|pair| !counts.contains_key(pair)).collect()
}

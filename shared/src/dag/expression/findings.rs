//! What is wrong with one expression.

use std::collections::BTreeSet;

/// So much of it is told.
const MAX_FINDINGS: usize = 20;

/// Sentences in the order of their texts, each one once, at most 20.
#[derive(Default)]
pub(super) struct Findings {
    details: BTreeSet<String>,
    /// What has been looked up: a kind of thing, and its name.
    asked: BTreeSet<(&'static str, String)>,
}

impl Findings {
    /// Something that is wrong.
    pub(super) fn add(&mut self, detail: impl Into<String>) {
        if self.details.len() < MAX_FINDINGS {
            self.details.insert(detail.into());
        }
    }

    /// What is wrong with a name of this kind. It is looked up once, however often the expression has it.
    pub(super) fn once(
        &mut self,
        (kind, name): (&'static str, &str),
        wrong: impl FnOnce() -> Option<String>,
    ) {
        if self.details.len() < MAX_FINDINGS && self.asked.insert((kind, name.to_owned())) {
            self.details.extend(wrong());
        }
    }

    /// All of them.
    pub(super) fn finish(self) -> Vec<String> {
        self.details.into_iter().collect()
    }
}

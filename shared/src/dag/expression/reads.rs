//! What of the context an expression reads: which steps, and whether it may.

use super::findings::Findings;
use crate::dag::graph::Graph;
use crate::dag::words::{cut, list, meant, quoted};

const FIELDS: [&str; 6] = ["run", "params", "steps", "item", "index", "result"];
const RUN: [&str; 7] =
    ["id", "tenant_id", "pipeline_version_id", "trigger_type", "scheduled_for", "attempt", "started_at"];
const STEP: [&str; 4] = ["status", "output", "error", "attempts"];

/// Whose results an expression may read.
#[derive(Clone, Copy)]
pub(crate) enum Steps {
    /// Those of the steps that have ended before this one starts.
    Before(usize),
    /// All: the run is over.
    All,
    /// Nobody knows which there are.
    Unknown,
}

/// What an expression may read.
#[derive(Clone, Copy)]
pub(crate) struct Context<'a> {
    /// The steps of the spec.
    pub(crate) graph: &'a Graph<'a>,
    /// Which of them it sees.
    pub(crate) steps: Steps,
    /// Whether there is an `item` and its `index`.
    pub(crate) item: bool,
    /// Whether there is a `result`.
    pub(crate) result: bool,
}

/// What a value may be, as far as its expression tells: any of several, so a set.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct What(u8);

impl What {
    pub(super) const NOTHING: Self = Self(0);
    /// The context itself.
    pub(super) const CONTEXT: Self = Self(1);
    /// `.steps`.
    const STEPS: Self = Self(2);
    /// `.steps.<id>`.
    const STEP: Self = Self(4);
    /// `.run`.
    const RUN: Self = Self(8);
    /// Anything else.
    pub(super) const OTHER: Self = Self(16);

    pub(super) fn or(self, other: Self) -> Self {
        Self(self.0 | other.0)
    }

    fn may_be(self, what: Self) -> bool {
        self.0 & what.0 != 0
    }

    /// Its items or fields, all of them.
    pub(super) fn each(self) -> Self {
        if self == Self::STEPS { Self::STEP } else { Self::OTHER }
    }
}

/// The field `key` of a value; what is wrong with reading it goes into `faults`.
pub(super) fn field(of: What, key: &str, context: &Context<'_>, faults: &mut Findings) -> What {
    let mut found = What::NOTHING;
    if of.may_be(What::CONTEXT) {
        found = found.or(match key {
            "run" => What::RUN,
            "steps" => What::STEPS,
            _ => What::OTHER,
        });
        let surely = of == What::CONTEXT;
        faults.once((if surely { "the context" } else { "" }, key), || context.field(key, surely));
    }
    if of.may_be(What::STEPS) {
        found = found.or(What::STEP);
        faults.once(("steps", key), || context.step(key));
    }
    // What may also be something else may have other fields.
    for (what, name, fields) in [(What::RUN, "a run", &RUN[..]), (What::STEP, "a step", &STEP[..])] {
        if of == what && !fields.contains(&key) {
            faults.once((name, key), || {
                let hint = meant(key, fields.iter().copied());
                let has = list(fields.iter().copied());
                Some(format!("reads the field {} of {name}, which has {has}{hint}", quoted(key)))
            });
        }
    }
    if of.may_be(What::OTHER) || of.may_be(What::STEP) || of.may_be(What::RUN) {
        found.or(What::OTHER)
    } else {
        found
    }
}

impl Context<'_> {
    /// What is wrong with reading a field of the context.
    fn field(&self, key: &str, surely: bool) -> Option<String> {
        match key {
            "item" | "index" if !self.item => Some(format!(
                "reads .{key}, which is there only in \"with\" and \"output\" of a step that has \"for_each\""
            )),
            "result" if !self.result => {
                Some("reads .result, which is there only in the \"output\" of a step".to_owned())
            }
            _ if !surely || FIELDS.contains(&key) => None,
            _ => {
                let hint = meant(key, FIELDS);
                Some(format!("reads .{}, but the context of a run has {}{hint}", cut(key), list(FIELDS)))
            }
        }
    }

    /// What is wrong with reading the results of a step.
    fn step(&self, id: &str) -> Option<String> {
        if matches!(self.steps, Steps::Unknown) {
            return None;
        }
        let quoted = quoted(id);
        let Some(index) = self.graph.index(id) else {
            let hint = meant(id, self.graph.ids());
            return Some(format!("reads .steps.{}, but there is no step {quoted}{hint}", cut(id)));
        };
        match self.steps {
            Steps::All | Steps::Unknown => None,
            Steps::Before(this) if index == this => {
                let hint = if self.result { ": its result is .result" } else { "" };
                Some(format!("reads .steps.{id}, the results of its own step, which has not ended{hint}"))
            }
            Steps::Before(this) if !self.graph.is_before(index, this) => Some(format!(
                "reads .steps.{id}, but {quoted} need not have ended: add it to \"depends_on\", or let a step do so that is there"
            )),
            Steps::Before(_) => None,
        }
    }
}

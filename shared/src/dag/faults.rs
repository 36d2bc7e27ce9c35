//! What is wrong with a spec, collected.

use std::cmp::Ordering;

use super::at::At;
use super::limits::{MAX_FAULT_BYTES, MAX_FAULTS};
use crate::problem::FieldError;

/// One broken rule: a JSON pointer into the dag_spec, and a sentence that says how to mend it.
pub type Fault = FieldError;

/// Collects faults, at most 100 and 64 KiB of them: 256 KiB of spec could be wrong in a hundred thousand places.
#[derive(Debug, Default)]
pub(crate) struct Faults {
    faults: Vec<Fault>,
    bytes: usize,
}

impl Faults {
    /// A fault at a place.
    pub(crate) fn add(&mut self, at: &At<'_>, detail: impl Into<String>) {
        if !self.is_full() {
            self.add_at(at.to_string(), detail);
        }
    }

    /// A fault at a pointer that is already written.
    pub(crate) fn add_at(&mut self, pointer: String, detail: impl Into<String>) {
        if self.is_full() {
            return;
        }
        let fault = Fault::new(pointer, detail);
        self.bytes += fault.pointer.len() + fault.detail.len();
        // One is always told, however long its pointer is.
        if self.bytes <= MAX_FAULT_BYTES || self.faults.is_empty() {
            self.faults.push(fault);
        }
    }

    /// Whether there is no use in looking for more.
    pub(crate) fn is_full(&self) -> bool {
        self.faults.len() >= MAX_FAULTS || self.bytes > MAX_FAULT_BYTES
    }

    /// Whether nothing is wrong so far.
    pub(crate) fn is_empty(&self) -> bool {
        self.faults.is_empty()
    }

    /// Whether something is wrong at this pointer or below it.
    pub(crate) fn mentions(&self, pointer: &str) -> bool {
        let below = |fault: &Fault| {
            fault.pointer.strip_prefix(pointer).is_some_and(|rest| rest.is_empty() || rest.starts_with('/'))
        };
        self.faults.iter().any(below)
    }

    /// Everything found, in the order of the document: lists by index, objects by key, as they are stored.
    pub(crate) fn finish(mut self) -> Vec<Fault> {
        self.faults.sort_by(|a, b| by_place(&a.pointer, &b.pointer));
        self.faults
    }
}

/// Compares two pointers segment by segment, whole numbers by their size.
fn by_place(a: &str, b: &str) -> Ordering {
    let order = |(a, b): (&str, &str)| match (a.parse::<u64>(), b.parse::<u64>()) {
        (Ok(a), Ok(b)) => a.cmp(&b),
        _ => a.cmp(b),
    };
    let different = a.split('/').zip(b.split('/')).map(order).find(|order| order.is_ne());
    different.unwrap_or_else(|| a.split('/').count().cmp(&b.split('/').count()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn faults_are_told_in_the_order_of_the_document() {
        let mut faults = Faults::default();
        let steps = At::Root.key("steps");
        for index in [10, 2] {
            faults.add(&steps.index(index).key("id"), "");
        }
        faults.add(&At::Root.key("output"), "");
        faults.add(&steps, "");
        let pointers: Vec<_> = faults.finish().into_iter().map(|fault| fault.pointer).collect();
        assert_eq!(pointers, ["/output", "/steps", "/steps/2/id", "/steps/10/id"]);
    }

    #[test]
    fn no_more_is_kept_than_an_answer_may_hold() {
        let mut faults = Faults::default();
        (0..1000).for_each(|index| faults.add(&At::Root.index(index), "wrong"));
        assert_eq!(faults.finish().len(), MAX_FAULTS);

        let long = "x".repeat(MAX_FAULT_BYTES / 3);
        let mut faults = Faults::default();
        (0..10).for_each(|index| faults.add(&At::Root.key(&long).index(index), "wrong"));
        assert_eq!(faults.finish().len(), 2);
        let mut faults = Faults::default();
        faults.add(&At::Root.key(&"x".repeat(MAX_FAULT_BYTES)), "wrong");
        assert_eq!(faults.finish().len(), 1);
    }
}

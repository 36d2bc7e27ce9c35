//! Chaos: faults injected from a seed while thousands of runs go through the whole system, and what must hold whatever happens, checked afterwards.

pub mod history;
pub mod invariants;
pub mod ledger;
pub mod store;

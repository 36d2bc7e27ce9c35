//! Chaos: faults injected from a seed while thousands of runs go through the whole system, and what must hold whatever happens, checked afterwards.

pub mod ledger;

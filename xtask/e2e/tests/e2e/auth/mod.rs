//! Who may do what, with whose things.

mod deletions;
mod endpoints;
mod forged;
mod random;
mod table;
mod tenants;
mod things;

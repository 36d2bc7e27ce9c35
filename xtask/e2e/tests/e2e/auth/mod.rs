//! Who may do what, with whose things.

mod endpoints;
mod forged;
mod table;
mod tenants;
mod things;

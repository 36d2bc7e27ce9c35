//! The verbs on a real Postgres. Time is moved in SQL, never slept.

mod answers;
mod claims;
mod creates;
mod gets;
mod lists;
mod plans;
mod round_trips;
mod support;

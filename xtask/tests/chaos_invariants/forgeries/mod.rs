//! What a product that is broken would have done, or would have told, in SQL. Where one of its own guards is in the way it is taken off first.

pub mod allowed;
mod around;
mod runs;
mod told;

/// Its name, the forgery, the invariant that has to find it, and what that says among other things.
pub type Forgery = (&'static str, &'static str, &'static str, &'static str);

/// All of them.
pub fn all() -> impl Iterator<Item = &'static Forgery> {
    runs::ALL.iter().chain(around::ALL).chain(told::ALL)
}

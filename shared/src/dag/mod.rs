//! What a dag_spec asks a worker to do, and whether it may: docs/dag_spec.md describes the language.
//!
//! | file | what is in it |
//! |---|---|
//! | `check` | everything that an approval asks |
//! | `shape` | what a draft has to look like |
//! | `graph` | which step runs after which |
//! | `template`, `expression` | the strings, and the jq in them |
//! | `params` | the JSON Schema of the parameters, and parameters against it |
//! | [`spec`] | a spec that was checked, as types |
//! | [`plan`] | what is to be done next, from a spec and what has become of its steps |
//! | [`evaluate`] | expressions to values, in a child process |
//! | [`execute`] | running what is planned, and storing what comes of it |
//! | `limits`, `faults`, `at`, `words` | bounds, and how what is wrong is told |

mod at;
mod check;
mod connections;
pub mod evaluate;
pub mod execute;
mod expression;
mod faults;
#[cfg(any(test, feature = "testing"))]
pub mod fuzz;
mod graph;
mod limits;
pub(crate) mod params;
pub mod plan;
mod shape;
pub mod spec;
mod template;
pub(crate) mod words;

pub use check::{check, check_shape};
pub use connections::{ConnectionKind, Connections};
pub use faults::Fault;
pub use params::{Params, ParamsCache, ParamsError};

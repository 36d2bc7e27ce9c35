//! Evaluating expressions, in a child process.
//!
//! A dag_spec is a stranger's code. What it may call is a closed list (see `expression`), but no list bounds how much memory and time an expression
//! takes, and a thread cannot be killed. So a worker starts itself a second time, with nothing but pipes to it: the child evaluates, under a limit on
//! its memory, and is killed when it takes too long. Then only the step that asked has failed.
//!
//! | file | what is in it |
//! |---|---|
//! | `protocol` | what goes through the pipes |
//! | `serve` | the child |
//! | `evaluators`, `child` | the worker's side: some children, kept between evaluations |
//! | `render` | templates to values, in the child |
//! | `jq` | jaq, with the functions that are allowed and no others |

mod child;
mod evaluators;
mod jq;
mod protocol;
mod render;
mod serve;

pub use evaluators::{Ask, Context, EvaluateError, Evaluators, Limits, Turns};
pub use serve::serve;

/// What a template gives for a context, in this process, where nothing bounds what it takes: for tests alone.
///
/// # Errors
/// A sentence.
#[cfg(any(test, feature = "testing"))]
pub(crate) fn render_here(
    template: &serde_json::Value,
    context: &str,
    max_bytes: usize,
) -> Result<String, String> {
    thread_local! {
        static JQ: jq::Jq = jq::Jq::default();
    }
    let context = render::parse(context)?;
    JQ.with(|jq| render::render(jq, template, &context, max_bytes)).map_err(|error| format!("{error:?}"))
}

//! Expressions: whether a piece of jq may be evaluated, and what of a run's context it reads. Nothing is evaluated here.

mod allowed;
mod calls;
mod findings;
mod parse;
mod paths;
mod reads;
mod walk;

use super::words::cut;
pub(crate) use reads::{Context, Steps};

/// Everything that is wrong with the jq between `${` and `}`, as sentences. `context` is what it may read.
pub(crate) fn check(expression: &str, context: &Context<'_>) -> Vec<String> {
    let faults = match parse::lex(expression) {
        Err(detail) => vec![detail],
        Ok(tokens) => match parse::parse(&tokens) {
            Err(detail) => vec![detail],
            Ok(term) => walk::faults(&term, context),
        },
    };
    let shown = cut(expression.trim());
    faults.into_iter().map(|detail| format!("the expression `{shown}` {detail}")).collect()
}

/// Whether an expression may be evaluated at all, whatever its steps and its context are.
///
/// # Errors
/// The rest of a sentence that begins with the expression.
pub(crate) fn check_alone(expression: &str) -> Result<(), String> {
    let graph = super::graph::Graph::of(&[], &mut super::faults::Faults::default());
    let context = Context { graph: &graph, steps: Steps::Unknown, item: true, result: true };
    let tokens = parse::lex(expression)?;
    let term = parse::parse(&tokens)?;
    walk::faults(&term, &context).into_iter().next().map_or(Ok(()), Err)
}

#[cfg(test)]
mod tests;

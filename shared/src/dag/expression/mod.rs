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

#[cfg(test)]
mod tests;

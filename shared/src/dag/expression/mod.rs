//! Expressions: whether a piece of jq may be evaluated, and what of a run's context it reads. Nothing is evaluated here.

mod allowed;
mod parse;
mod paths;
mod reads;
mod walk;

use super::words::cut;
pub(crate) use reads::{Context, Steps};

/// Everything that is wrong with the jq between `${` and `}`, as sentences. `context` is what it may read.
pub(crate) fn check(expression: &str, context: &Context<'_>) -> Vec<String> {
    let tokens = match parse::lex(expression) {
        Ok(tokens) => tokens,
        Err(detail) => return vec![about(expression, &detail)],
    };
    match parse::parse(&tokens) {
        Ok(term) => walk::faults(&term, context),
        Err(detail) => vec![about(expression, &detail)],
    }
    .into_iter()
    .map(|fault| if fault.starts_with("the expression") { fault } else { about(expression, &fault) })
    .collect()
}

fn about(expression: &str, detail: &str) -> String {
    format!("the expression `{}` {detail}", cut(expression.trim()))
}

#[cfg(test)]
mod tests;

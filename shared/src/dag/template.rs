//! Templates: strings with jq between `${` and `}`. `$${` is a literal `${`.

use super::limits::{MAX_BRACKETS, MAX_EXPRESSION_BYTES};
use super::words::cut;

/// A piece of a string.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Part<'a> {
    /// As it stands.
    Text(&'a str),
    /// What `$${` stands for.
    Escaped,
    /// The jq between `${` and its `}`.
    Expression(&'a str),
}

/// Why a string is no template.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub(crate) enum TemplateError {
    #[error(
        "the expression `{0}` has no end: its \"${{\" needs a \"}}\" (a literal \"${{\" is written \"$${{\")"
    )]
    Unclosed(String),
    #[error(
        "the expression `{0}` has no end: from \"#\" to the end of its line is a comment, and its \"}}\" stands there"
    )]
    InComment(String),
    #[error(
        "the expression `{0}` closes a bracket that it has not opened, or another one than was opened last"
    )]
    Crossed(String),
    #[error(
        "the expression `{0}` has more than {MAX_BRACKETS} brackets within each other: divide it over several steps"
    )]
    TooDeep(String),
    #[error(
        "an expression may have at most {MAX_EXPRESSION_BYTES} bytes: `{0}` has more, divide it over several steps"
    )]
    TooLong(String),
}

/// The parts of a string in their order. After the first error nobody knows where the next part would begin.
pub(crate) fn parts(mut text: &str) -> Result<Vec<Part<'_>>, TemplateError> {
    let mut parts = Vec::new();
    let mut from = 0;
    while let Some(found) = text[from..].find('$').map(|at| at + from) {
        let rest = &text[found..];
        let (part, length) = if rest.starts_with("$${") {
            (Part::Escaped, "$${".len())
        } else if let Some(expression) = rest.strip_prefix("${") {
            let end = end_of_expression(expression)?;
            (Part::Expression(&expression[..end]), "${".len() + end + "}".len())
        } else {
            from = found + 1;
            continue;
        };
        if found > 0 {
            parts.push(Part::Text(&text[..found]));
        }
        parts.push(part);
        (text, from) = (&rest[length..], 0);
    }
    if !text.is_empty() {
        parts.push(Part::Text(text));
    }
    Ok(parts)
}

/// What the tokenizer is within.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Within {
    /// A bracket, which this one closes.
    Bracket(u8),
    /// A string.
    String,
}

/// Where the `}` stands that ends an expression: reads brackets, strings with `\(…)` and comments as jq does, so that none of theirs does.
/// Bytes, not characters, as everything that counts is ASCII. Never looks further than an expression may be long.
fn end_of_expression(text: &str) -> Result<usize, TemplateError> {
    let bytes = text.as_bytes();
    let mut within = Vec::new();
    let mut brackets = 0;
    let mut in_comment = false;
    let mut at = 0;
    while at < bytes.len() {
        if at > MAX_EXPRESSION_BYTES {
            return Err(TemplateError::TooLong(cut(text.trim_start())));
        }
        let byte = bytes[at];
        at += 1;
        let opened = match (within.last(), byte) {
            (Some(Within::String), b'"') => {
                within.pop();
                continue;
            }
            (Some(Within::String), b'\\') => {
                at += 1;
                if bytes.get(at - 1) != Some(&b'(') {
                    continue;
                }
                b')'
            }
            (Some(Within::String), _) => continue,
            (_, b'"') => {
                within.push(Within::String);
                continue;
            }
            (_, b'#') => {
                let from = at;
                at = end_of_comment(bytes, at);
                in_comment |= bytes[from..at.min(bytes.len())].contains(&b'}');
                continue;
            }
            (_, b'(') => b')',
            (_, b'[') => b']',
            (_, b'{') => b'}',
            (None, b'}') => return Ok(at - 1),
            (Some(Within::Bracket(closing)), byte) if *closing == byte => {
                within.pop();
                brackets -= 1;
                continue;
            }
            (_, b')' | b']' | b'}') => return Err(TemplateError::Crossed(cut(text.trim_start()))),
            _ => continue,
        };
        within.push(Within::Bracket(opened));
        brackets += 1;
        if brackets > MAX_BRACKETS {
            return Err(TemplateError::TooDeep(cut(text.trim_start())));
        }
    }
    let expression = cut(text.trim_start());
    Err(if in_comment { TemplateError::InComment(expression) } else { TemplateError::Unclosed(expression) })
}

/// A comment ends with its line, unless that ends with an odd number of backslashes.
fn end_of_comment(bytes: &[u8], mut at: usize) -> usize {
    let mut backslashes = 0;
    while at < bytes.len() {
        match bytes[at] {
            b'\n' if backslashes % 2 == 0 => return at + 1,
            b'\\' => backslashes += 1,
            // A carriage return before the newline is part of it.
            b'\r' if bytes.get(at + 1) == Some(&b'\n') => {}
            _ => backslashes = 0,
        }
        at += 1;
    }
    at
}

#[cfg(test)]
mod tests;

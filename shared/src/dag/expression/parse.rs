//! From text to a syntax tree, with jaq's own lexer and parser: what is accepted here is what the worker's jaq reads.

use jaq_core::load::Lexer;
use jaq_core::load::lex::{self, StrPart, Tok, Token};
use jaq_core::load::parse::{Expect, Parser, Term};

use crate::dag::limits::{MAX_EXPRESSION_BYTES, MAX_OPERATORS};
use crate::dag::words::cut;

/// What the parser calls itself for, whether or not brackets stand around it.
const OPERATORS: [&str; 36] = [
    "|", "+", "-", "*", "/", "%", "=", "|=", "+=", "-=", "*=", "/=", "%=", "//=", "<", ">", "<=", ">=", "==",
    "!=", "//", "and", "or", "as", "if", "elif", "try", "catch", "reduce", "foreach", "label", "def",
    "import", "include", "module", "?//",
];

/// The tokens of an expression whose brackets the template has counted.
///
/// # Errors
/// The rest of a sentence.
pub(super) fn lex(expression: &str) -> Result<Vec<Token<&str>>, String> {
    if expression.trim().is_empty() {
        return Err("is empty: write jq between \"${\" and \"}\", such as .params.x".to_owned());
    }
    if expression.len() > MAX_EXPRESSION_BYTES {
        return Err(format!("has more than {MAX_EXPRESSION_BYTES} bytes"));
    }
    let tokens = Lexer::new(expression).lex().map_err(|errors| match errors.first() {
        Some((expected, rest)) => format!("does not parse: expected {} {}", lexed(expected), before(rest)),
        None => "does not parse".to_owned(),
    })?;
    let operators = operators(&tokens);
    if operators > MAX_OPERATORS {
        let detail = "may have at most";
        return Err(format!(
            "{detail} {MAX_OPERATORS} operators and keywords, has {operators}: divide it over several steps"
        ));
    }
    Ok(tokens)
}

/// The tree of all tokens.
///
/// # Errors
/// The rest of a sentence.
pub(super) fn parse<'s>(tokens: &[Token<&'s str>]) -> Result<Term<&'s str>, String> {
    Parser::new(tokens).parse(|parser| parser.term()).map_err(|errors| match errors.first() {
        Some((expected, found)) => {
            let rest = found.map_or("", |token| token.as_str());
            format!("does not parse: expected {} {}", parsed(expected), before(rest))
        }
        None => "does not parse".to_owned(),
    })
}

fn lexed(expected: &lex::Expect<&str>) -> &'static str {
    match expected {
        lex::Expect::Digit => "a digit",
        lex::Expect::Ident => "a name",
        lex::Expect::Delim("\"") => "a closing quote",
        lex::Expect::Delim(_) => "a closing bracket",
        lex::Expect::Escape => "an escape sequence such as \\n",
        lex::Expect::Unicode => "four hexadecimal digits of a character",
        _ => "something that jq knows",
    }
}

fn parsed(expected: &Expect<&str>) -> String {
    match expected {
        Expect::Just(word) => format!("`{word}`"),
        Expect::Nothing => "an operator or the end".to_owned(),
        Expect::ElseOrEnd => "`else` or `end`".to_owned(),
        Expect::Ident => "a name".to_owned(),
        Expect::Arg => "an argument".to_owned(),
        Expect::CommaOrRBrack => "`,` or `]`".to_owned(),
        Expect::CommaOrRBrace => "`,` or `}`".to_owned(),
        Expect::SemicolonOrRParen => "`;` or `)`".to_owned(),
        other => format!("a {}", other.as_str()),
    }
}

fn before(rest: &str) -> String {
    if rest.is_empty() { "at the end".to_owned() } else { format!("before `{}`", cut(rest)) }
}

/// Counts them, those in brackets and strings included.
fn operators(tokens: &[Token<&str>]) -> usize {
    let count = |Token(text, token): &Token<&str>| match token {
        Tok::Block(tokens) => operators(tokens),
        Tok::Str(parts) => parts
            .iter()
            .map(|part| match part {
                StrPart::Term(term) => operators(std::slice::from_ref(term)),
                StrPart::Str(_) | StrPart::Char(_) => 0,
            })
            .sum(),
        Tok::Word | Tok::Sym => usize::from(OPERATORS.contains(text)),
        Tok::Var | Tok::Fmt | Tok::Num => 0,
    };
    tokens.iter().map(count).sum()
}

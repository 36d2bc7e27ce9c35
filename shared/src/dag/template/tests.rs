use jaq_core::load::Lexer;
use proptest::prelude::*;

use super::*;

#[test]
fn a_string_is_divided_into_texts_and_expressions() {
    use Part::{Escaped, Expression, Text};
    for (text, expected) in [
        ("", vec![]),
        ("plain $5 $ {x} }", vec![Text("plain $5 $ {x} }")]),
        ("${ .a }", vec![Expression(" .a ")]),
        ("a ${.b} c ${.d}", vec![Text("a "), Expression(".b"), Text(" c "), Expression(".d")]),
        ("$${ .a }", vec![Escaped, Text(" .a }")]),
        ("$$${ .a }", vec![Text("$"), Escaped, Text(" .a }")]),
        ("x$${${1}", vec![Text("x"), Escaped, Expression("1")]),
        ("$", vec![Text("$")]),
        ("ä${\"}ä\"}ö", vec![Text("ä"), Expression("\"}ä\""), Text("ö")]),
        ("${ {a: {b: [1]}} }}", vec![Expression(" {a: {b: [1]}} "), Text("}")]),
        (r#"${ "\({a: "}"})" }"#, vec![Expression(r#" "\({a: "}"})" "#)]),
        (r#"${ "\"}" }"#, vec![Expression(r#" "\"}" "#)]),
        ("${ . # }\n }", vec![Expression(" . # }\n ")]),
        ("${ . # \\\n }\n }", vec![Expression(" . # \\\n }\n ")]),
        ("${ . # \\\\\n }", vec![Expression(" . # \\\\\n ")]),
    ] {
        assert_eq!(parts(text).unwrap(), expected, "{text}");
    }
}

#[test]
fn what_is_too_long_or_too_deep_is_refused_before_anybody_parses_it() {
    let nested = |depth: usize| format!("${{{}1{}}}", "[".repeat(depth), "]".repeat(depth));
    assert!(parts(&nested(MAX_BRACKETS)).is_ok());
    assert!(matches!(parts(&nested(MAX_BRACKETS + 1)), Err(TemplateError::TooDeep(_))));
    // Strings within strings are brackets too.
    let strings = |depth: usize| format!("${{{}1{}}}", "\"\\(".repeat(depth), ")\"".repeat(depth));
    assert!(parts(&strings(MAX_BRACKETS)).is_ok());
    assert!(matches!(parts(&strings(MAX_BRACKETS + 1)), Err(TemplateError::TooDeep(_))));
    let long = |bytes: usize| format!("${{{}}}", "1".repeat(bytes));
    assert!(parts(&long(MAX_EXPRESSION_BYTES)).is_ok());
    assert!(matches!(parts(&long(MAX_EXPRESSION_BYTES + 1)), Err(TemplateError::TooLong(_))));
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(400))]

    /// jaq's own lexer reads `{…}` as one block: where that ends, the expression ends.
    #[test]
    fn an_expression_ends_where_jaqs_lexer_says(
        pieces in proptest::collection::vec(
            prop_oneof![
                Just(" "), Just(".a"), Just("1"), Just("\""), Just("\\"), Just("("), Just(")"), Just("{"), Just("}"), Just("["), Just("]"),
                Just("\\("), Just("#"), Just("\n"), Just("\r\n"), Just("|"), Just("ä"), Just("\"x\""), Just("\"}\""), Just("\\\""), Just("\"\\(1)\""),
            ],
            0..30,
        ),
    ) {
        let text = pieces.concat();
        let block = format!("{{{text}");
        // The shortest beginning that the lexer reads as one block.
        let by_jaq = block.match_indices('}').map(|(end, _)| end).find(|end| {
            Lexer::new(&block[..=*end]).lex().is_ok_and(|tokens| tokens.len() == 1 && tokens[0].0.len() == end + 1)
        });
        let ours = end_of_expression(&text);
        if let Some(end) = by_jaq {
            prop_assert_eq!(ours, Ok(end - 1), "{}", text);
        } else if let Ok(end) = ours {
            // What has an end, but is no jq, the lexer will refuse.
            prop_assert!(Lexer::new(&text[..end]).lex().is_err(), "{}", text);
        }
    }
}

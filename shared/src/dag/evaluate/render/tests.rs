use serde_json::json;

use super::*;

fn rendered(template: Value, context: &str) -> Result<String, RenderError> {
    render(&Jq::default(), &template, &parse(&format!("{{\"params\": {context}}}")).unwrap(), 10_000)
}

fn failure(template: &str) -> String {
    match rendered(json!(template), r#"{"a": [1, 2]}"#) {
        Err(RenderError::Failed(detail)) => detail,
        other => panic!("{template}: {other:?}"),
    }
}

#[test]
fn one_expression_becomes_its_value_and_a_longer_string_a_text() {
    let context = r#"{"a": [1, {"b": "x\"y"}], "n": null}"#;
    let template = json!({"${ .params.a }": "${ .params.a }", "text": "a=${ .params.a[1].b } ${ .params.a } ${ .params.n }", "plain": [1.5, true, null, "$${ .params.a }", "$"]});
    let expected = json!({
        "${ .params.a }": [1, {"b": "x\"y"}], "text": "a=x\"y [1,{\"b\":\"x\\\"y\"}] null", "plain": [1.5, true, null, "${ .params.a }", "$"],
    });
    assert_eq!(serde_json::from_str::<Value>(&rendered(template, context).unwrap()).unwrap(), expected);
}

#[test]
fn numbers_keep_their_64_bits_and_their_digits() {
    let context = r#"{"i": 9223372036854775807, "u": 18446744073709551615, "f": 0.1, "e": 1e300, "d": 1.10}"#;
    let all =
        rendered(json!("${ [.params.i, .params.u, .params.f, .params.e, .params.d, -.params.i] }"), context)
            .unwrap();
    assert_eq!(all, "[9223372036854775807,18446744073709551615,0.1,1e300,1.10,-9223372036854775807]");
}

#[test]
fn exactly_one_value_is_asked_for() {
    assert!(failure("${ .params.a[] }").contains("several values"));
    assert!(failure("${ empty }").contains("no value"));
    assert!(failure("${ error(\"no\") }").contains("failed: no"));
}

#[test]
fn what_json_does_not_have_is_refused() {
    assert!(failure("${ [1 / 0] }").contains("JSON does not have"));
    assert!(failure("${ \"\\u0000\" }").contains("NUL"));
    assert!(
        failure("${ reduce (.params.a[], .params.a[], .params.a[], .params.a[]) as $x (0; [[[[[[[[[[.]]]]]]]]]]) }")
            .contains("more than 64")
    );
}

#[test]
fn what_may_not_be_called_is_not_called() {
    for expression in ["env", "$ENV", "input", "[range(1e12)]", "def f: f; f", "debug", "halt", "now"] {
        let detail = failure(&format!("${{ {expression} }}"));
        assert!(detail.contains("not allowed") || detail.contains("does not"), "{expression}: {detail}");
    }
}

#[test]
fn a_value_that_outgrows_its_bound_is_not_written_to_its_end() {
    let context = parse(&json!({"params": {"a": "x".repeat(5_000)}}).to_string()).unwrap();
    let render = |template: &str| render(&Jq::default(), &json!(template), &context, 8_000);
    assert!(render("${ .params.a }").is_ok());
    for template in
        ["${ [.params.a, .params.a] }", "${ .params.a }${ .params.a }", "${ .params.a + .params.a }"]
    {
        assert!(matches!(render(template), Err(RenderError::TooLarge(_))), "{template}");
    }
}

#[test]
fn what_is_put_beside_a_context_hides_it_for_one_question() {
    let document = parse(r#"{"item": 1, "params": 2}"#).unwrap();
    let with = context(&document, Some(r#"{"item": 3}"#)).unwrap();
    let jq = Jq::default();
    assert_eq!(render(&jq, &json!("${ [.item, .params] }"), &with, 100).unwrap(), "[3,2]");
    assert_eq!(render(&jq, &json!("${ .item }"), &document, 100).unwrap(), "1");
}

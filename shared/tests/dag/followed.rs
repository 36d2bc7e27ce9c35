//! How far what an expression reads is followed.

use runplane::dag;
use serde_json::{Value, json};

use crate::support::with_expression;

fn told(expression: &str) -> Vec<String> {
    dag::check(&with_expression(expression), None).into_iter().map(|fault| fault.detail).collect()
}

fn reads_other(expression: &str) -> bool {
    told(expression)
        .iter()
        .any(|detail| detail.contains("reads .steps.other, but \"other\" need not have ended"))
}

fn of_steps(steps: Value) -> Vec<String> {
    let faults = dag::check(&json!({ "steps": steps }), None);
    faults.into_iter().map(|fault| format!("{}  {}", fault.pointer, fault.detail)).collect()
}

#[test]
fn a_step_that_need_not_have_ended_is_found_on_every_way_that_can_be_followed() {
    for expression in [
        ".steps[\"a\", \"other\"]",
        ".steps[\"other\", \"a\"]",
        ".[\"params\", \"steps\"] | .other",
        "first(..) | .steps.other",
        ".. | .steps.other?",
        "recurse | .steps.other?",
        "reduce 1 as $x (.; .) | .steps.other",
        "foreach 1 as $x (.; .) | .steps.other",
    ] {
        assert!(reads_other(expression), "{expression}: {:?}", told(expression));
    }
}

#[test]
fn what_is_read_of_something_else_is_not_taken_for_a_step() {
    for expression in [
        "foreach 1 as $x (.; .; {steps: $x}) | .steps.other",
        ".params.x | .steps.other",
        ".params[\"a\", \"other\"]",
        "[.params | ..] | .[0]",
    ] {
        assert_eq!(told(expression), [""; 0], "{expression}");
    }
    // A function of its own is refused once, and its calls are not refused beside.
    let own = told("def f: 1; f | 1, ., f");
    assert_eq!(own.len(), 1, "{own:?}");
    assert!(own[0].contains("defines a function"), "{own:?}");
}

#[test]
fn what_an_assignment_makes_may_have_other_fields() {
    for expression in [
        ".run |= {x: 1} | .run.x",
        ". |= .params | .anything",
        ".steps.a |= {total: 1} | .mine = 1 | .mine",
        "(. += {mine: 1}) | .mine",
        ".run | .mine = 1 | .mine",
        ".run | .mine += 1 | .mine",
        ".steps.a | .mine //= 1 | .mine",
        "setpath([\"mine\"]; 1) | .mine",
        "reduce .params[] as $x (.run; {sum: $x}) | .sum",
        "foreach .params[] as $x (.; .; {other: $x}) | .other",
        ".steps.a.output.rows | recurse | .anything?",
    ] {
        assert_eq!(told(expression), [""; 0], "{expression}");
    }
}

#[test]
fn what_a_comment_took_away_is_told() {
    let found = told("1 # one } two ");
    assert_eq!(
        found,
        [
            "the expression `1 # one } two }` has no end: from \"#\" to the end of its line is a comment, and its \"}\" stands there"
        ]
    );
    assert!(told("{a: 1 ")[0].contains("has no end: its \"${\" needs a \"}\""));
}

#[test]
fn a_condition_of_two_expressions_is_told_as_one() {
    let condition = |text: &str| {
        let step = json!({"id": "b", "type": "transform", "with": {"value": 1}, "if": text});
        of_steps(json!([step])).remove(0)
    };
    assert_eq!(
        condition("${ .params.a } and ${ .params.b }"),
        "/steps/0/if  must be one expression and nothing else; operators stand within it: \"${ .params.a and .params.b }\""
    );
    assert!(condition("${ .params.a } maybe ${ .params.b }").contains("; texts are joined within it"));
    assert_eq!(
        condition(" ${ .params.a } "),
        "/steps/0/if  must be one expression and nothing else: there is a space before or after it"
    );
}

#[test]
fn a_time_to_wait_until_is_a_time_or_has_an_expression() {
    let until = |text: &str| of_steps(json!([{"id": "b", "type": "wait", "with": {"until": text}}]));
    for right in ["2026-12-24T18:00:00Z", "${ .params.x }", "${ .params.day }T00:00:00Z"] {
        assert_eq!(until(right), [""; 0]);
    }
    let found = until("$${ .params.x }");
    assert_eq!(found.len(), 1);
    assert!(found[0].starts_with("/steps/0/with/until  must be a time such as"), "{found:?}");
    assert!(until("${ .nowhere }")[0].contains("reads .nowhere"));
}

#[test]
fn params_are_checked_beside_too_many_steps() {
    let steps: Vec<_> = (0..201).map(|number| format!("s{number}")).collect();
    let faults = dag::check(&json!({"steps": steps, "params": {"type": "array"}}), None);
    let pointers: Vec<_> = faults.iter().map(|fault| fault.pointer.as_str()).collect();
    assert_eq!(pointers, ["/params/type", "/steps"]);
}

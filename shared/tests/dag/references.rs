//! What of the context an expression reads, and may not.

use insta::assert_snapshot;
use serde_json::json;

use crate::support::{faults, faults_of_expressions};

#[test]
fn steps_that_need_not_have_ended() {
    assert_snapshot!(faults_of_expressions(&[
        ".steps.other.output", ".steps[\"other\"].output", ".steps.\"other\"", ".steps | .other", ".steps as $s | $s.other", ". as {$steps} | $steps.other",
        ". as {steps: {other: {output: $o}}} | $o", "$__loc__ | .a", ".steps.b", ".steps.nowhere", ".steps.othr", "{steps} | .x", "[.steps.other, .steps.nowhere]",
        "\"\\(.steps.other.output)\"", ".params | .x as $x | .y", "(.steps // {}) | .other", "if true then .steps else 1 end | .other",
        ".params.list | map(.steps.other)", ". | select(true) | .steps.other", "first(.steps.other)", "first(.steps, 1) | .other", "try .steps.other catch .",
        ".steps.other.output?", ".steps[\"oth\" + \"er\"]", "reduce .steps.other.output[] as $x (0; . + $x)", ".steps.other = 1", "del(.steps.other)",
        "{a: .steps.other}", "{(.steps.other.output): 1}", "[.steps.a, .steps.other][1]", "-.steps.other.output", ".steps.\"\\u006fther\"",
    ]), @r#"
    .steps.other.output
        the expression `.steps.other.output` reads .steps.other, but "other" need not have ended: add it to "depends_on", or let a step do so that is there
    .steps["other"].output
        the expression `.steps["other"].output` reads .steps.other, but "other" need not have ended: add it to "depends_on", or let a step do so that is there
    .steps."other"
        the expression `.steps."other"` reads .steps.other, but "other" need not have ended: add it to "depends_on", or let a step do so that is there
    .steps | .other
        the expression `.steps | .other` reads .steps.other, but "other" need not have ended: add it to "depends_on", or let a step do so that is there
    .steps as $s | $s.other
        the expression `.steps as $s | $s.other` reads .steps.other, but "other" need not have ended: add it to "depends_on", or let a step do so that is there
    . as {$steps} | $steps.other
        the expression `. as {$steps} | $steps.other` reads .steps.other, but "other" need not have ended: add it to "depends_on", or let a step do so that is there
    . as {steps: {other: {output: $o}}} | $o
        the expression `. as {steps: {other: {output: $o}}} | $o` reads .steps.other, but "other" need not have ended: add it to "depends_on", or let a step do so that is there
    $__loc__ | .a
        the expression `$__loc__ | .a` uses `$__loc__`, which nothing before it defines
    .steps.b
        the expression `.steps.b` reads .steps.b, the results of its own step, which has not ended
    .steps.nowhere
        the expression `.steps.nowhere` reads .steps.nowhere, but there is no step "nowhere"
    .steps.othr
        the expression `.steps.othr` reads .steps.othr, but there is no step "othr" (did you mean "other"?)
    {steps} | .x
        is valid
    [.steps.other, .steps.nowhere]
        the expression `[.steps.other, .steps.nowhere]` reads .steps.nowhere, but there is no step "nowhere"
        the expression `[.steps.other, .steps.nowhere]` reads .steps.other, but "other" need not have ended: add it to "depends_on", or let a step do so that is there
    "\(.steps.other.output)"
        the expression `"\(.steps.other.output)"` reads .steps.other, but "other" need not have ended: add it to "depends_on", or let a step do so that is there
    .params | .x as $x | .y
        is valid
    (.steps // {}) | .other
        the expression `(.steps // {}) | .other` reads .steps.other, but "other" need not have ended: add it to "depends_on", or let a step do so that is there
    if true then .steps else 1 end | .other
        the expression `if true then .steps else 1 end | .other` reads .steps.other, but "other" need not have ended: add it to "depends_on", or let a step do so that is there
    .params.list | map(.steps.other)
        is valid
    . | select(true) | .steps.other
        the expression `. | select(true) | .steps.other` reads .steps.other, but "other" need not have ended: add it to "depends_on", or let a step do so that is there
    first(.steps.other)
        the expression `first(.steps.other)` reads .steps.other, but "other" need not have ended: add it to "depends_on", or let a step do so that is there
    first(.steps, 1) | .other
        the expression `first(.steps, 1) | .other` reads .steps.other, but "other" need not have ended: add it to "depends_on", or let a step do so that is there
    try .steps.other catch .
        the expression `try .steps.other catch .` reads .steps.other, but "other" need not have ended: add it to "depends_on", or let a step do so that is there
    .steps.other.output?
        the expression `.steps.other.output?` reads .steps.other, but "other" need not have ended: add it to "depends_on", or let a step do so that is there
    .steps["oth" + "er"]
        is valid
    reduce .steps.other.output[] as $x (0; . + $x)
        the expression `reduce .steps.other.output[] as $x (0; . + $x)` reads .steps.other, but "other" need not have ended: add it to "depends_on", or let a step do so that is there
    .steps.other = 1
        the expression `.steps.other = 1` reads .steps.other, but "other" need not have ended: add it to "depends_on", or let a step do so that is there
    del(.steps.other)
        the expression `del(.steps.other)` reads .steps.other, but "other" need not have ended: add it to "depends_on", or let a step do so that is there
    {a: .steps.other}
        the expression `{a: .steps.other}` reads .steps.other, but "other" need not have ended: add it to "depends_on", or let a step do so that is there
    {(.steps.other.output): 1}
        the expression `{(.steps.other.output): 1}` reads .steps.other, but "other" need not have ended: add it to "depends_on", or let a step do so that is there
    [.steps.a, .steps.other][1]
        the expression `[.steps.a, .steps.other][1]` reads .steps.other, but "other" need not have ended: add it to "depends_on", or let a step do so that is there
    -.steps.other.output
        the expression `-.steps.other.output` reads .steps.other, but "other" need not have ended: add it to "depends_on", or let a step do so that is there
    .steps."\u006fther"
        the expression `.steps."\u006fther"` reads .steps.other, but "other" need not have ended: add it to "depends_on", or let a step do so that is there
    "#);
}

#[test]
fn fields_that_the_context_does_not_have() {
    assert_snapshot!(faults_of_expressions(&[
        ".param.x", ".run.tenant", ".steps.a.result", ".steps.a.output.result", ".steps[] | .outptu", ".steps | map(.nothing)", ".steps | to_entries | map(.value.x)",
        ".item", ".index", ".result", ". as {item: $i} | $i", "{item}", ".secrets", "(.run // .params).since", ".[\"pa\" + \"rams\"].x", ".params.anything.at.all",
    ]), @r#"
    .param.x
        the expression `.param.x` reads .param, but the context of a run has "run", "params", "steps", "item", "index", "result" (did you mean "params"?)
    .run.tenant
        the expression `.run.tenant` reads the field "tenant" of a run, which has "id", "tenant_id", "pipeline_version_id", "trigger_type", "scheduled_for", "attempt", "started_at"
    .steps.a.result
        the expression `.steps.a.result` reads the field "result" of a step, which has "status", "output", "error", "attempts"
    .steps.a.output.result
        is valid
    .steps[] | .outptu
        the expression `.steps[] | .outptu` reads the field "outptu" of a step, which has "status", "output", "error", "attempts" (did you mean "output"?)
    .steps | map(.nothing)
        the expression `.steps | map(.nothing)` reads the field "nothing" of a step, which has "status", "output", "error", "attempts"
    .steps | to_entries | map(.value.x)
        is valid
    .item
        the expression `.item` reads .item, which is there only in "with" and "output" of a step that has "for_each"
    .index
        the expression `.index` reads .index, which is there only in "with" and "output" of a step that has "for_each"
    .result
        the expression `.result` reads .result, which is there only in the "output" of a step
    . as {item: $i} | $i
        the expression `. as {item: $i} | $i` reads .item, which is there only in "with" and "output" of a step that has "for_each"
    {item}
        the expression `{item}` reads .item, which is there only in "with" and "output" of a step that has "for_each"
    .secrets
        the expression `.secrets` reads .secrets, but the context of a run has "run", "params", "steps", "item", "index", "result"
    (.run // .params).since
        is valid
    .["pa" + "rams"].x
        is valid
    .params.anything.at.all
        is valid
    "#);
}

#[test]
fn item_index_and_result_where_they_are_not() {
    assert_snapshot!(faults(json!([
        {"steps": [{"id": "a", "type": "transform", "with": {"value": ["${ .item }", "${ .result }"]}, "if": "${ .index == 0 }", "output": "${ .item }"}],
         "output": "${ .item, .result }"},
        {"steps": [{"id": "a", "type": "transform", "for_each": {"items": "${ [.item, .result] }"}, "with": {"value": ["${ .item }", "${ .result }"]},
            "if": "${ .index == 0 }", "output": "${ .item + .index + .result }"}]},
        {"steps": [{"id": "a", "type": "transform", "for_each": {"items": [1, "${ .item }"]}, "with": {"value": 1}}]},
    ])), @r#"
    {"output":"${ .item, .result }","steps":[{"id":"a","if":"${ .index == 0 }","output":"${ .item }","type":"transform","with":{"value":["${ .item }","${ .result }"]}}]}
        /output  the expression `.item, .result` reads .item, which is there only in "with" and "output" of a step that has "for_each"
        /output  the expression `.item, .result` reads .result, which is there only in the "output" of a step
        /steps/0/if  the expression `.index == 0` reads .index, which is there only in "with" and "output" of a step that has "for_each"
        /steps/0/output  the expression `.item` reads .item, which is there only in "with" and "output" of a step that has "for_each"
        /steps/0/with/value/0  the expression `.item` reads .item, which is there only in "with" and "output" of a step that has "for_each"
        /steps/0/with/value/1  the expression `.result` reads .result, which is there only in the "output" of a step

    {"steps":[{"for_each":{"items":"${ [.item, .result] }"},"id":"a","if":"${ .index == 0 }","output":"${ .item + .index + .result }","type":"transform","with":{"value":["${ .item }","${ .result }"]}}]}
        /steps/0/for_each/items  the expression `[.item, .result]` reads .item, which is there only in "with" and "output" of a step that has "for_each"
        /steps/0/for_each/items  the expression `[.item, .result]` reads .result, which is there only in the "output" of a step
        /steps/0/if  the expression `.index == 0` reads .index, which is there only in "with" and "output" of a step that has "for_each"
        /steps/0/with/value/1  the expression `.result` reads .result, which is there only in the "output" of a step

    {"steps":[{"for_each":{"items":[1,"${ .item }"]},"id":"a","type":"transform","with":{"value":1}}]}
        /steps/0/for_each/items/1  the expression `.item` reads .item, which is there only in "with" and "output" of a step that has "for_each"
    "#);
}

#[test]
fn a_result_may_be_read_after_all_steps_have_ended() {
    assert_snapshot!(faults(json!([
        {"steps": ["a", {"id": "b", "type": "transform", "with": {"value": 1}}], "output": {"a": "${ .steps.a }", "b": "${ .steps.b.output }", "c": "${ .steps.c }"}},
        {"output": "${ .steps.a }"},
    ])), @r#"
    {"output":{"a":"${ .steps.a }","b":"${ .steps.b.output }","c":"${ .steps.c }"},"steps":["a",{"id":"b","type":"transform","with":{"value":1}}]}
        /output/c  the expression `.steps.c` reads .steps.c, but there is no step "c"

    {"output":"${ .steps.a }"}
        /output  the expression `.steps.a` reads .steps.a, but there is no step "a"
    "#);
}

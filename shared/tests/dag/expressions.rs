//! Expressions that cannot be read, or say what they may not.

use insta::assert_snapshot;
use serde_json::json;

use crate::support::{faults, faults_of_expressions, faults_of_steps};

#[test]
fn templates_without_an_end() {
    assert_snapshot!(faults_of_steps(json!([[{"id": "a", "type": "artifact", "with": {
        "artifact_type": "${ .params.x",
        "payload": ["a ${ {b: \"}\" } c", "${ .a # } }", "${ (.a} }", "$${ is fine", "${ \"\\(1 }\" }", "${}", "${ }", "$${ ${ ] }"],
    }}]])), @r##"
    [{"id":"a","type":"artifact","with":{"artifact_type":"${ .params.x","payload":["a ${ {b: \"}\" } c","${ .a # } }","${ (.a} }","$${ is fine","${ \"\\(1 }\" }","${}","${ }","$${ ${ ] }"]}}]
        /steps/0/with/artifact_type  the expression `.params.x` has no end: its "${" needs a "}" (a literal "${" is written "$${")
        /steps/0/with/payload/0  the expression `{b: "}" } c` has no end: its "${" needs a "}" (a literal "${" is written "$${")
        /steps/0/with/payload/1  the expression `.a # } }` has no end: from "#" to the end of its line is a comment, and its "}" stands there
        /steps/0/with/payload/2  the expression `(.a} }` closes a bracket that it has not opened, or another one than was opened last
        /steps/0/with/payload/4  the expression `"\(1 }" }` closes a bracket that it has not opened, or another one than was opened last
        /steps/0/with/payload/5  the expression `` is empty: write jq between "${" and "}", such as .params.x
        /steps/0/with/payload/6  the expression `` is empty: write jq between "${" and "}", such as .params.x
        /steps/0/with/payload/7  the expression `] }` closes a bracket that it has not opened, or another one than was opened last
    "##);
}

#[test]
fn what_does_not_parse() {
    assert_snapshot!(faults_of_expressions(&[
        ".a +", ".a b", ". as", ". as $x", "if . then 1", "{a: }", "[1, 2", ".[", "'a'", "1 & 2", "\"\\q\"", "reduce . as $x", ".a..b", "| 1", "@",
        "$", "\"\\ud800\"", "1e", "try", "label x | 1", ".a?b",
    ]), @r#"
    .a +
        the expression `.a +` does not parse: expected a term at the end
    .a b
        the expression `.a b` does not parse: expected an operator or the end before `b`
    . as
        the expression `. as` does not parse: expected a pattern at the end
    . as $x
        the expression `. as $x` does not parse: expected `|` at the end
    if . then 1
        the expression `if . then 1` does not parse: expected `else` or `end` at the end
    {a: }
        the expression `{a: }` does not parse: expected a term before `}`
    [1, 2
        the expression `[1, 2}` closes a bracket that it has not opened, or another one than was opened last
    .[
        the expression `.[}` closes a bracket that it has not opened, or another one than was opened last
    'a'
        the expression `'a'` does not parse: expected something that jq knows before `'a'`
    1 & 2
        the expression `1 & 2` does not parse: expected something that jq knows before `& 2`
    "\q"
        the expression `"\q"` does not parse: expected an escape sequence such as \n before `q"`
    reduce . as $x
        the expression `reduce . as $x` has `reduce` with 0 arguments, but it takes (start; step)
    .a..b
        the expression `.a..b` does not parse: expected an operator or the end before `..`
    | 1
        the expression `| 1` does not parse: expected a term before `|`
    @
        the expression `@` does not parse: expected a name at the end
    $
        the expression `$` does not parse: expected a name at the end
    "\ud800"
        the expression `"\ud800"` does not parse: expected four hexadecimal digits of a character before `d800"`
    1e
        the expression `1e` does not parse: expected a digit at the end
    try
        the expression `try` does not parse: expected a term at the end
    label x | 1
        the expression `label x | 1` does not parse: expected a variable before `x`
    .a?b
        the expression `.a?b` does not parse: expected an operator or the end before `b`
    "#);
}

#[test]
fn what_may_not_be_called() {
    assert_snapshot!(faults_of_expressions(&[
        "env.HOME", "$ENV.HOME", "input", "[inputs]", "halt", "\"x\" | halt_error", "halt_error(1)", "debug", "debug(1)", "stderr",
        "def f: f; f", "repeat(1)", "recurse(.a)", "recurse(.a; true)", "[.[] | while(true; .)]", "until(false; .)", "[range(1e9)]", "range(1; 2)",
        "range(1; 2; 3)", "combinations", "[[1], [2]] | [combinations(2)]", "now", "localtime", "strflocaltime(\"%H\")", "infinite", "nan",
        "import(\"a\")", "include", "input_line_number", "$__loc__", "$__prog_args", "builtins", "get_search_list", "a::b", "@base32", "@base32 \"x\"", "tobytes",
    ]), @r#"
    env.HOME
        the expression `env.HOME` calls `env`, which is not allowed: the environment of a worker is not a run's to read
    $ENV.HOME
        the expression `$ENV.HOME` uses `$ENV`, which is not allowed: the environment of a worker is not a run's to read
    input
        the expression `input` calls `input`, which is not allowed: there is one input, the context of the run
    [inputs]
        the expression `[inputs]` calls `inputs`, which is not allowed: there is one input, the context of the run
    halt
        the expression `halt` calls `halt`, which is not allowed: to end a run, use a step of type "fail"
    "x" | halt_error
        the expression `"x" | halt_error` calls `halt_error`, which is not allowed: to end a run, use a step of type "fail"
    halt_error(1)
        the expression `halt_error(1)` calls `halt_error`, which is not allowed: to end a run, use a step of type "fail"
    debug
        the expression `debug` calls `debug`, which is not allowed: the log of a worker is not a run's to write
    debug(1)
        the expression `debug(1)` calls `debug`, which is not allowed: the log of a worker is not a run's to write
    stderr
        the expression `stderr` calls `stderr`, which is not allowed: the log of a worker is not a run's to write
    def f: f; f
        the expression `def f: f; f` defines a function with `def`, which is not allowed: it could call itself without end
    repeat(1)
        the expression `repeat(1)` calls `repeat`, which is not allowed: it has no end
    recurse(.a)
        the expression `recurse(.a)` calls `recurse`, which is not allowed: with an argument it may have no end; without one it is allowed
    recurse(.a; true)
        the expression `recurse(.a; true)` calls `recurse`, which is not allowed: with an argument it may have no end; without one it is allowed
    [.[] | while(true; .)]
        the expression `[.[] | while(true; .)]` calls `while`, which is not allowed: it may have no end
    until(false; .)
        the expression `until(false; .)` calls `until`, which is not allowed: it may have no end
    [range(1e9)]
        the expression `[range(1e9)]` calls `range`, which is not allowed: it gives as much as it is asked for, not as much as there is
    range(1; 2)
        the expression `range(1; 2)` calls `range`, which is not allowed: it gives as much as it is asked for, not as much as there is
    range(1; 2; 3)
        the expression `range(1; 2; 3)` calls `range`, which is not allowed: it gives as much as it is asked for, not as much as there is
    combinations
        the expression `combinations` calls `combinations`, which is not allowed: it gives more than there is, without a bound
    [[1], [2]] | [combinations(2)]
        the expression `[[1], [2]] | [combinations(2)]` calls `combinations`, which is not allowed: it gives more than there is, without a bound
    now
        the expression `now` calls `now`, which is not allowed: another attempt would see another time: use .run.started_at
    localtime
        the expression `localtime` calls `localtime`, which is not allowed: the time zone of a worker's machine is not known: use gmtime
    strflocaltime("%H")
        the expression `strflocaltime("%H")` calls `strflocaltime`, which is not allowed: the time zone of a worker's machine is not known: use strftime
    infinite
        the expression `infinite` calls `infinite`, which is not allowed: JSON has no such number
    nan
        the expression `nan` calls `nan`, which is not allowed: JSON has no such number
    import("a")
        the expression `import("a")` calls `import`, which is not allowed: there are no modules
    include
        the expression `include` calls `include`, which is not allowed: there are no modules
    input_line_number
        the expression `input_line_number` calls `input_line_number`, which is not allowed: there is one input, the context of the run
    $__loc__
        the expression `$__loc__` uses `$__loc__`, which nothing before it defines
    $__prog_args
        the expression `$__prog_args` uses `$__prog_args`, which nothing before it defines
    builtins
        the expression `builtins` calls `builtins`, which is not allowed: docs/dag_spec.md lists the functions
    get_search_list
        the expression `get_search_list` calls `get_search_list`, which is not allowed: there are no modules
    a::b
        the expression `a::b` calls `a::b`, which is not among the functions of docs/dag_spec.md
    @base32
        the expression `@base32` calls `@base32`, which is not among the functions of docs/dag_spec.md (did you mean "@base64"?)
    @base32 "x"
        the expression `@base32 "x"` calls `@base32`, which is not among the functions of docs/dag_spec.md (did you mean "@base64"?)
    tobytes
        the expression `tobytes` calls `tobytes`, which is not allowed: JSON has no bytes
    "#);
}

#[test]
fn functions_that_are_not_there_or_take_something_else() {
    assert_snapshot!(faults_of_expressions(&[
        "lenght", "uppercase", "map", "map(.a; .b)", "select()", "split(\"a\"; \"b\"; \"c\")", "reduce .params[] as $x (0)",
        "foreach .params[] as $x (0; 1; 2; 3)", "limit(1)", "ascii",
    ]), @r#"
    lenght
        the expression `lenght` calls `lenght`, which is not among the functions of docs/dag_spec.md (did you mean "length"?)
    uppercase
        the expression `uppercase` calls `uppercase`, which is not among the functions of docs/dag_spec.md
    map
        the expression `map` calls `map` with 0 arguments, but it takes 1
    map(.a; .b)
        the expression `map(.a; .b)` calls `map` with 2 arguments, but it takes 1
    select()
        the expression `select()` does not parse: expected a term before `)`
    split("a"; "b"; "c")
        the expression `split("a"; "b"; "c")` calls `split` with 3 arguments, but it takes 1 or 2
    reduce .params[] as $x (0)
        the expression `reduce .params[] as $x (0)` has `reduce` with 1 arguments, but it takes (start; step)
    foreach .params[] as $x (0; 1; 2; 3)
        the expression `foreach .params[] as $x (0; 1; 2; 3)` has `foreach` with 4 arguments, but it takes (start; step) or (start; step; each)
    limit(1)
        the expression `limit(1)` calls `limit` with 1 arguments, but it takes 2
    ascii
        the expression `ascii` calls `ascii`, which is not among the functions of docs/dag_spec.md
    "#);
}

#[test]
fn variables_and_labels() {
    assert_snapshot!(faults_of_expressions(&[
        "$x", ". as $x | $y", "(. as $x | 1), $x", "[.params[] as [$a, {b: $c}] | $a, $c, $d]", "{$x}", "\"\\($x)\"", "break $out",
        "label $out | 1, break $out", "(label $out | 1), break $out", "reduce .params[] as $x (0; . + $x) | . + $x",
    ]), @r#"
    $x
        the expression `$x` uses `$x`, which nothing before it defines
    . as $x | $y
        the expression `. as $x | $y` uses `$y`, which nothing before it defines
    (. as $x | 1), $x
        the expression `(. as $x | 1), $x` uses `$x`, which nothing before it defines
    [.params[] as [$a, {b: $c}] | $a, $c, $d]
        the expression `[.params[] as [$a, {b: $c}] | $a, $c, $d]` uses `$d`, which nothing before it defines
    {$x}
        the expression `{$x}` uses `$x`, which nothing before it defines
    "\($x)"
        the expression `"\($x)"` uses `$x`, which nothing before it defines
    break $out
        the expression `break $out` breaks out to $out, which no label names
    label $out | 1, break $out
        is valid
    (label $out | 1), break $out
        the expression `(label $out | 1), break $out` breaks out to $out, which no label names
    reduce .params[] as $x (0; . + $x) | . + $x
        the expression `reduce .params[] as $x (0; . + $x) | . + $x` uses `$x`, which nothing before it defines
    "#);
}

#[test]
fn what_has_to_be_one_expression() {
    assert_snapshot!(faults_of_steps(json!([
        [{"id": "a", "type": "wait", "with": {"seconds": "${ 1 }${ 2 }"}, "if": "${ .a } and ${ .b }", "for_each": {"items": "${ 1 } ${ 2 }"}}],
        [{"id": "a", "type": "wait", "with": {"seconds": "${ 1 "}, "if": "$${ 1 }", "for_each": {"items": "x ${ 1 }"}}],
    ])), @r#"
    [{"for_each":{"items":"${ 1 } ${ 2 }"},"id":"a","if":"${ .a } and ${ .b }","type":"wait","with":{"seconds":"${ 1 }${ 2 }"}}]
        /steps/0/for_each/items  must be one expression and nothing else; texts are joined within it: "${ .a + \"-\" + .b }"
        /steps/0/if  must be one expression and nothing else; operators stand within it: "${ .a and .b }"
        /steps/0/if  the expression `.a` reads .a, but the context of a run has "run", "params", "steps", "item", "index", "result"
        /steps/0/if  the expression `.b` reads .b, but the context of a run has "run", "params", "steps", "item", "index", "result"
        /steps/0/with/seconds  must be one expression and nothing else; texts are joined within it: "${ .a + \"-\" + .b }"

    [{"for_each":{"items":"x ${ 1 }"},"id":"a","if":"$${ 1 }","type":"wait","with":{"seconds":"${ 1 "}}]
        /steps/0/for_each/items  must be one expression, from "${" to "}", is "x ${ 1 }"
        /steps/0/if  must be one expression, from "${" to "}", is "$${ 1 }"
        /steps/0/with/seconds  must be one expression, from "${" to "}", is "${ 1 "
    "#);
}

#[test]
fn keys_and_what_is_not_a_template_are_taken_as_they_stand() {
    assert_snapshot!(faults(json!([{
        "description": "${ not read",
        "steps": [{"id": "a", "type": "transform", "description": "${", "with": {"value": {"${ nor this": "$5 and $$ and {} and $ {"}}, "retry": {"on": ["${"]}}],
        "output": {"${ .nowhere }": 1},
    }])), @r#"
    {"description":"${ not read","output":{"${ .nowhere }":1},"steps":[{"description":"${","id":"a","retry":{"on":["${"]},"type":"transform","with":{"value":{"${ nor this":"$5 and $$ and {} and $ {"}}}]}
        is valid
    "#);
}

#[test]
fn expressions_may_say_a_lot() {
    assert_snapshot!(faults_of_expressions(&[
        ".", "..", "1", "-1", "1.5e3", "\"a\\(1 + 2)b\\n\"", "[]", "{}", "{\"a b\": 1, (\"c\"): 2, d: 3, $__x}", ".params as $p | {$p}", ".params.a[1:3]",
        ".params[\"a\"]?.b // \"none\"", "if .params.a then 1 elif .params.b then 2 else 3 end", "try error(\"x\") catch .", "[.params.list[] | select(.a > 1) | .b]",
        "reduce .params.list[] as [$a, $b] (0; . + $a * $b)", "[foreach .params.list[] as $x (0; . + $x; [$x, .])]", "label $f | .params[] | if . then ., break $f else empty end",
        "[limit(3; .params[])] | first", "@base64 \"a\\(.params.x)\"", "@json", ".params | to_entries | map({(.key): .value}) | add", "[.params.list[] |= . + 1]", ".params.a |= 5 | .params.a += 1",
        "{a: {b: [1, {c: \"}\"}]}} | .a.b[1].c", "\"\\(\"\\(\"}\")\")\"", ".steps | map_values(.error // empty)", ".steps | keys", ".steps.a.output // .steps.a.error", "[paths]", "walk(if type == \"object\" then del(.x) else . end)",
        ".params.since | strptime(\"%Y-%m-%d\") | mktime | todate", "# a comment }\n.params", "any(.params[]; . == 1) and all(.params[]; . > 0) | not", "\"ä🦀\"", ".run.started_at | fromdate",
        "18446744073709551615",
    ]), @r#"
    .
        is valid
    ..
        is valid
    1
        is valid
    -1
        is valid
    1.5e3
        is valid
    "a\(1 + 2)b\n"
        is valid
    []
        is valid
    {}
        is valid
    {"a b": 1, ("c"): 2, d: 3, $__x}
        the expression `{"a b": 1, ("c"): 2, d: 3, $__x}` uses `$__x`, which nothing before it defines
    .params as $p | {$p}
        is valid
    .params.a[1:3]
        is valid
    .params["a"]?.b // "none"
        is valid
    if .params.a then 1 elif .params.b then 2 else 3 end
        is valid
    try error("x") catch .
        is valid
    [.params.list[] | select(.a > 1) | .b]
        is valid
    reduce .params.list[] as [$a, $b] (0; . + $a * $b)
        is valid
    [foreach .params.list[] as $x (0; . + $x; [$x, .])]
        is valid
    label $f | .params[] | if . then ., break $f else empty end
        is valid
    [limit(3; .params[])] | first
        is valid
    @base64 "a\(.params.x)"
        is valid
    @json
        is valid
    .params | to_entries | map({(.key): .value}) | add
        is valid
    [.params.list[] |= . + 1]
        is valid
    .params.a |= 5 | .params.a += 1
        is valid
    {a: {b: [1, {c: "}"}]}} | .a.b[1].c
        is valid
    "\("\("}")")"
        is valid
    .steps | map_values(.error // empty)
        is valid
    .steps | keys
        is valid
    .steps.a.output // .steps.a.error
        is valid
    [paths]
        is valid
    walk(if type == "object" then del(.x) else . end)
        is valid
    .params.since | strptime("%Y-%m-%d") | mktime | todate
        is valid
    # a comment }
    .params
        is valid
    any(.params[]; . == 1) and all(.params[]; . > 0) | not
        is valid
    "ä🦀"
        is valid
    .run.started_at | fromdate
        is valid
    18446744073709551615
        is valid
    "#);
}

//! Expressions that mean harm: refused by the check, or only their own evaluation fails. The evaluations beside them go on, and memory stays bounded.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::time::Duration;

use runplane::dag;
use runplane::dag::evaluate::{Ask, EvaluateError, Evaluators, Turns};
use runplane::dag::execute::MAX_CONTEXT_BYTES;
use serde_json::{Value, json};

use crate::memory::Watch;
use crate::support::evaluators_within;

/// The most that an answer may have, in bytes.
const MAX_BYTES: usize = 256 * 1024;

/// What becomes of an expression.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Expect {
    /// No version that has it can be approved.
    Refused,
    /// It is evaluated, and gives nothing.
    Fails,
    /// It gives a value, or fails; but it ends.
    Ends,
}

use Expect::{Ends, Fails, Refused};

/// So many times the same.
fn times(count: usize, piece: &str) -> String {
    piece.repeat(count)
}

/// A value of 60 lists within each other whose tree has 2⁶⁰ leaves, and which takes no memory.
pub const TREE: &str = "reduce .params.list[:60][] as $x (0; [., .])";

/// Expressions and what becomes of them.
pub fn expressions() -> Vec<(String, Expect)> {
    let some = |expect: Expect, expressions: &[&str]| -> Vec<(String, Expect)> {
        expressions.iter().map(|expression| ((*expression).to_owned(), expect)).collect()
    };
    let tree = |rest: &str| format!("({TREE}) | {rest}");
    let mut all = some(
        Refused,
        &[
            "env",
            "$ENV",
            "$ENV.PATH",
            "env.PATH",
            "input",
            "inputs",
            "debug",
            "halt",
            "halt_error",
            "stderr",
            "input_filename",
            "$__loc__",
            "$__prog_args",
            "input_line_number",
            "now",
            "localtime",
            "builtins",
            "getpath(input)",
            "[range(1e12)]",
            "[range(0; 1e12; 1)]",
            "limit(1e9; repeat(1))",
            "first(repeat(.))",
            "until(false; .)",
            "while(true; .)",
            "def f: f; f",
            "def f: [f]; f",
            "recurse(.)",
            "[recurse([.])]",
            "combinations",
            ".steps.later",
            ".steps[\"later\"]",
            ".steps | .later.output",
            "import \"a\" as a; .",
            "include \"a\"; .",
            "ltrimstr(",
            "[.params.list[] | input]",
            "{a: env}",
            "\"\\(env)\"",
            "@json \"\\($ENV)\"",
            "try env catch .",
            "label $x | input",
            "splits(env)",
            "ascii",
            "@base32d",
            "tojson | env",
            "limit(0; env)",
        ],
    );
    all.extend([
        (format!("{}1{}", times(2000, "["), times(2000, "]")), Refused),
        (format!("{}1{}", times(2000, "("), times(2000, ")")), Refused),
        (times(2000, "["), Refused),
        (format!(".{}", times(129, "|.")), Refused),
        (times(5000, "1"), Refused),
        (format!("\"{}\"", times(4096, "x")), Refused),
    ]);
    all.extend(some(
        Fails,
        &[
            "\"x\" * 1e9", "\"x\" * 1e18", "\"xy\" * 1e300", "null | setpath([1000000000]; 1)", "[] | .[1000000000] = 1",
            "[null | setpath([10000000]; 1)] | map(length)", "reduce .params.list[] as $x (\"x\"; . + .)", "reduce .params.list[] as $x ([1]; . + .)",
            "[.params.list[] as $a | .params.list[] as $b | .params.list[] as $c | .params.list[] as $d | 1] | length",
            "reduce (.params.list[] as $a | .params.list[:100][]) as $x (0; [.])", "reduce (.params.list[] as $a | .params.list[:100][]) as $x (0; {a: .})",
            "(\"[\" * 100000) + (\"]\" * 100000) | fromjson", "(\"{\\\"a\\\":\" * 100000) | fromjson", "(\"[\" * 1000000) | fromjson",
            "\"/w==\" | @base64d", "[1 / 0]", "[-1 / 0]", "[0 / 0]", "1e1000", "{(1): 2}", "{(null): 1}", "{([]): 1}", "[55296] | implode",
            "[1114112] | implode", "[2147483648] | implode", "[1e300] | implode", "\"\\u0000\"", "[0] | implode", "empty", "1, 2", ".params.list[]",
            "error", "error(null)", "error(.params)", "error(\"x\" * 100000)", "(\"ab\" * 100000) | gsub(\"a\"; \"a\" * 10000)",
            "test(\"(\")", "\"a\" | test(\"(a{1000}){1000}\")", "\"a\" | test(\"a\"; \"zzz\")", "\"a\" | splits(\"[\")",
            "[.params.list[] | tostring * 1000000] | add", "\"1\" | strptime(\"%\")", "{} | mktime", "\"x\" | todate", ".params.list | map(error)",
            "[[0], (null | setpath([10000000]; 1))] | transpose", "\"x\" | tonumber", ".params.x.y.z", ".params.list[\"a\"]", "\"x\" - 1",
            "[limit(1000000; .params.list[] as $a | .params.list[])] | map([., .]) | map([., .]) | map([., .])",
        ],
    ));
    all.extend([
        (format!("[1]{}", times(30, "|.+.")), Fails),
        (format!("\"x\"{}", times(40, "|.+.")), Fails),
        (format!("\"x\"{}", times(40, " | \"\\(.)\\(.)\"")), Fails),
        (format!("\"\\\"\"{}", times(60, "|tojson")), Fails),
        (format!("{} 1{}", times(20, "[.params.list[] as $x |"), times(20, "]")), Fails),
        (tree("."), Fails),
        (tree("tojson"), Fails),
        (tree("[..]"), Fails),
        (tree("flatten"), Fails),
        (tree("[paths]"), Fails),
        (tree("walk(.)"), Fails),
        (format!("({TREE}) == ({TREE})"), Fails),
        (format!("[({TREE}), ({TREE})] | sort"), Fails),
        (tree(". as $a | reduce .params.list[] as $b ($a; map([.]))"), Fails),
    ]);
    all.extend(some(
        Ends,
        &[
            "(\"9\" * 10000) | tonumber", "(\"9\" * 10000) | tonumber | . + 1", "(\"1e\" + \"9\" * 1000) | tonumber", "(\"0.\" + \"1\" * 100000) | tonumber",
            "(\"9\" * 100000) | fromjson", "(\"a\" * 50000) | test(\"(a*)*b\")", "(\"a\" * 20000) | [match(\"a+a+b\"; \"g\")] | length",
            "(\"a\" * 20000) | [match(\"\"; \"g\")] | length", "(\"ab\" * 100000) | gsub(\"a\"; \"\") | length", "(\"ab\" * 50000) | gsub(\"(?<x>.)\"; .x + .x) | length",
            "[(\"a,\" * 20000) | splits(\",\")] | length", "[.params.list[] | try error catch .] | length", "[.params.list[] | try error(.) catch error(.)?] | length",
            "[-1] | implode",
"null | getpath([1000000000])", "getpath([\"a\", 1000000000])", "[getpath([[1]])?] | length", ".params.list[1e18]", ".params.list[-1e18:1e18] | length",
            ".params.list[nan:]?", "[.params.list[1e300]]", "[nan] | sort | length", "[nan, nan] | unique | length", "nan < nan", "[limit(-1; 1, 2)] | length",
            "[1, [2]] | flatten(1e9)", "[[1]] | flatten(-1)", "[1] | .[-5:] = [2]", "try ([1] | .[-5] = 2) catch 0", "\"x\" * -1", "\"x\" * 0", "\"x\" * (0 / 0)",
            "1e308 * 10 | floor", "pow(10; 1e308)", "5 % 0", "try (5 % 0) catch 0", "-9223372036854775808 % -1", "9223372036854775807 + 1",
            "1e300 | todate", "-1e300 | todate", "[1e300, 0, 0, 0, 0, 0] | mktime", "1e300 | gmtime", "1 | strftime(\"%\")", "1 | strftime(\"%Q%-%:\")",
            "1 | strftime(\"%Y\" * 10000) | length", "[1, 2] | strftime(\"%Y\")", "\"99999-99-99\" | strptime(\"%Y-%m-%d\")", "\"\" | fromdate",
            "\"\\ud800\"", "\"\\ud800\\udc00\" | explode", "[.params | .. | ..] | length", "[.params | paths] | length", "[path(..)] | length",
            "(\"x\" * 200000) | explode | implode | length", "(\"é\" * 100000) | ascii_downcase | utf8bytelength", "(\"x\" * 200000) | @base64 | @base64d | length",
            "(\"%\" * 100000) | @urid | length", "(\"<\" * 100000) | @html | length", "[.params.list[] | {a: .}] | group_by(.a) | length",
            ".params.list | sort_by(-.) | length", "[.params.list[] | tostring] | join(\"x\" * 1000) | length", "{} | .[\"a\" * 100000] = 1 | keys | length",
            "label $out | foreach .params.list[] as $x (0; . + $x; if . > 100 then ., break $out else empty end)", "try error([[[[1]]]]) catch .",
            "[splits(\"a\")?] | length", "$x", "{a: 1} | .a as {b: $x} | $x", "[[1, 2]] | .[] as [$a, [$b]] | $b", "@sh \"\\({})\"", "{} | @sh", "[[1]] | @csv",
            "[.params.list[:100][] as $a | .params.list[:100][] as $b | .params.list[:50][]] | length",
        ],
    ));
    all.extend([
        (format!("\"{}\"{}", times(100, "x"), times(100, " | ltrimstr(\"x\")")), Ends),
        (format!(".params{}", times(30, " | tojson | fromjson")), Ends),
        (format!("{}1{}", times(60, "["), times(60, "]")), Ends),
        (format!("{}1{}", times(63, "try ("), times(63, ") catch .")), Ends),
        (format!("1{}", times(100, " as $x | $x")), Ends),
        (format!(".params.list{}", times(20, " | map(. + 1)")), Ends),
        (tree("length"), Ends),
        (tree("first(..) | length"), Ends),
    ]);
    all
}

/// A spec whose second step has this expression; a third comes later.
fn spec(expression: &str) -> Value {
    json!({"steps": [
        {"id": "a", "type": "transform", "with": {"value": 1}},
        {"id": "b", "type": "transform", "depends_on": ["a"], "with": {"value": format!("${{ {expression} }}")}},
        {"id": "later", "type": "transform", "with": {"value": 1}},
    ]})
}

/// A list of a thousand numbers, and one.
pub fn params() -> Value {
    json!({"x": 1, "list": (0..1000).collect::<Vec<_>>()})
}

async fn evaluate(
    evaluators: &Evaluators,
    document: &Value,
    expression: &str,
) -> Result<Value, EvaluateError> {
    let context = evaluators.context(&Turns::default(), document).unwrap();
    let template = json!(format!("${{ {expression} }}"));
    evaluators
        .evaluate(Ask { context: &context, beside: None, template: &template, max_bytes: MAX_BYTES })
        .await
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_hostile_expression_harms_nobody_else() {
    let document = json!({"run": {}, "params": params(), "steps": {"a": {"output": 1}}});
    let evaluators = evaluators_within(Duration::from_secs(1));
    let watch = Watch::start();
    // Another run, which goes on meanwhile.
    let (stop, done) = (Arc::new(AtomicBool::new(false)), Arc::new(AtomicUsize::new(0)));
    let other = tokio::spawn({
        let (stop, done, evaluators, document) =
            (Arc::clone(&stop), Arc::clone(&done), Arc::clone(&evaluators), document.clone());
        async move {
            let context = evaluators.context(&Turns::default(), &document).unwrap();
            let template = json!("${ .params.list | length + 1 }");
            while !stop.load(Ordering::Relaxed) {
                let ask = Ask { context: &context, beside: None, template: &template, max_bytes: MAX_BYTES };
                assert_eq!(evaluators.evaluate(ask).await.unwrap(), json!(1001));
                done.fetch_add(1, Ordering::Relaxed);
                // So that those under test have the machine most of the time.
                tokio::time::sleep(Duration::from_millis(1)).await;
            }
        }
    });
    let mut wrong = Vec::new();
    for (expression, expect) in expressions() {
        let before = done.load(Ordering::Relaxed);
        let refused = !dag::check(&spec(&expression), None).is_empty();
        let given = evaluate(&evaluators, &document, &expression).await;
        assert!(!matches!(given, Err(EvaluateError::NotStarted(_))), "{given:?}");
        let is_as_told = match expect {
            // The child does not evaluate it either, should it ever come so far; but for what only the spec knows.
            Refused => refused && (given.is_err() || expression.contains("later")),
            Fails => !refused && given.is_err(),
            Ends => true,
        };
        if !is_as_told {
            let shown: String = expression.chars().take(100).collect();
            let given: String = format!("{given:?}").chars().take(200).collect();
            wrong.push(format!("{expect:?}, and was refused: {refused}, given: {given}: {shown}"));
        }
        let after = evaluate(&evaluators, &document, ".params.x").await;
        assert_eq!(after.unwrap(), json!(1), "the evaluator does not work after {expression}");
        if matches!(given, Err(EvaluateError::TooSlow(_))) {
            assert!(done.load(Ordering::Relaxed) > before, "the other run has waited for {expression}");
        }
    }
    stop.store(true, Ordering::Relaxed);
    other.await.unwrap();
    let peak = watch.stop();
    println!("{peak:?}, {} evaluations beside them", done.load(Ordering::Relaxed));
    assert_eq!(wrong, [] as [String; 0]);
    assert!(peak.children > 10, "{peak:?}");
    // The limit of a child is 192 MiB; its program comes on top.
    assert!(peak.anonymous <= 192 * 1024 && peak.resident <= 256 * 1024, "{peak:?}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn outputs_as_large_as_they_may_be_can_be_read_or_fail_their_own_run_alone() {
    let evaluators = evaluators_within(Duration::from_secs(20));
    let document = |output: Value| json!({"params": {"x": 1}, "steps": {"a": {"output": output}}});
    let mut failed = Vec::new();
    // What is small in JSON and large in memory, up to the 4 MiB that all outputs of a run may have.
    for piece in [json!("x".repeat(1000)), json!(0), json!(1.5), json!([]), json!({"a": 1}), json!({})] {
        let count = MAX_CONTEXT_BYTES / (piece.to_string().len() + 1);
        let watch = Watch::start();
        let given =
            evaluate(&evaluators, &document(Value::Array(vec![piece.clone(); count])), ".params.x").await;
        println!("{count} × {:.20}: {:?}", piece.to_string(), watch.stop());
        match given {
            Ok(value) => assert_eq!(value, json!(1)),
            Err(EvaluateError::Ended(_)) => failed.push(piece),
            Err(error) => panic!("{error}"),
        }
        assert_eq!(evaluate(&evaluators, &document(json!(1)), ".steps.a.output").await.unwrap(), json!(1));
    }
    // A child has 192 MiB, and takes about 300 bytes for an object: half a million of them are too many, and their run is told so.
    assert_eq!(failed, [json!({"a": 1}), json!({})]);
}

//! How long an expression takes: `cargo run --release --package runplane --example bench_evaluate`. The example is its own child, as a worker is.

use std::time::Instant;

use anyhow::{Result, ensure};
use runplane::dag::evaluate::{Ask, Context, Evaluators, Limits, Turns, serve};
use serde_json::{Value, json};

/// How often.
#[derive(Clone, Copy)]
struct Rounds {
    /// With a child of its own for each, or an expression of its own.
    few: usize,
    many: usize,
}

const FULL: Rounds = Rounds { few: 100, many: 5000 };
/// With the argument `small`: does it work at all? The figures mean nothing.
const SMALL: Rounds = Rounds { few: 2, many: 5 };

fn main() -> Result<()> {
    let arguments: Vec<String> = std::env::args().collect();
    if arguments.get(1).is_some_and(|argument| argument == "evaluate") {
        serve(arguments.get(2).map(String::as_str));
        return Ok(());
    }
    // As the worker has it.
    tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build()?.block_on(report(
        if arguments.get(1).is_some_and(|argument| argument == "small") { SMALL } else { FULL },
    ))
}

async fn report(rounds: Rounds) -> Result<()> {
    println!("| expression | | p50, ms | p99, ms |\n|---|---|---|---|");
    let small = json!({"run": {}, "params": {"x": 1}, "steps": {}});
    row(rounds, "`.params.x`", &small, |number| spread(".params.x", number), &json!(1)).await?;
    let outputs: String = (0..20).map(|step| format!(".steps.s{step}.output, ")).collect();
    let long = format!("[{outputs}0] | add{}", " | . + 1".repeat(18));
    let steps: serde_json::Map<_, _> = (0..20)
        .map(|step| {
            (format!("s{step}"), json!({"status": "SUCCEEDED", "output": step, "error": null, "attempts": 1}))
        })
        .collect();
    let context = json!({"run": {}, "params": {}, "steps": steps});
    row(
        rounds,
        "20 filters over the outputs of 20 steps",
        &context,
        |number| spread(&long, number),
        &json!(190 + 18),
    )
    .await?;
    let large = json!({"run": {}, "params": {"x": 1}, "steps": {"a": {"output": "x".repeat(4_000_000)}}});
    row(rounds, "`.params.x` beside outputs of 4 MB", &large, |number| spread(".params.x", number), &json!(1))
        .await
}

/// The same expression as another text.
fn spread(expression: &str, number: usize) -> Value {
    json!(format!("${{ {expression} # {number}\n}}"))
}

async fn row(
    rounds: Rounds,
    what: &str,
    document: &Value,
    template: impl Fn(usize) -> Value,
    expected: &Value,
) -> Result<()> {
    let first = measure(rounds.few, true, document, |_| template(0), expected).await?;
    line(what, "the first in a new child", first);
    let other = measure(rounds.few, false, document, &template, expected).await?;
    line(what, "the first time in a child", other);
    let warm = measure(rounds.many, false, document, |_| template(0), expected).await?;
    line(what, "again", warm);
    Ok(())
}

/// Milliseconds of each, in order.
async fn measure(
    rounds: usize,
    new_child: bool,
    document: &Value,
    template: impl Fn(usize) -> Value,
    expected: &Value,
) -> Result<Vec<f64>> {
    let program = std::env::current_exe()?;
    let evaluators = || Evaluators::new(program.clone(), vec!["evaluate".to_owned()], Limits::default());
    let kept = evaluators();
    let known = kept.context(&Turns::default(), document)?;
    if !new_child {
        // Whoever is measured is not the first.
        kept.evaluate(ask(&known, &template(rounds))).await?;
    }
    let mut taken = Vec::with_capacity(rounds);
    for number in 0..rounds {
        let template = template(number);
        let fresh = new_child.then(evaluators);
        let context = fresh.as_ref().map(|fresh| fresh.context(&Turns::default(), document)).transpose()?;
        let started = Instant::now();
        let asked = ask(context.as_ref().unwrap_or(&known), &template);
        let value = fresh.as_ref().unwrap_or(&kept).evaluate(asked).await?;
        taken.push(started.elapsed().as_secs_f64() * 1000.0);
        ensure!(value == *expected, "gives {value}");
    }
    taken.sort_by(f64::total_cmp);
    Ok(taken)
}

fn ask<'a>(context: &'a Context, template: &'a Value) -> Ask<'a> {
    Ask { context, beside: None, template, max_bytes: 256 * 1024 }
}

fn line(what: &str, when: &str, taken: Vec<f64>) {
    let at = |share: f64| taken[((taken.len() - 1) as f64 * share) as usize];
    println!("| {what} | {when} | {:.3} | {:.3} |", at(0.5), at(0.99));
}

//! How long an approval checks a dag_spec: `cargo run --release --package runplane --example bench_validate`.

use std::time::Instant;

use anyhow::{Result, ensure};
use runplane::dag;
use serde_json::{Value, json};

const ROUNDS: usize = 100;

fn main() -> Result<()> {
    println!("| spec | bytes | `check`, ms |\n|---|---|---|");
    let example = serde_json::from_str(include_str!("../../docs/dag_spec.example.json"))?;
    report("the example of the documents", &example)?;
    report("200 steps × 200 reads", &reads())?;
    report("200 steps, each waits for all before it", &waits())
}

/// Checks a spec again and again and prints its row of the table.
fn report(what: &str, spec: &Value) -> Result<()> {
    let faults = dag::check(spec, None);
    ensure!(faults.is_empty(), "{what} is not valid: {faults:?}");
    let mut taken: Vec<f64> = (0..ROUNDS)
        .map(|_| {
            let started = Instant::now();
            std::hint::black_box(dag::check(std::hint::black_box(spec), None));
            started.elapsed().as_secs_f64() * 1000.0
        })
        .collect();
    taken.sort_by(f64::total_cmp);
    let (median, least, most) = (taken[ROUNDS / 2], taken[0], taken[ROUNDS - 1]);
    println!("| {what} | {} | {median:.2} ({least:.2}–{most:.2}) |", spec.to_string().len());
    Ok(())
}

/// 200 steps in a row, of which each reads 200 times from those before it.
fn reads() -> Value {
    let step = |number: usize| {
        let reads: String =
            (0..200).filter(|_| number > 0).map(|read| format!(".{},", id(read % number.max(1)))).collect();
        let depends_on: Vec<_> = number.checked_sub(1).map(id).into_iter().collect();
        step(number, depends_on, &format!("${{[.steps|{reads}0]}}"))
    };
    json!({ "steps": (0..200).map(step).collect::<Vec<_>>() })
}

/// 200 steps, 19,900 dependencies.
fn waits() -> Value {
    let step = |number: usize| step(number, (0..number).map(id).collect(), "");
    json!({ "steps": (0..200).map(step).collect::<Vec<_>>() })
}

fn step(number: usize, depends_on: Vec<String>, value: &str) -> Value {
    json!({"id": id(number), "type": "transform", "with": {"value": value}, "depends_on": depends_on})
}

/// Two letters.
fn id(step: usize) -> String {
    [step / 26, step % 26].map(|letter| char::from(b'a' + letter as u8)).iter().collect()
}

//! A model of the run: random verbs in random order against Postgres, and against what the documents say (`reference/`).
//!
//! ```text
//! cargo nextest run -p runplane --test model                                        10,000 steps
//! RUNPLANE_MODEL_TRANSITIONS=1000000 cargo test -p runplane --test model            as many as you like
//! RUNPLANE_MODEL_SEED=<seed> cargo nextest run -p runplane --test model             once more what has failed
//! ```
//! A case is a hundred steps. Its seed is printed when it fails, with the few steps that are left when those that have no part in it
//! were taken out; given again, it is the first case.

#![allow(
    clippy::unwrap_used,
    reason = "a test may panic; clippy.toml allows it only in functions marked as tests"
)]

mod counts;
mod generate;
mod machine;
mod reference;
mod table;
mod transition;
mod world;

use std::panic::{self, AssertUnwindSafe};
use std::time::{Duration, Instant};

use proptest::test_runner::{Config, RngSeed, TestError, TestRunner};
use proptest_state_machine::{ReferenceStateMachine as _, StateMachineTest as _};
use sqlx::postgres::{PgConnectOptions, PgPoolOptions};

use crate::generate::Guide;
use crate::machine::Machine;
use crate::table::Lab;
use crate::transition::Transition;

const STEPS_OF_A_CASE: usize = 100;

#[sqlx::test(migrator = "runplane::MIGRATOR")]
async fn whatever_is_done_a_run_is_as_the_documents_say(_: PgPoolOptions, options: PgConnectOptions) {
    let number = |name: &str| std::env::var(name).ok().map(|text| text.parse::<u64>().unwrap());
    let wanted = number("RUNPLANE_MODEL_TRANSITIONS").unwrap_or(10_000);
    let seed = number("RUNPLANE_MODEL_SEED").unwrap_or_else(|| fastrand::u64(..u64::from(u32::MAX)));
    // proptest is no friend of async: the model has a thread and a runtime of its own.
    let model = std::thread::spawn(move || run(&options, wanted, seed));
    if let Err(failure) = model.join() {
        panic::resume_unwind(failure);
    }
}

fn run(options: &PgConnectOptions, wanted: u64, seed: u64) {
    machine::enter(Lab::new(options));
    let began = Instant::now();
    let mut done = 0;
    for seed in seed.. {
        // What is rare may take some more.
        if done >= wanted && (counts::missing().is_empty() || done >= 2 * wanted) {
            break;
        }
        case(seed);
        done += STEPS_OF_A_CASE as u64;
        if done % 50_000 == 0 {
            println!("{done} steps in {:?}", began.elapsed());
        }
    }
    println!("{done} steps in {:?}, from seed {seed} on\n{}", began.elapsed(), counts::text());
    assert_eq!(machine::steps(), done, "steps were left out");
    assert_eq!(counts::missing(), [], "this never happened; more steps, or others, are needed");
}

fn case(seed: u64) {
    let config = Config {
        rng_seed: RngSeed::Fixed(seed),
        failure_persistence: None,
        max_shrink_iters: 20_000,
        max_shrink_time: 30_000,
        ..Config::with_cases(1)
    };
    let mut runner = TestRunner::new(config.clone());
    // The case is run some hundred times while it is made shorter: what it says is told once, at the end.
    let hook = panic::take_hook();
    panic::set_hook(Box::new(|_| {}));
    let done = runner.run(&Guide::sequential_strategy(STEPS_OF_A_CASE), |(guide, steps, seen)| {
        Machine::test_sequential(config.clone(), guide, steps, seen);
        Ok(())
    });
    let failure = match done {
        Ok(()) => None,
        Err(TestError::Fail(reason, (_, steps, _))) => Some(shorter(&config, steps, reason.to_string())),
        Err(error) => Some((Vec::new(), error.to_string())),
    };
    panic::set_hook(hook);
    if let Some((steps, reason)) = failure {
        let steps: Vec<_> = steps.iter().map(|step| format!("  {step:?}")).collect();
        panic!("RUNPLANE_MODEL_SEED={seed} fails after\n{}\n{reason}", steps.join("\n"));
    }
}

/// proptest tries to do without each step once; what comes before a step that could be left out can be left out only then.
fn shorter(config: &Config, mut steps: Vec<Transition>, mut reason: String) -> (Vec<Transition>, String) {
    let began = Instant::now();
    let mut place = steps.len();
    let mut was = place;
    while began.elapsed() < Duration::from_secs(60) {
        if place == 0 {
            if was == steps.len() {
                break;
            }
            place = steps.len();
            was = place;
        }
        place -= 1;
        let mut fewer = steps.clone();
        fewer.remove(place);
        let guide = Guide { names: 0 };
        let run = || Machine::test_sequential(config.clone(), guide, fewer.clone(), None);
        if let Err(failure) = panic::catch_unwind(AssertUnwindSafe(run)) {
            let text = failure.downcast_ref::<String>().cloned();
            reason = text.or(failure.downcast_ref::<&str>().map(|text| (*text).to_owned())).unwrap_or(reason);
            steps = fewer;
        }
    }
    (steps, reason)
}

//! The benchmarks in their small form: that all of it works, and nothing of how fast. They need the functions in `target/debug` and the
//! examples of the domain crate: `cargo xtask test` builds them first, and so does `cargo test --no-run`. That of `bench scale` is among the
//! tests of its module.

#![allow(clippy::unwrap_used, reason = "a test fails by panicking, in its helpers too")]

use std::path::Path;

use xtask::bench::{auth, beside, cold, dag, held, http, idle, kills, push, verbs};
use xtask::paths::Dirs;

fn dirs() -> Dirs {
    Dirs::new(Path::new(env!("CARGO_MANIFEST_DIR")).parent().unwrap())
}

/// How many lines of figures a markdown table has.
fn lines(table: &str) -> usize {
    table.lines().filter(|line| line.starts_with('|')).count().saturating_sub(2)
}

/// It fails by itself where the table shows less than its clients have done.
#[tokio::test(flavor = "multi_thread")]
async fn verbs_and_the_api_complete_what_they_claim() {
    let rounds = http::run_small(&dirs()).await.unwrap();
    assert_eq!(rounds.len(), 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_run_that_is_pushed_succeeds() {
    let measured = push::run_small(&dirs()).await.unwrap();
    let kinds: Vec<(u32, usize)> = measured.iter().map(|found| (found.at_once, found.all.len())).collect();
    assert_eq!(kinds, [(1, 6), (3, 6)]);
    // Ends come after beginnings: one clock has told both.
    assert!(measured.iter().flat_map(|found| &found.all).all(|milliseconds| *milliseconds > 0.0));
}

#[tokio::test(flavor = "multi_thread")]
async fn every_function_answers_its_first_request_over_tls() {
    let rows = cold::run_small(&dirs()).await.unwrap();
    let names: Vec<&str> = rows.iter().map(|row| row.name.as_str()).collect();
    for name in ["claim", "create", "deliver", "worker"] {
        assert!(names.contains(&name), "{names:?}");
    }
}

/// It fails by itself where there was something to do, so that what is counted is what nothing costs.
#[tokio::test(flavor = "multi_thread")]
async fn what_the_clock_invokes_asks_postgres_over_one_connection_that_it_keeps() {
    let found = idle::run_small(&dirs()).await.unwrap();
    let who: Vec<(&str, bool)> = found.iter().map(|found| (found.function.as_str(), found.webhook)).collect();
    assert_eq!(who, [("deliver", false), ("sweep", false), ("deliver", true), ("sweep", true)]);
    for found in &found {
        assert_eq!(found.first.connections, 1, "{found:?}");
        assert_eq!(found.later.len(), 2, "{found:?}");
        assert!(found.later.iter().all(|asked| asked.connections == 0), "{found:?}");
        // A sweep is seven statements: whoever counts fewer has not seen them.
        let least = if found.function == "sweep" { 7 } else { 1 };
        let all = found.later.iter().chain([&found.first]);
        assert!(all.clone().all(|asked| asked.statements >= least), "{found:?}");
    }
}

/// It fails by itself where a table shows less than a client of ours has done; of the others only what their tables show counts.
#[tokio::test(flavor = "multi_thread")]
async fn every_other_queue_does_its_work() {
    let turns = beside::run_small(&dirs()).await.unwrap();
    for (who, size, done) in &turns {
        assert!(*done > 0, "{who}, {size} at a time, did nothing: {turns:?}");
    }
    let of = |name: &str| turns.iter().filter(|(who, ..)| who.starts_with(name)).count();
    // One by one, and by a hundred where they can.
    let both = ["a table and", "ours: verbs", "ours: HTTP", "graphile-worker", "pg-boss"];
    assert_eq!(both.map(of), [2; 5], "{turns:?}");
    assert_eq!(["procrastinate", "the replaced service"].map(of), [1; 2], "{turns:?}");
}

/// It fails by itself where the table shows less than was done.
#[tokio::test(flavor = "multi_thread")]
async fn verbs_and_pgbench_do_every_kind_of_load() {
    let turns = verbs::run_small(&dirs()).await.unwrap();
    let all: Vec<(&str, &str)> = turns.iter().map(|(load, who, _)| (load.as_str(), *who)).collect();
    for load in ["claim_complete", "claim_complete_100", "create", "create_100"] {
        assert!(all.contains(&(load, "raw")) && all.contains(&(load, "ours")), "{load}: {all:?}");
    }
    assert!(all.contains(&("claim_complete_each_100", "ours")), "{all:?}");
    assert!(turns.iter().all(|(_, _, done)| *done > 0), "{turns:?}");
}

/// It fails by itself where the snapshot was not held, or the table shows less than was done.
#[tokio::test(flavor = "multi_thread")]
async fn verbs_go_on_while_a_snapshot_is_held() {
    let mut turns = held::run_small(&dirs()).await.unwrap();
    turns.sort_unstable();
    let all: Vec<(&str, bool)> = turns.iter().map(|(kind, held, _)| (*kind, *held)).collect();
    assert_eq!(all, [("any-limited", false), ("any-limited", true), ("tenant", false), ("tenant", true)]);
    assert!(turns.iter().all(|(_, _, done)| *done > 0), "{turns:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_claim_is_let_in_by_anybody_by_a_key_and_by_a_key_with_a_limit() {
    let table = auth::run_small(&dirs()).await.unwrap();
    assert_eq!(lines(&table), 3, "{table}");
}

/// The programs fail by themselves where a run does not succeed, or an expression gives something else.
#[tokio::test(flavor = "multi_thread")]
async fn every_kind_of_run_is_executed_and_every_expression_evaluated() {
    let [executed, evaluated] = dag::run_small(&dirs()).await.unwrap();
    assert_eq!(lines(&executed), 6, "{executed}");
    assert_eq!(lines(&evaluated), 9, "{evaluated}");
}

#[tokio::test(flavor = "multi_thread")]
async fn the_run_of_a_worker_that_was_killed_is_claimed_again() {
    assert!(kills::run_small(&dirs()).await.unwrap());
}

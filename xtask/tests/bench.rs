//! The benchmarks in their small form: that all of it works, and nothing of how fast. They need the functions in `target/debug` and the
//! example `bench_verbs` of the domain crate: `cargo xtask test` builds them first, and so does `cargo test --no-run`.

#![allow(clippy::unwrap_used, reason = "a test fails by panicking, in its helpers too")]

use std::path::Path;

use xtask::bench::{cold, http, push};
use xtask::paths::Dirs;

fn dirs() -> Dirs {
    Dirs::new(Path::new(env!("CARGO_MANIFEST_DIR")).parent().unwrap())
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

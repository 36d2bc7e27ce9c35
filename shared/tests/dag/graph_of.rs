//! Random graphs of steps, without what the steps do.

use proptest::prelude::*;
use proptest::sample::Index;
use serde_json::{Value, json};

/// One step to be.
#[derive(Clone, Debug)]
pub struct Node {
    /// It is given as a string.
    pub is_string: bool,
    /// It may depend on steps of lower rank, wherever in the list they stand.
    rank: u8,
    /// What it waits for, among those.
    depends_on: Vec<Index>,
    run_if: &'static str,
    continue_on_error: bool,
}

/// Any node.
pub fn node() -> impl Strategy<Value = Node> {
    let run_if = prop_oneof![
        3 => Just(""),
        1 => proptest::sample::select(&["all_success", "none_failed", "one_failed", "all_done"][..]),
    ];
    let depends_on = proptest::collection::vec(any::<Index>(), 0..4);
    (prop::bool::weighted(0.15), any::<u8>(), depends_on, run_if, prop::bool::weighted(0.2)).prop_map(
        |(is_string, rank, depends_on, run_if, continue_on_error)| Node {
            is_string,
            rank,
            depends_on,
            run_if,
            continue_on_error,
        },
    )
}

/// The steps of a spec: what each waits for and which ends of it let it run. Those that are no strings have no `type` and no `with` yet.
pub fn steps(nodes: &[Node]) -> Vec<Value> {
    let mut rank = 0;
    // A step that is a string waits for the one before it, so it ranks with that one, and behind it.
    let ranks: Vec<(u8, usize)> = nodes
        .iter()
        .enumerate()
        .map(|(place, node)| {
            if !(node.is_string && place > 0) {
                rank = node.rank;
            }
            (rank, place)
        })
        .collect();
    let id = |place: usize| format!("s{place}");
    nodes
        .iter()
        .enumerate()
        .map(|(place, node)| {
            if node.is_string {
                return json!(id(place));
            }
            let mut step = json!({"id": id(place)});
            let lower: Vec<usize> = (0..nodes.len()).filter(|other| ranks[*other] < ranks[place]).collect();
            if !lower.is_empty() {
                let mut depends_on: Vec<usize> = node.depends_on.iter().map(|on| *on.get(&lower)).collect();
                depends_on.sort_unstable();
                depends_on.dedup();
                step["depends_on"] = depends_on.into_iter().map(id).collect();
            }
            if !node.run_if.is_empty() {
                step["run_if"] = json!(node.run_if);
            }
            if node.continue_on_error {
                step["continue_on_error"] = json!(true);
            }
            step
        })
        .collect()
}

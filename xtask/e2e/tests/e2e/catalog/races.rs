//! Two callers at one version over HTTP: one of them wins, and the other is told.

use e2e::{Answer, Stack};
use serde_json::json;

use super::{World, change, edit, look};

const ROUNDS: usize = 20;

/// The one of two answers that is a 200; the other is an `invalid_transition`.
#[track_caller]
fn one_wins(one: Answer, other: Answer) -> Answer {
    let (winner, loser) = if one.status == 200 { (one, other) } else { (other, one) };
    winner.expect(200);
    loser.expect_problem(409, "invalid_transition");
    winner
}

#[tokio::test]
async fn of_two_approvals_at_once_one_counts() {
    let stack = Stack::connect().await;
    let world = World::new(&stack).await;
    for _ in 0..ROUNDS {
        let id = world.draft(&stack, json!({ "steps": ["a"] })).await;
        let approve = |by: &str| change(&stack, id, json!({ "status": "APPROVED", "approved_by": by }));
        let (one, other) = tokio::join!(approve("ann"), approve("bob"));
        let winner = one_wins(one, other);
        let stored = look(&stack, id).await;
        assert_eq!(stored, winner.body);
        assert_eq!(stored["transitions"].as_array().expect("transitions").len(), 1, "{stored}");
    }
}

#[tokio::test]
async fn of_two_edits_of_one_revision_one_counts() {
    let stack = Stack::connect().await;
    let world = World::new(&stack).await;
    for _ in 0..ROUNDS {
        let id = world.draft(&stack, json!({})).await;
        let write = |step: &str| edit(&stack, id, json!({ "dag_spec": { "steps": [step] }, "revision": 1 }));
        let (one, other) = tokio::join!(write("a"), write("b"));
        assert_eq!(look(&stack, id).await, one_wins(one, other).body);
    }
}

#[tokio::test]
async fn what_is_approved_is_what_was_looked_at_whoever_edits_meanwhile() {
    let stack = Stack::connect().await;
    let world = World::new(&stack).await;
    for round in 0..ROUNDS {
        let id = world.draft(&stack, json!({ "steps": ["a"] })).await;
        let approving = change(&stack, id, json!({ "status": "APPROVED", "revision": 1 }));
        let editing = edit(&stack, id, json!({ "dag_spec": { "steps": ["b"] } }));
        let (approved, edited) = if round.is_multiple_of(2) {
            tokio::join!(approving, editing)
        } else {
            let (edited, approved) = tokio::join!(editing, approving);
            (approved, edited)
        };
        let winner = one_wins(approved, edited);
        let stored = look(&stack, id).await;
        assert_eq!(stored, winner.body);
        let expected = if stored["status"] == "APPROVED" { json!(["a"]) } else { json!(["b"]) };
        assert_eq!(stored["dag_spec"]["steps"], expected, "{stored}");
    }
}

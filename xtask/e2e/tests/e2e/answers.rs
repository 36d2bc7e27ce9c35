//! The table "What complete and heartbeat answer" of the API: every start state × every token × both calls.

use e2e::{Answer, Seeded, Stack, State, Tenant};
use serde_json::{Map, Value, json};
use uuid::Uuid;

use Held::{MadeUp, Nothing, Old, Right};
use State::{Alive, Cancelled, Expired, Failed, GivenUp, Lost, QueuedAgain, Succeeded};

/// What the caller holds.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Held {
    /// The token of the run's last claim.
    Right,
    /// The token of a claim before that.
    Old,
    /// A token that nobody ever got.
    MadeUp,
    /// No token.
    Nothing,
}

/// What a call is answered: 200 with a change, 200 with the stored run and no change, or 409 with this code.
#[derive(Clone, Copy, Debug)]
enum Expected {
    Done,
    Stored,
    Refused(&'static str),
}
use Expected::{Done, Refused, Stored};

/// One row: the state, how often the run was claimed, what the caller holds; then what complete as SUCCEEDED,
/// complete as FAILED and heartbeat answer.
type Row = (State, u8, Held, [Expected; 3]);

const LEASE_LOST: Expected = Refused("lease_lost");
const TOKEN_REQUIRED: Expected = Refused("lease_token_required");
const NOT_RUNNING: Expected = Refused("run_not_running");
const FINISHED: Expected = Refused("already_finished");
const CANCELLED: Expected = Refused("run_cancelled");

const RUNNING: [Row; 14] = [
    (Alive, 1, Right, [Done, Done, Done]),
    (Alive, 2, Right, [Done, Done, Done]),
    (Alive, 1, MadeUp, [LEASE_LOST, LEASE_LOST, LEASE_LOST]),
    (Alive, 2, MadeUp, [LEASE_LOST, LEASE_LOST, LEASE_LOST]),
    (Alive, 2, Old, [LEASE_LOST, LEASE_LOST, LEASE_LOST]),
    (Alive, 1, Nothing, [Done, Done, Done]),
    (Alive, 2, Nothing, [TOKEN_REQUIRED, TOKEN_REQUIRED, TOKEN_REQUIRED]),
    (Expired, 1, Right, [Done, Done, LEASE_LOST]),
    (Expired, 2, Right, [Done, Done, LEASE_LOST]),
    (Expired, 1, MadeUp, [LEASE_LOST, LEASE_LOST, LEASE_LOST]),
    (Expired, 2, MadeUp, [LEASE_LOST, LEASE_LOST, LEASE_LOST]),
    (Expired, 2, Old, [LEASE_LOST, LEASE_LOST, LEASE_LOST]),
    (Expired, 1, Nothing, [Done, Done, LEASE_LOST]),
    (Expired, 2, Nothing, [TOKEN_REQUIRED, TOKEN_REQUIRED, TOKEN_REQUIRED]),
];

const QUEUED: [Row; 13] = [
    (QueuedAgain, 1, Right, [LEASE_LOST, Stored, LEASE_LOST]),
    (QueuedAgain, 2, Right, [LEASE_LOST, Stored, LEASE_LOST]),
    (QueuedAgain, 1, MadeUp, [LEASE_LOST, LEASE_LOST, LEASE_LOST]),
    (QueuedAgain, 2, MadeUp, [LEASE_LOST, LEASE_LOST, LEASE_LOST]),
    (QueuedAgain, 2, Old, [LEASE_LOST, LEASE_LOST, LEASE_LOST]),
    (QueuedAgain, 1, Nothing, [NOT_RUNNING, NOT_RUNNING, NOT_RUNNING]),
    (QueuedAgain, 2, Nothing, [NOT_RUNNING, NOT_RUNNING, NOT_RUNNING]),
    // The worker of a lost lease never said FAILED, so it has no completion to repeat.
    (Lost, 1, Right, [LEASE_LOST, LEASE_LOST, LEASE_LOST]),
    (Lost, 2, Right, [LEASE_LOST, LEASE_LOST, LEASE_LOST]),
    (Lost, 1, MadeUp, [LEASE_LOST, LEASE_LOST, LEASE_LOST]),
    (Lost, 2, Old, [LEASE_LOST, LEASE_LOST, LEASE_LOST]),
    (Lost, 1, Nothing, [NOT_RUNNING, NOT_RUNNING, NOT_RUNNING]),
    (Lost, 2, Nothing, [NOT_RUNNING, NOT_RUNNING, NOT_RUNNING]),
];

const ENDED: [Row; 19] = [
    (Succeeded, 1, Right, [Stored, FINISHED, FINISHED]),
    (Succeeded, 2, Right, [Stored, FINISHED, FINISHED]),
    (Succeeded, 1, MadeUp, [LEASE_LOST, LEASE_LOST, LEASE_LOST]),
    (Succeeded, 2, MadeUp, [LEASE_LOST, LEASE_LOST, LEASE_LOST]),
    (Succeeded, 2, Old, [LEASE_LOST, LEASE_LOST, LEASE_LOST]),
    (Succeeded, 1, Nothing, [FINISHED, FINISHED, FINISHED]),
    (Succeeded, 2, Nothing, [FINISHED, FINISHED, FINISHED]),
    (Failed, 1, Right, [FINISHED, Stored, FINISHED]),
    (Failed, 2, Right, [FINISHED, Stored, FINISHED]),
    (Failed, 1, MadeUp, [LEASE_LOST, LEASE_LOST, LEASE_LOST]),
    (Failed, 2, MadeUp, [LEASE_LOST, LEASE_LOST, LEASE_LOST]),
    (Failed, 2, Old, [LEASE_LOST, LEASE_LOST, LEASE_LOST]),
    (Failed, 1, Nothing, [FINISHED, FINISHED, FINISHED]),
    (Failed, 2, Nothing, [FINISHED, FINISHED, FINISHED]),
    // It did not end by this token: whoever holds it has lost the run.
    (GivenUp, 1, Right, [LEASE_LOST, LEASE_LOST, LEASE_LOST]),
    (GivenUp, 2, Right, [LEASE_LOST, LEASE_LOST, LEASE_LOST]),
    (GivenUp, 2, Old, [LEASE_LOST, LEASE_LOST, LEASE_LOST]),
    (GivenUp, 1, Nothing, [FINISHED, FINISHED, FINISHED]),
    (GivenUp, 2, Nothing, [FINISHED, FINISHED, FINISHED]),
];

const STOPPED: [Row; 7] = [
    (Cancelled, 1, Right, [CANCELLED, CANCELLED, CANCELLED]),
    (Cancelled, 2, Right, [CANCELLED, CANCELLED, CANCELLED]),
    (Cancelled, 1, MadeUp, [CANCELLED, CANCELLED, CANCELLED]),
    (Cancelled, 2, MadeUp, [CANCELLED, CANCELLED, CANCELLED]),
    (Cancelled, 2, Old, [CANCELLED, CANCELLED, CANCELLED]),
    (Cancelled, 1, Nothing, [CANCELLED, CANCELLED, CANCELLED]),
    (Cancelled, 2, Nothing, [CANCELLED, CANCELLED, CANCELLED]),
];

#[tokio::test]
async fn a_running_run_answers_as_the_table_says() {
    the_table_holds(&RUNNING).await;
}

#[tokio::test]
async fn a_run_that_waits_again_answers_as_the_table_says() {
    the_table_holds(&QUEUED).await;
}

#[tokio::test]
async fn an_ended_run_answers_as_the_table_says() {
    the_table_holds(&ENDED).await;
}

#[tokio::test]
async fn a_cancelled_run_answers_as_the_table_says() {
    the_table_holds(&STOPPED).await;
}

#[tokio::test]
async fn an_unknown_run_is_not_running_whatever_the_token() {
    let stack = Stack::connect().await;
    for token in [json!(Uuid::new_v4()), Value::Null] {
        for body in [json!({ "status": "SUCCEEDED" }), json!({ "status": "FAILED", "error_message": "no" })] {
            let mut body = body;
            body["lease_token"] = token.clone();
            let answer = stack.complete(Uuid::now_v7(), body).await;
            answer.expect_problem(409, "run_not_running");
            assert_eq!(answer.detail(), "run not RUNNING or not found");
        }
        let answer = stack.heartbeat(Uuid::now_v7(), json!({ "lease_token": token })).await;
        answer.expect_problem(409, "run_not_running");
    }
}

#[tokio::test]
async fn a_heartbeat_without_a_token_is_only_its_claimants() {
    let stack = Stack::connect().await;
    let tenant = stack.tenant().await;
    let run = stack.run_in(&tenant, Alive, false).await;
    let before = stack.row(run.id).await;
    stack.heartbeat(run.id, json!({ "worker_id": "somebody else" })).await.expect_problem(409, "lease_lost");
    assert_eq!(stack.row(run.id).await, before);
    stack.heartbeat(run.id, json!({ "worker_id": "last" })).await.expect(200);
}

#[tokio::test]
async fn a_repeated_completion_keeps_what_the_first_one_stored() {
    let stack = Stack::connect().await;
    let tenant = stack.tenant().await;
    let id = stack.created(&tenant, json!({})).await;
    let token = stack.claimed(&tenant, json!({})).await["run"]["lease_token"].clone();
    let first = json!({ "status": "SUCCEEDED", "lease_token": token, "output": { "take": 1 } });
    stack.complete(id, first).await.expect(200);
    let second = json!({ "status": "SUCCEEDED", "lease_token": token, "output": { "take": 2 } });
    let answer = stack.complete(id, second).await;
    assert_eq!(answer.expect(200)["run"]["output"], json!({ "take": 1 }), "{answer}");
}

/// Makes every call of these rows, each on a run of its own, and tells all that is not as the table says.
async fn the_table_holds(rows: &[Row]) {
    let stack = Stack::connect().await;
    let tenant = stack.tenant().await;
    let mut faults = Vec::new();
    for (state, claims, held, expected) in rows {
        for (call, expected) in ["SUCCEEDED", "FAILED", "heartbeat"].into_iter().zip(expected) {
            if let Err(fault) =
                the_call_is_answered(&stack, &tenant, *state, *claims, *held, call, *expected).await
            {
                faults.push(format!("{state:?}, claimed {claims}×, token {held:?}, {call}: {fault}"));
            }
        }
    }
    assert!(faults.is_empty(), "{} answers differ from the table:\n{}", faults.len(), faults.join("\n"));
}

/// Makes one call on a fresh run of this state, and looks at the answer and at the row.
async fn the_call_is_answered(
    stack: &Stack,
    tenant: &Tenant,
    state: State,
    claims: u8,
    held: Held,
    call: &str,
    expected: Expected,
) -> Result<(), String> {
    let run = stack.run_in(tenant, state, claims > 1).await;
    let before = stack.row(run.id).await;
    let answer = make(stack, run, held, call).await;
    let after = stack.row(run.id).await;
    let told = |fault: &str| format!("{fault}\n{answer}");
    match expected {
        Done if answer.status != 200 => return Err(told("refused")),
        Done if call == "heartbeat" => {
            if after["lease_expires_at"] == before["lease_expires_at"] || after["status"] != "RUNNING" {
                return Err(told("the lease was not extended"));
            }
        }
        Done => {
            if answer.body["run"]["status"] != call || after["status"] != call {
                return Err(told("the run is not completed so"));
            }
        }
        Stored => {
            if answer.status != 200
                || answer.body["ok"] != true
                || answer.body["run"]["status"] != state.status()
            {
                return Err(told("this is not the stored run"));
            }
        }
        Refused(code) => {
            answer.problem(409, &[code]).map_err(|fault| told(&fault))?;
            let sentence = call != "heartbeat" && state.status() != "RUNNING";
            if sentence && answer.detail() != "run not RUNNING or not found" {
                return Err(told("the detail is not the sentence that old clients know"));
            }
        }
    }
    if !matches!(expected, Done) && before != after {
        return Err(told(&format!("the row changed\n  from {before}\n  to   {after}")));
    }
    Ok(())
}

/// Completes as `call` says, or heartbeats, with what the caller holds.
async fn make(stack: &Stack, run: Seeded, held: Held, call: &str) -> Answer {
    let mut body = Map::new();
    match held {
        Right => body.insert("lease_token".into(), json!(run.token)),
        Old => body.insert("lease_token".into(), json!(run.old_token)),
        MadeUp => body.insert("lease_token".into(), json!(Uuid::new_v4())),
        Nothing => None,
    };
    if call == "heartbeat" {
        return stack.heartbeat(run.id, body.into()).await;
    }
    body.insert("status".into(), call.into());
    stack.complete(run.id, body.into()).await
}

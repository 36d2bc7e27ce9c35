//! `runplane runs watch`: a run, until it has ended.

use std::time::{Duration, Instant};

use serde_json::Value;
use uuid::Uuid;

use super::{Context, steps, waiting};
use crate::args::runs::Watching;
use crate::exit::Exit;
use crate::failure::Failure;
use crate::http::{Answer, Request};
use crate::output::{moment, plain};

/// How long the API is asked to wait for the end, longer each time that nothing has changed: it tells of the end at once, and of other
/// changes only then.
const WAITS: [u64; 6] = [0, 1, 2, 5, 10, 20];
/// No longer than this while steps may be under way.
const WAIT_FOR_STEPS: u64 = 5;
/// For so long an API that does not answer any more is asked again.
const OUTAGE: Duration = Duration::from_secs(300);
/// A pause between two questions that nobody has waited on.
const PAUSE: Duration = Duration::from_secs(2);

/// Prints each change, and ends as the run does.
///
/// # Errors
/// [`Failure`], of any kind; an API that has answered and then is away for less than five minutes is none.
pub async fn run(context: &Context, id: Uuid, watching: &Watching) -> Result<Exit, Failure> {
    let deadline = watching.timeout.map(|span| Instant::now() + span.0);
    let (mut seen, mut unchanged, mut answered) = (None::<State>, 0, None::<Instant>);
    let mut seen_steps = steps::Seen::default();
    loop {
        let left = deadline.map(|deadline| deadline.saturating_duration_since(Instant::now()));
        let longest = if seen.as_ref().is_some_and(State::is_running) { WAIT_FOR_STEPS } else { u64::MAX };
        let wait = WAITS[unchanged.min(WAITS.len() - 1)].min(longest);
        let wait = wait.min(left.map_or(u64::MAX, |left| left.as_secs()));
        let asked = Instant::now();
        match context.client.send(&question(id, wait)).await {
            Ok(answer) => {
                answered = Some(Instant::now());
                let state = State::of(&answer.body);
                let (same, steps) = (seen.as_ref() == Some(&state), seen_steps.changes(&answer.body));
                if same && steps.is_empty() {
                    unchanged += 1;
                } else {
                    print(context, &answer, !same, &steps)?;
                    unchanged = 1;
                }
                if let Some(exit) = state.end() {
                    return Ok(exit);
                }
                seen = Some(state);
                // Whatever answers sooner than it was asked to is not asked all the time.
                let rest = Duration::from_secs(wait.max(u64::from(unchanged > 1)));
                let rest = rest.saturating_sub(asked.elapsed());
                tokio::time::sleep(left.map_or(rest, |left| rest.min(left))).await;
            }
            Err(failure)
                if failure.exit() == Exit::Unreachable
                    && answered.is_some_and(|last| last.elapsed() < OUTAGE) =>
            {
                context.output.note(&format!("{failure}; still watching"));
                tokio::time::sleep(left.map_or(PAUSE, |left| PAUSE.min(left))).await;
            }
            Err(failure) => return Err(failure),
        }
        if deadline.is_some_and(|deadline| Instant::now() >= deadline) {
            context.output.note("The run has not ended in time");
            return Ok(Exit::NotEnded);
        }
    }
}

fn question(id: Uuid, wait: u64) -> Request {
    let request = Request::get(format!("/api/runs/{id}")).waiting(Duration::from_secs(wait));
    request.query("wait_seconds", (wait > 0).then_some(wait))
}

/// What is worth a line when it changes.
#[derive(Debug, PartialEq)]
struct State([Value; 7]);

impl State {
    fn of(details: &Value) -> Self {
        let (run, waiting_for) = (&details["run"], &details["waiting_for"]);
        Self([
            run["status"].clone(),
            run["attempt"].clone(),
            run["lost"].clone(),
            run["claim_count"].clone(),
            waiting_for["reason"].clone(),
            waiting_for["until"].clone(),
            waiting_for["dispatches"].clone(),
        ])
    }

    fn is_running(&self) -> bool {
        self.0[0] == "RUNNING"
    }

    /// How to end, when the run has.
    fn end(&self) -> Option<Exit> {
        match self.0[0].as_str() {
            Some("SUCCEEDED") => Some(Exit::Done),
            Some("FAILED" | "CANCELLED") => Some(Exit::Refused),
            _ => None,
        }
    }
}

/// A line for the run, if that has changed, and one for each step that has. What a step has done stands before what became of the run.
fn print(context: &Context, answer: &Answer, run_changed: bool, steps: &[String]) -> Result<Exit, Failure> {
    // One line for each change, so that a program can read them as they come.
    let line = if answer.text.contains('\n') { answer.body.to_string() } else { answer.text.clone() };
    let ended = !answer.body["run"]["finished_at"].is_null();
    context.output.answer(&Answer { text: line, body: answer.body.clone() }, |details| {
        let mut lines = steps.to_vec();
        if run_changed {
            lines.insert(if ended { lines.len() } else { 0 }, view(details));
        }
        lines.join("\n")
    })
}

fn view(details: &Value) -> String {
    let run = &details["run"];
    let text = |field: &str| run[field].as_str().map(plain);
    let status = text("status").unwrap_or_default();
    let mut parts = Vec::new();
    if run["max_attempts"].as_u64() > Some(1) {
        parts.push(format!("attempt {} of {}", run["attempt"], run["max_attempts"]));
    }
    match run["lost"].as_u64() {
        None | Some(0) => {}
        Some(1) => parts.push("1 lease lost".to_owned()),
        Some(lost) => parts.push(format!("{lost} leases lost")),
    }
    parts.extend(waiting::phrase(&details["waiting_for"]));
    if status == "RUNNING" {
        parts.extend(text("claimed_by").map(|worker| format!("claimed by {worker}")));
    }
    parts.extend(text("error_code"));
    parts.extend(text("error_message"));
    let at = run["updated_at"].as_str().map(moment).unwrap_or_default();
    format!("{at}  {status:<9}  {}", parts.join(", ")).trim_end().to_owned()
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn a_line_says_where_the_run_stands() {
        let line = |run: Value, waiting_for: Value| view(&json!({ "run": run, "waiting_for": waiting_for }));
        let run = json!({
            "status": "QUEUED", "attempt": 2, "max_attempts": 3, "lost": 0, "updated_at": "2026-11-23T11:40:48.5Z"
        });
        assert_eq!(
            line(run, json!({ "reason": "backoff", "until": "2026-11-23T11:41:00Z" })),
            "2026-11-23T11:40:48Z  QUEUED     attempt 2 of 3, waits until 2026-11-23T11:41:00Z after a failed attempt"
        );
        let run = json!({ "status": "RUNNING", "max_attempts": 1, "lost": 2, "claimed_by": "w\u{7}1", "updated_at": "x" });
        assert_eq!(line(run, Value::Null), "x  RUNNING    2 leases lost, claimed by w\\u{7}1");
        let run =
            json!({ "status": "FAILED", "error_code": "disk", "error_message": "full", "updated_at": "x" });
        assert_eq!(line(run, Value::Null), "x  FAILED     disk, full");
    }
}

//! One rule each. Whole runs of random specs are in `tests/dag`.

use serde_json::{Value, json};

use super::*;

fn spec(steps: Value) -> Spec {
    Spec::read(&json!({ "steps": steps, "max_parallel": 2 })).unwrap()
}

/// A step that does something.
fn step(id: &str, depends_on: &[&str], more: Value) -> Value {
    let mut step = json!({"id": id, "type": "transform", "with": {"value": 1}, "depends_on": depends_on});
    step.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
    step
}

fn now() -> DateTime<Utc> {
    "2026-11-24T12:00:00Z".parse().unwrap()
}

fn at(seconds: i64) -> DateTime<Utc> {
    now() + chrono::TimeDelta::seconds(seconds)
}

const PENDING: Progress = Progress::Pending;
const SUCCEEDED: Progress = Progress::Ended(End::Succeeded);
const FAILED: Progress = Progress::Ended(End::Failed);

fn skipped(reason: SkipReason) -> Progress {
    Progress::Ended(End::Skipped(reason))
}

/// What becomes of a step with this `run_if` behind steps that have ended so: `None`: it begins.
fn gate_of(run_if: &str, before: &[Progress], continue_on_error: bool) -> Option<SkipReason> {
    let ids = ["a", "b", "c"];
    let mut steps: Vec<_> = ids[..before.len()]
        .iter()
        .map(|id| step(id, &[], json!({ "continue_on_error": continue_on_error })))
        .collect();
    steps.push(step("x", &ids[..before.len()], json!({ "run_if": run_if })));
    let mut progress = before.to_vec();
    progress.push(PENDING);
    let next = next(&spec(json!(steps)), &progress, now());
    match next.ended[..] {
        [] => {
            assert_eq!(next.begin, [before.len()]);
            None
        }
        [(place, End::Skipped(reason))] if place == before.len() => Some(reason),
        ref other => panic!("{other:?}"),
    }
}

#[test]
fn run_if_decides_by_how_the_steps_before_have_ended() {
    use SkipReason::{Condition, NotNeeded, UpstreamFailed, UpstreamSkipped};
    let condition = skipped(Condition);
    let not_needed = skipped(NotNeeded);
    let upstream_failed = skipped(UpstreamFailed);
    let all = "all_success";
    for (run_if, before, reason) in [
        (all, vec![SUCCEEDED, SUCCEEDED], None),
        (all, vec![SUCCEEDED, FAILED], Some(UpstreamFailed)),
        (all, vec![condition.clone(), FAILED], Some(UpstreamFailed)),
        (all, vec![SUCCEEDED, condition.clone()], Some(UpstreamSkipped)),
        (all, vec![not_needed.clone()], Some(UpstreamSkipped)),
        (all, vec![skipped(UpstreamSkipped)], Some(UpstreamSkipped)),
        (all, vec![upstream_failed.clone()], Some(UpstreamFailed)),
        (all, vec![], None),
        ("none_failed", vec![condition.clone(), not_needed.clone()], None),
        ("none_failed", vec![SUCCEEDED, FAILED], Some(UpstreamFailed)),
        ("none_failed", vec![upstream_failed.clone()], Some(UpstreamFailed)),
        ("one_failed", vec![SUCCEEDED, condition.clone()], Some(NotNeeded)),
        ("one_failed", vec![SUCCEEDED, FAILED], None),
        ("one_failed", vec![upstream_failed], None),
        ("one_failed", vec![], Some(NotNeeded)),
        ("all_done", vec![FAILED, condition, not_needed], None),
    ] {
        assert_eq!(gate_of(run_if, &before, false), reason, "{run_if} {before:?}");
    }
    assert_eq!(gate_of(all, &[FAILED], true), None, "it may fail");
    assert_eq!(gate_of("one_failed", &[FAILED], true), Some(NotNeeded), "it may fail");
}

#[test]
fn a_failure_goes_on_along_the_dependencies_in_one_call() {
    let spec = spec(json!([
        step("a", &[], json!({})),
        step("b", &["a"], json!({})),
        step("c", &["b"], json!({})),
        step("d", &["c"], json!({"run_if": "one_failed"})),
    ]));
    let next = next(&spec, &[FAILED, PENDING, PENDING, PENDING], now());
    let failed = End::Skipped(SkipReason::UpstreamFailed);
    assert_eq!(next.ended, [(1, failed), (2, failed)]);
    assert_eq!(next.begin, [3]);
}

#[test]
fn strings_end_at_once_however_long_their_chain_is() {
    let ids: Vec<_> = (0..200).map(|number| format!("s{number}")).collect();
    let next = next(&spec(json!(ids)), &vec![PENDING; 200], now());
    assert_eq!(next.ended.len(), 200);
    assert_eq!(next.verdict, Some(Verdict::Succeeded));
}

#[test]
fn steps_begin_in_their_order_and_no_more_than_may() {
    let spec =
        spec(json!([step("a", &[], json!({})), step("b", &[], json!({})), step("c", &[], json!({})),]));
    assert_eq!(next(&spec, &[PENDING, PENDING, PENDING], now()).begin, [0, 1]);
    assert_eq!(next(&spec, &[Progress::Beginning, PENDING, PENDING], now()).begin, [1]);
    let works = Progress::Open(vec![Task::Working]);
    assert_eq!(next(&spec, &[works.clone(), works.clone(), PENDING], now()), Next::default());
    let next = next(&spec, &[works, Progress::Open(vec![Task::At(at(5))]), PENDING], now());
    assert_eq!((next.begin, next.wake_at), (vec![2], Some(at(5))), "one that waits takes no place");
}

#[test]
fn what_is_due_again_starts_before_what_stands_behind_it() {
    let spec = spec(json!([step("a", &[], json!({})), step("b", &[], json!({})), step("c", &[], json!({}))]));
    let progress = [Progress::Open(vec![Task::Working]), Progress::Open(vec![Task::At(now())]), PENDING];
    let next = next(&spec, &progress, now());
    assert_eq!((next.start, next.begin, next.wake_at), (vec![(1, 0)], vec![], None));
}

#[test]
fn items_start_in_their_order_and_fail_the_step_when_too_many_fail() {
    let items = json!({"for_each": {"items": [1, 2, 3, 4], "max_parallel": 2, "tolerated_failures": 1}});
    let spec = spec(json!([step("a", &[], items)]));
    let of = |tasks: &[Task]| next(&spec, &[Progress::Open(tasks.to_vec())], now());
    use Task::{Due, Failed, Succeeded, Working};
    assert_eq!(of(&[Due, Due, Due, Due]).start, [(0, 0), (0, 1)]);
    assert_eq!(of(&[Succeeded, Working, Due, Due]).start, [(0, 2)]);
    assert_eq!(of(&[Failed, Succeeded, Succeeded, Succeeded]).ended, [(0, End::Succeeded)]);
    let too_many = of(&[Failed, Failed, Working, Due]);
    assert_eq!(
        (too_many.start, too_many.ended, too_many.wake_at),
        (vec![], vec![], None),
        "what is under way ends"
    );
    let over = of(&[Failed, Failed, Succeeded, Task::At(at(9))]);
    assert_eq!((over.ended, over.verdict), (vec![(0, End::Failed)], Some(Verdict::Failed(vec![0]))));
    assert_eq!(of(&[]).ended, [(0, End::Succeeded)], "there may be no items");
}

#[test]
fn a_run_fails_for_steps_that_may_not_fail_and_for_no_others() {
    let spec = spec(json!([
        step("a", &[], json!({"continue_on_error": true})),
        step("b", &[], json!({})),
        step("c", &["b"], json!({"run_if": "all_done"})),
    ]));
    let verdict = |progress: [Progress; 3]| next(&spec, &progress, now()).verdict;
    assert_eq!(verdict([FAILED, SUCCEEDED, SUCCEEDED]), Some(Verdict::Succeeded));
    assert_eq!(
        verdict([FAILED, FAILED, SUCCEEDED]),
        Some(Verdict::Failed(vec![1])),
        "clean-up makes nothing good"
    );
    assert_eq!(verdict([FAILED, FAILED, Progress::Beginning]), None);
}

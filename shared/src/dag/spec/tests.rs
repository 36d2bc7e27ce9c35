use serde_json::json;

use super::*;

#[test]
fn the_example_is_read() {
    let example = serde_json::from_str(include_str!("../../../../docs/dag_spec.example.json")).unwrap();
    let spec = Spec::read(&example).unwrap();
    assert_eq!((spec.max_parallel, spec.timeout), (4, Duration::from_secs(600)));
    let summary = &spec.steps[4];
    assert_eq!((summary.id.as_str(), summary.run_if), ("summary", RunIf::NoneFailed));
    assert_eq!((summary.depends_on.clone(), summary.ancestors.clone()), (vec![2, 3, 1], vec![0, 1, 2, 3]));
    let save = spec.steps[3].for_each.as_ref().unwrap();
    assert_eq!((save.max_parallel, save.tolerated_failures), (5, 0));
    assert_eq!(spec.steps[0].retry.max_attempts, 4);
    assert_eq!(spec.steps[0].retry.backoff_rate, 2.0);
}

#[test]
fn a_string_runs_after_the_one_before_it_and_does_nothing() {
    let spec = Spec::read(&json!({"steps": ["a", "b"], "max_parallel": 3.0})).unwrap();
    assert_eq!(spec.steps[1].depends_on, [0]);
    assert_eq!(spec.steps[1].kind, StepKind::Noop);
    assert_eq!(spec.max_parallel, 3);
    assert_eq!(Spec::read(&json!({})).unwrap().steps, []);
}

#[test]
fn what_was_not_checked_is_checked_now() {
    let Err(SpecError::Invalid(faults)) = Spec::read(&json!({"steps": [{"id": "a", "type": "nothing"}]}))
    else {
        panic!("it is no spec");
    };
    assert_eq!(faults[0].pointer, "/steps/0/type");
    assert_eq!(Spec::read(&json!({"kind": "ours"})), Err(SpecError::Opaque("ours".to_owned())));
}

#[test]
fn delays_grow_up_to_their_bound() {
    let retry = Retry { delay_seconds: 2.0, max_delay_seconds: 15.0, jitter: Jitter::None, ..Retry::NEVER };
    let delays: Vec<_> = (1..6).map(|attempts| retry.delay(attempts, 0.0).as_secs()).collect();
    assert_eq!(delays, [2, 4, 8, 15, 15]);
    let jittered = Retry { jitter: Jitter::Full, ..retry };
    assert_eq!(jittered.delay(2, 0.5).as_secs(), 2);
    assert_eq!(jittered.delay(2, 0.0).as_secs(), 0);
    assert_eq!(jittered.delay(usize::MAX, 1.0).as_secs(), 15);
}

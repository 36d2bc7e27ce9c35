//! How steps are made up: everything at any time, but mostly about the runs that were created last.

mod creates;

use proptest::collection::vec;
use proptest::option::{of, weighted};
use proptest::prelude::*;
use proptest::sample::select;
use proptest_state_machine::ReferenceStateMachine;
use runplane::runs::{Outcome, RunStatus};

use crate::transition::{
    Again, Beat, Item, Name, Reach, Report, RetryOn, StepEnd, Sweep, Token, Transition, Which, Wish,
};
use crate::world::PIPELINES;

/// All that the making up needs to know: how many names are used. What is true of the runs, the model knows, which follows what
/// Postgres has chosen.
#[derive(Clone, Debug)]
pub struct Guide {
    pub names: Name,
}

impl ReferenceStateMachine for Guide {
    type State = Guide;
    type Transition = Transition;

    fn init_state() -> BoxedStrategy<Guide> {
        Just(Guide { names: 0 }).boxed()
    }

    fn transitions(guide: &Guide) -> BoxedStrategy<Transition> {
        let next = guide.names;
        prop_oneof![
            17 => creates::create(next),
            17 => claim(),
            6 => claim_by_ids(next),
            7 => heartbeat(next),
            13 => complete(next),
            4 => release(next),
            3 => (any_run(next), reach()).prop_map(|(run, reach)| Transition::Cancel { run, reach }),
            6 => retry(next),
            6 => store_steps(next),
            3 => (any_run(next), reach()).prop_map(|(run, reach)| Transition::Get { run, reach }),
            2 => (of(0..2usize), of(select(&RunStatus::ALL)), select(&[2_i64, 100]))
                .prop_map(|(tenant, status, limit)| Transition::List { tenant, status, limit }),
            13 => sweep(),
            4 => (any::<bool>(), weighted(0.2, Just(())))
                .prop_map(|(one, wrong)| Transition::Mark { one, wrong_tenant: wrong.is_some() }),
            4 => bound(),
            9 => prop_oneof![9 => select(&[20_i64, 20, 40, 60]), 1 => Just(60 * 25)].prop_map(|minutes| Transition::Pass { minutes }),
        ]
        .boxed()
    }

    fn apply(guide: Guide, transition: &Transition) -> Guide {
        let made = match transition {
            Transition::Create { items, .. } => items
                .iter()
                .map(|item| match item {
                    Item::New(new) => new.name,
                    Item::Again { name, .. } => *name,
                })
                .max(),
            Transition::Retry { name, .. } => Some(*name),
            _ => None,
        };
        Guide { names: guide.names.max(made.map_or(0, |name| name + 1)) }
    }
}

/// Mostly one of the last.
fn any_name(next: Name) -> impl Strategy<Value = Name> + Clone {
    prop_oneof![5 => next.saturating_sub(6)..=next.saturating_sub(1), 1 => 0..=next]
}

fn any_run(next: Name) -> impl Strategy<Value = Which> + Clone {
    any_name(next).prop_map(Which::Named)
}

/// Mostly one that is RUNNING.
fn held(next: Name) -> impl Strategy<Value = Which> + Clone {
    prop_oneof![
        2 => any_run(next),
        4 => (0..4u8).prop_map(Which::Running),
        1 => (0..4u8).prop_map(Which::Queued),
        1 => (0..4u8).prop_map(Which::Ended),
    ]
}

fn reach() -> impl Strategy<Value = Reach> + Clone {
    prop_oneof![6 => Just(Reach::Own), 2 => Just(Reach::All), 1 => Just(Reach::Wrong)]
}

fn token() -> impl Strategy<Value = Token> + Clone {
    prop_oneof![
        8 => Just(Token::Latest),
        4 => Just(Token::None),
        2 => Just(Token::Older),
        1 => Just(Token::Foreign),
    ]
}

/// Leases end ten minutes away from where time passes to: whether one has expired never depends on how long a test takes.
fn lease() -> impl Strategy<Value = i32> + Clone {
    select(&[10, 30, 50])
}

fn claim() -> impl Strategy<Value = Transition> {
    let who = (of(0..2usize), 0..3u8, prop_oneof![1 => Just(0), 1 => 1..4u8]);
    let what = (lease(), weighted(0.4, 0..2u8), prop_oneof![2 => Just(1), 1 => select(&[2, 3, 100])]);
    let again = prop_oneof![7 => Just(Again::No), 2 => Just(Again::Same), 1 => Just(Again::ByThisWorker)];
    (who, what, weighted(0.15, Just(())), any::<bool>(), again).prop_map(
        |(who, what, pushed_only, remembers, again)| {
            Transition::Claim(Wish {
                tenant: who.0,
                worker: who.1,
                queues: who.2,
                lease_minutes: what.0,
                claim_id: what.1,
                max_runs: what.2,
                pushed_only: pushed_only.is_some(),
                remembers,
                again,
            })
        },
    )
}

fn claim_by_ids(next: Name) -> impl Strategy<Value = Transition> {
    let waiting = prop_oneof![any_run(next), (0..4u8).prop_map(Which::Queued)];
    (vec((reach(), waiting), 1..5), 0..3u8, lease())
        .prop_map(|(asked, worker, lease_minutes)| Transition::ClaimByIds { asked, worker, lease_minutes })
}

/// One in a call of its own, or some in a batch.
fn batch<T: Clone + std::fmt::Debug>(
    item: impl Strategy<Value = T> + Clone,
) -> impl Strategy<Value = (bool, Vec<T>)> {
    prop_oneof![
        2 => vec(item.clone(), 1..=1).prop_map(|items| (false, items)),
        1 => vec(item, 1..5).prop_map(|items| (true, items)),
    ]
}

fn heartbeat(next: Name) -> impl Strategy<Value = Transition> {
    let beat = (held(next), reach(), token(), weighted(0.3, 0..3u8), of(lease())).prop_map(
        |(run, reach, token, worker, lease_minutes)| Beat { run, reach, token, worker, lease_minutes },
    );
    batch(beat).prop_map(|(bulk, items)| Transition::Heartbeat { bulk, items })
}

fn complete(next: Name) -> impl Strategy<Value = Transition> {
    let outcome = select(&[Outcome::Succeeded, Outcome::Failed, Outcome::Failed]);
    let report = (
        held(next),
        reach(),
        token(),
        outcome,
        prop_oneof![3 => Just(true), 1 => Just(false)],
        weighted(0.25, 0..10u8),
    )
        .prop_map(|(run, reach, token, outcome, retryable, late)| Report {
            run,
            reach,
            token,
            outcome,
            retryable,
            late,
        });
    batch(report).prop_map(|(bulk, items)| Transition::Complete { bulk, items })
}

fn release(next: Name) -> impl Strategy<Value = Transition> {
    (held(next), reach(), token(), of(select(&[5_i64, 25, -5])))
        .prop_map(|(run, reach, token, minutes)| Transition::Release { run, reach, token, minutes })
}

fn retry(next: Name) -> impl Strategy<Value = Transition> {
    let ended = prop_oneof![any_run(next), (0..4u8).prop_map(Which::Ended)];
    let on = prop_oneof![
        6 => Just(RetryOn::Same),
        2 => Just(RetryOn::Other),
        1 => Just(RetryOn::Draft),
        1 => Just(RetryOn::OtherPipelines),
    ];
    let how = (any::<bool>(), on, weighted(0.4, Just(())));
    (ended, reach(), of(0..4u8), how).prop_map(move |(of, reach, idempotency_key, how)| Transition::Retry {
        name: next,
        of,
        reach,
        idempotency_key,
        from_failed: how.0,
        on: how.1,
        again: how.2.is_some(),
    })
}

fn store_steps(next: Name) -> impl Strategy<Value = Transition> {
    let end =
        prop_oneof![Just(StepEnd::Running), (0..2u8).prop_map(StepEnd::Succeeded), Just(StepEnd::Failed)];
    let steps = (weighted(0.3, end.clone()), weighted(0.3, end.clone()), end).prop_map(|(a, b, c)| {
        let ends = [a, b, Some(c)].into_iter().zip(0..);
        ends.filter_map(|(end, step)| Some((step, end?))).collect()
    });
    (held(next), reach(), token(), steps).prop_map(|(run, reach, token, steps)| Transition::StoreSteps {
        run,
        reach,
        token,
        steps,
    })
}

fn sweep() -> impl Strategy<Value = Transition> {
    let what = prop_oneof![
        3 => Just(Sweep::Leases),
        2 => Just(Sweep::StartBy),
        4 => Just(Sweep::Parked),
        2 => Just(Sweep::Redispatches),
        2 => Just(Sweep::Take),
        2 => Just(Sweep::Retention),
    ];
    (what, weighted(0.3, 0..2usize)).prop_map(|(what, tenant)| Transition::Sweep { what, tenant })
}

fn bound() -> impl Strategy<Value = Transition> {
    let paused = || weighted(0.1, Just(())).prop_map(|paused| paused.is_some());
    prop_oneof![
        (0..2usize, weighted(0.5, prop_oneof![4 => 1..4, 1 => Just(0)]), paused()).prop_map(
            |(tenant, max_running, paused)| Transition::BoundTenant { tenant, max_running, paused }
        ),
        (0..PIPELINES, weighted(0.5, prop_oneof![4 => 1..4, 1 => Just(0)]), paused()).prop_map(
            |(pipeline, max_running, paused)| { Transition::BoundPipeline { pipeline, max_running, paused } }
        ),
    ]
}

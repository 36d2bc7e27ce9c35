//! Creates, made up: mostly such as are accepted.

use proptest::option::{of, weighted};
use proptest::prelude::*;
use proptest::sample::select;
use runplane::runs::Dispatch;

use super::any_name;
use crate::transition::{Item, Name, NewRun, Transition, Version};
use crate::world::PIPELINES_OF_A_TENANT;

fn new_run(name: Name) -> impl Strategy<Value = NewRun> {
    let version = prop_oneof![
        30 => (0..PIPELINES_OF_A_TENANT).prop_map(Version::Approved),
        1 => Just(Version::Draft),
        1 => Just(Version::OtherTenants),
        1 => Just(Version::OfUnknownTenant),
    ];
    let place = (0..2usize, version, of(select(&[1, 5, 9])), any::<bool>(), dispatch());
    let times = (weighted(0.2, select(&[5_i64, 25, -25])), weighted(0.2, select(&[15_i64, 35, -15])));
    let bounds = (weighted(0.7, 1..=4), select(&[0, 1, 3]), weighted(0.4, 0..2u8), weighted(0.3, 0..4u8));
    (place, times, bounds).prop_map(move |(place, times, bounds)| NewRun {
        name,
        tenant: place.0,
        version: place.1,
        priority: place.2,
        gpu: place.3,
        dispatch: place.4,
        run_after: times.0,
        // Else it would be refused before any verb.
        start_by: times.1.filter(|by| times.0.is_none_or(|after| after < *by)),
        max_attempts: bounds.0,
        max_lost: bounds.1,
        concurrency_key: bounds.2,
        idempotency_key: bounds.3,
    })
}

fn dispatch() -> impl Strategy<Value = Dispatch> {
    select(&[Dispatch::Push, Dispatch::Pull])
}

fn item(name: Name, next: Name) -> impl Strategy<Value = Item> {
    prop_oneof![
        6 => new_run(name).prop_map(Item::New),
        2 => (any_name(next), weighted(0.3, Just(()))).prop_map(move |(of, changed)| Item::Again {
            name,
            of,
            changed: changed.is_some(),
        }),
    ]
}

pub fn create(next: Name) -> impl Strategy<Value = Transition> {
    let one = item(next, next).prop_map(|item| Transition::Create { bulk: false, items: vec![item] });
    // One of them may repeat another one of them.
    let several = (item(next, next), item(next + 1, next + 1), of(item(next + 2, next + 2))).prop_map(
        |(first, second, third)| Transition::Create {
            bulk: true,
            items: [Some(first), Some(second), third].into_iter().flatten().collect(),
        },
    );
    prop_oneof![2 => one, 1 => several]
}

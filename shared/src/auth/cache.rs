//! API keys that were looked up a moment ago: a warm environment asks Postgres for none.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant, SystemTime};

use uuid::Uuid;

use super::budget::{Budget, Grant, Spent, WINDOW};
use super::credential::ApiKey;
use super::principal::Principal;

/// How long a key counts as what it was. With what a request takes, a revoked key lets nobody in after 60 seconds.
const KEPT: Duration = Duration::from_secs(30);
/// Keys that are kept. Environments that see more of them ask more often.
const MAX_KEYS: usize = 1000;

/// A point in time by two clocks: the one that nobody sets, which may stand still while an environment is frozen, and the other.
#[derive(Clone, Copy, Debug)]
pub(super) struct Moment {
    steady: Instant,
    wall: SystemTime,
}

impl Moment {
    pub(super) fn now() -> Self {
        Self { steady: Instant::now(), wall: SystemTime::now() }
    }

    /// How long it has been since then, by the clock that says more. A clock that was set back says that it has been for ever.
    fn since(self, then: Moment) -> Duration {
        let steady = self.steady.saturating_duration_since(then.steady);
        self.wall.duration_since(then.wall).map_or(Duration::MAX, |wall| wall.max(steady))
    }

    /// Whether by both clocks less than so much has gone by since then. A clock that was set back says no.
    fn is_within(self, duration: Duration, then: Moment) -> bool {
        self.since(then) < duration
    }
}

/// The keys of one process.
#[derive(Debug, Default)]
pub(super) struct KeyCache {
    keys: Mutex<HashMap<Uuid, Kept>>,
}

#[derive(Debug)]
struct Kept {
    digest: [u8; 32],
    principal: Arc<Principal>,
    since: Moment,
    /// Shorter for a key that expires meanwhile.
    valid: Duration,
    /// None: it may make as many requests as it likes.
    budget: Option<Budget>,
}

/// What is known of a key.
#[derive(Debug, PartialEq)]
pub(super) enum Found {
    /// Whose it is, and one request more is counted.
    Principal(Arc<Principal>),
    /// It has made as many requests as it may; there is another one after so long.
    Limited(Duration),
    /// Postgres has to be asked, and for so many requests.
    Ask(i32),
}

impl KeyCache {
    /// Whose key it is, if that was asked lately, and it may make one request more.
    pub(super) fn get(&self, key: &ApiKey, now: Moment) -> Found {
        let mut keys = self.keys.lock().unwrap_or_else(PoisonError::into_inner);
        let Some(kept) = keys.get_mut(&key.id).filter(|kept| key.fits(&kept.digest)) else {
            return Found::Ask(1);
        };
        let age = now.since(kept.since);
        let spent = match &mut kept.budget {
            Some(budget) if age < kept.valid => budget.spend(age),
            Some(_) => Spent::Ask,
            None if age < kept.valid => Spent::One,
            None => Spent::Ask,
        };
        match spent {
            Spent::One => Found::Principal(Arc::clone(&kept.principal)),
            Spent::Wait(wait) => Found::Limited(wait),
            Spent::Ask => Found::Ask(kept.budget.as_ref().map_or(1, |budget| budget.pace(age))),
        }
    }

    /// Keeps what was answered to a question that was asked at `asked`. `expires_in`: how long the key is valid, from then on. `grant`: how many
    /// requests it may make meanwhile, if not as many as it likes.
    pub(super) fn put(
        &self,
        key: &ApiKey,
        principal: Arc<Principal>,
        asked: Moment,
        expires_in: Option<Duration>,
        grant: Option<Grant>,
    ) {
        let kept = if grant.is_some() { WINDOW } else { KEPT };
        let valid = expires_in.map_or(kept, |expires_in| expires_in.min(kept));
        let budget = grant.map(Budget::of);
        let mut keys = self.keys.lock().unwrap_or_else(PoisonError::into_inner);
        if keys.len() >= MAX_KEYS && !keys.contains_key(&key.id) {
            keys.retain(|_, kept| asked.is_within(kept.valid, kept.since));
            if keys.len() >= MAX_KEYS {
                keys.clear();
            }
        }
        keys.insert(key.id, Kept { digest: key.digest(), principal, since: asked, valid, budget });
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn later(moment: Moment, by: Duration) -> Moment {
        Moment { steady: moment.steady + by, wall: moment.wall + by }
    }

    fn key(id: u128) -> ApiKey {
        ApiKey::new(Uuid::from_u128(id), [7; 32])
    }

    #[test]
    fn a_key_is_asked_for_again_before_a_minute_has_gone_by() {
        let (cache, now) = (KeyCache::default(), Moment::now());
        let principal = Arc::new(Principal::open());
        cache.put(&key(1), Arc::clone(&principal), now, None, None);
        assert_eq!(
            cache.get(&key(1), later(now, KEPT - Duration::from_millis(1))),
            Found::Principal(principal)
        );
        assert_eq!(cache.get(&key(1), later(now, KEPT)), Found::Ask(1));
        assert!(KEPT <= Duration::from_secs(55));
        assert_eq!(cache.get(&key(2), now), Found::Ask(1));
        assert_eq!(cache.get(&ApiKey::new(key(1).id, [8; 32]), now), Found::Ask(1), "another secret");
    }

    #[test]
    fn one_clock_that_stands_still_keeps_nothing_alive() {
        let (cache, now) = (KeyCache::default(), Moment::now());
        cache.put(&key(1), Arc::new(Principal::open()), now, None, None);
        assert_eq!(cache.get(&key(1), Moment { steady: now.steady + KEPT, ..now }), Found::Ask(1));
        assert_eq!(cache.get(&key(1), Moment { wall: now.wall + KEPT, ..now }), Found::Ask(1));
        assert_eq!(cache.get(&key(1), Moment { wall: now.wall - KEPT, ..now }), Found::Ask(1), "set back");
    }

    #[test]
    fn a_key_that_expires_is_not_kept_any_longer() {
        let (cache, now) = (KeyCache::default(), Moment::now());
        cache.put(&key(1), Arc::new(Principal::open()), now, Some(Duration::from_secs(2)), None);
        assert!(matches!(cache.get(&key(1), later(now, Duration::from_secs(1))), Found::Principal(_)));
        assert_eq!(cache.get(&key(1), later(now, Duration::from_secs(2))), Found::Ask(1));
    }

    #[test]
    fn no_more_keys_are_kept_than_there_is_room_for() {
        let (cache, now) = (KeyCache::default(), Moment::now());
        let principal = Arc::new(Principal::open());
        for id in 0..=MAX_KEYS as u128 {
            cache.put(&key(id), Arc::clone(&principal), now, None, None);
        }
        assert!(cache.keys.lock().unwrap().len() <= MAX_KEYS);
        assert!(
            matches!(cache.get(&key(MAX_KEYS as u128), now), Found::Principal(_)),
            "the last one has found room"
        );
    }

    #[test]
    fn a_key_with_a_limit_makes_as_many_requests_as_were_given_and_asks_again_after_ten_seconds() {
        let (cache, now) = (KeyCache::default(), Moment::now());
        let grant = |requests, wait| Some(Grant { requests, wait: Duration::from_secs(wait) });
        let principal = Arc::new(Principal::open());
        cache.put(&key(1), Arc::clone(&principal), now, None, grant(2, 0));
        let soon = later(now, Duration::from_secs(1));
        assert_eq!(cache.get(&key(1), soon), Found::Principal(Arc::clone(&principal)));
        assert_eq!(cache.get(&key(1), soon), Found::Ask(20), "two a second");
        cache.put(&key(1), Arc::clone(&principal), now, None, grant(100, 0));
        assert_eq!(cache.get(&key(1), later(now, WINDOW)), Found::Ask(1));
        cache.put(&key(1), principal, now, None, grant(0, 3));
        assert_eq!(cache.get(&key(1), soon), Found::Limited(Duration::from_secs(2)));
        assert_eq!(cache.get(&key(1), later(now, Duration::from_secs(3))), Found::Ask(1));
    }
}

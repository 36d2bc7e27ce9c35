//! API keys that were looked up a moment ago: a warm environment asks Postgres for none.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant, SystemTime};

use uuid::Uuid;

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

    /// Whether by both clocks less than so much has gone by since then. A clock that was set back says no.
    fn is_within(self, duration: Duration, since: Moment) -> bool {
        self.steady.saturating_duration_since(since.steady) < duration
            && self.wall.duration_since(since.wall).is_ok_and(|elapsed| elapsed < duration)
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
}

impl KeyCache {
    /// Whose key it is, if that was asked lately.
    pub(super) fn get(&self, key: &ApiKey, now: Moment) -> Option<Arc<Principal>> {
        let keys = self.keys.lock().unwrap_or_else(PoisonError::into_inner);
        let kept = keys.get(&key.id)?;
        let is_valid = now.is_within(kept.valid, kept.since) && key.fits(&kept.digest);
        is_valid.then(|| Arc::clone(&kept.principal))
    }

    /// Keeps what was answered to a question that was asked at `asked`. `expires_in`: how long the key is valid, from then on.
    pub(super) fn put(
        &self,
        key: &ApiKey,
        principal: Arc<Principal>,
        asked: Moment,
        expires_in: Option<Duration>,
    ) {
        let valid = expires_in.map_or(KEPT, |expires_in| expires_in.min(KEPT));
        let mut keys = self.keys.lock().unwrap_or_else(PoisonError::into_inner);
        if keys.len() >= MAX_KEYS && !keys.contains_key(&key.id) {
            keys.retain(|_, kept| asked.is_within(kept.valid, kept.since));
            if keys.len() >= MAX_KEYS {
                keys.clear();
            }
        }
        keys.insert(key.id, Kept { digest: key.digest(), principal, since: asked, valid });
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
        cache.put(&key(1), Arc::clone(&principal), now, None);
        assert_eq!(cache.get(&key(1), later(now, KEPT - Duration::from_millis(1))), Some(principal));
        assert_eq!(cache.get(&key(1), later(now, KEPT)), None);
        assert!(KEPT <= Duration::from_secs(55));
        assert_eq!(cache.get(&key(2), now), None);
        assert_eq!(cache.get(&ApiKey::new(key(1).id, [8; 32]), now), None, "another secret");
    }

    #[test]
    fn one_clock_that_stands_still_keeps_nothing_alive() {
        let (cache, now) = (KeyCache::default(), Moment::now());
        cache.put(&key(1), Arc::new(Principal::open()), now, None);
        assert_eq!(cache.get(&key(1), Moment { steady: now.steady + KEPT, ..now }), None);
        assert_eq!(cache.get(&key(1), Moment { wall: now.wall + KEPT, ..now }), None);
        assert_eq!(cache.get(&key(1), Moment { wall: now.wall - KEPT, ..now }), None, "set back");
    }

    #[test]
    fn a_key_that_expires_is_not_kept_any_longer() {
        let (cache, now) = (KeyCache::default(), Moment::now());
        cache.put(&key(1), Arc::new(Principal::open()), now, Some(Duration::from_secs(2)));
        assert!(cache.get(&key(1), later(now, Duration::from_secs(1))).is_some());
        assert_eq!(cache.get(&key(1), later(now, Duration::from_secs(2))), None);
    }

    #[test]
    fn no_more_keys_are_kept_than_there_is_room_for() {
        let (cache, now) = (KeyCache::default(), Moment::now());
        let principal = Arc::new(Principal::open());
        for id in 0..=MAX_KEYS as u128 {
            cache.put(&key(id), Arc::clone(&principal), now, None);
        }
        assert!(cache.keys.lock().unwrap().len() <= MAX_KEYS);
        assert!(cache.get(&key(MAX_KEYS as u128), now).is_some(), "the last one has found room");
    }
}

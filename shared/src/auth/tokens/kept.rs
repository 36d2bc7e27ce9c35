//! Keys that were fetched: how long they count, and when they may be fetched again. Times are what a [`Clock`](super::Clock) says.

use std::sync::Arc;
use std::time::Duration;

use jsonwebtoken::DecodingKey;

use super::jwks::{Keys, Wanted};

/// So long keys count without being looked at again. A key that the issuer has withdrawn may count so long.
pub(super) const FRESH: Duration = Duration::from_secs(10 * 60);
/// So long they count while the issuer cannot be asked.
pub(super) const USABLE: Duration = Duration::from_secs(24 * 60 * 60);
/// Once in this time a key that is not among them is looked for: the issuer may have changed its keys, or anybody has made up a name.
pub(super) const SEARCH_EVERY: Duration = Duration::from_secs(30);
/// After it has failed, it is tried again after this time, where there are keys to go on with;
pub(super) const RETRY_WITH_KEYS: Duration = Duration::from_secs(30);
/// and after this time, where there are none.
pub(super) const RETRY_WITHOUT_KEYS: Duration = Duration::from_secs(5);

/// Why there are no newer keys, while or after a fetch of which nothing was heard.
const BROKEN_OFF: &str = "the fetch was broken off";

/// What is known of the issuer's keys.
#[derive(Debug, Default)]
pub(super) struct Kept {
    keys: Option<(Arc<Keys>, Duration)>,
    /// Fetches that have ended.
    ended: u64,
    /// The last fetch, unless it went well: when it began, and why it did not.
    failed: Option<(Duration, String)>,
    /// When the last fetch began that was made for a key that was in no set.
    searched: Option<Duration>,
}

/// A key that is looked for.
#[derive(Debug)]
pub(super) enum Found {
    /// It is known.
    Fresh(DecodingKey),
    /// It was known some time ago.
    Old(DecodingKey),
    /// There are keys, and it is not among them.
    Unknown,
    /// There are no keys.
    Nothing,
}

impl Kept {
    /// Looks for a key.
    pub(super) fn find(&self, wanted: Wanted<'_>, now: Duration) -> Found {
        let Some((keys, fetched)) = &self.keys else { return Found::Nothing };
        let age = now.saturating_sub(*fetched);
        match keys.find(wanted) {
            _ if age >= USABLE => Found::Nothing,
            None => Found::Unknown,
            Some(key) if age < FRESH => Found::Fresh(key.clone()),
            Some(key) => Found::Old(key.clone()),
        }
    }

    /// How many fetches have ended. Where it is more than before, somebody else has fetched meanwhile.
    pub(super) fn ended(&self) -> u64 {
        self.ended
    }

    /// Whether to fetch, having found this. If so, the fetch counts as begun.
    pub(super) fn begin(&mut self, found: &Found, now: Duration) -> bool {
        let is_over =
            |since: Option<Duration>, time| since.is_none_or(|since| now.saturating_sub(since) >= time);
        let failed = self.failed.as_ref().map(|(began, _)| *began);
        let begins = match found {
            Found::Fresh(_) => false,
            Found::Old(_) => is_over(failed, RETRY_WITH_KEYS),
            Found::Unknown => is_over(self.searched, SEARCH_EVERY),
            Found::Nothing => is_over(failed, RETRY_WITHOUT_KEYS),
        };
        if begins {
            // It may never end: whoever waits for it may be gone.
            self.failed = Some((now, BROKEN_OFF.to_owned()));
            if matches!(found, Found::Unknown) {
                self.searched = Some(now);
            }
        }
        begins
    }

    /// The fetch that has begun has ended with these keys, or has failed.
    pub(super) fn end(&mut self, fetched: Result<Keys, String>, now: Duration) {
        self.ended += 1;
        match fetched {
            Ok(keys) => {
                self.keys = Some((Arc::new(keys), now));
                self.failed = None;
            }
            Err(why) => {
                let began = self.failed.as_ref().map_or(now, |(began, _)| *began);
                self.failed = Some((began, why));
            }
        }
    }

    /// Why there are no newer keys; None: nothing has failed.
    pub(super) fn failure(&self) -> Option<&str> {
        self.failed.as_ref().map(|(_, why)| why.as_str())
    }
}

#[cfg(test)]
mod tests {
    use jsonwebtoken::Algorithm;
    use serde_json::json;

    use super::*;

    const SECOND: Duration = Duration::from_secs(1);

    fn keys(kid: &str) -> Keys {
        let x = "A".repeat(43);
        let key = json!({"kty": "OKP", "crv": "Ed25519", "kid": kid, "x": x});
        Keys::read(json!({"keys": [key]}).to_string().as_bytes()).unwrap()
    }

    fn wanted(kid: &str) -> Wanted<'_> {
        Wanted { kid: Some(kid), algorithm: Algorithm::EdDSA }
    }

    fn found(kept: &Kept, kid: &str, now: Duration) -> &'static str {
        match kept.find(wanted(kid), now) {
            Found::Fresh(_) => "fresh",
            Found::Old(_) => "old",
            Found::Unknown => "unknown",
            Found::Nothing => "nothing",
        }
    }

    fn begins(kept: &mut Kept, kid: &str, now: Duration) -> bool {
        let found = kept.find(wanted(kid), now);
        kept.begin(&found, now)
    }

    /// Has fetched the key `a` at that time.
    fn kept(at: Duration) -> Kept {
        let mut kept = Kept::default();
        assert!(begins(&mut kept, "a", at));
        kept.end(Ok(keys("a")), at);
        kept
    }

    #[test]
    fn keys_are_fresh_for_ten_minutes_and_usable_for_a_day() {
        let at = 1000 * SECOND;
        let kept = kept(at);
        for (age, expected) in [
            (Duration::ZERO, "fresh"),
            (FRESH - SECOND, "fresh"),
            (FRESH, "old"),
            (USABLE - SECOND, "old"),
            (USABLE, "nothing"),
        ] {
            assert_eq!(found(&kept, "a", at + age), expected, "{age:?}");
        }
        assert_eq!(found(&kept, "b", at), "unknown");
        assert_eq!(found(&kept, "b", at + USABLE), "nothing");
        assert_eq!(found(&kept, "a", at - SECOND), "fresh", "a clock that was set back");
        assert_eq!(found(&Kept::default(), "a", at), "nothing");
    }

    #[test]
    fn a_key_that_is_known_is_not_fetched() {
        let mut kept = kept(SECOND);
        assert!(!begins(&mut kept, "a", FRESH));
    }

    #[test]
    fn an_unknown_key_is_looked_for_once_in_half_a_minute() {
        let mut kept = kept(SECOND);
        let at = 2 * SECOND;
        assert!(begins(&mut kept, "b", at), "the fetch before was not made for it");
        kept.end(Ok(keys("a")), at);
        assert!(!begins(&mut kept, "b", at));
        assert!(!begins(&mut kept, "c", at + SEARCH_EVERY - SECOND));
        assert!(begins(&mut kept, "c", at + SEARCH_EVERY));
        kept.end(Err("away".to_owned()), at + SEARCH_EVERY);
        assert!(!begins(&mut kept, "c", at + SEARCH_EVERY + SECOND), "not more often after a failure either");
    }

    #[test]
    fn what_failed_is_tried_again_after_a_while() {
        let mut kept = kept(Duration::ZERO);
        assert!(begins(&mut kept, "a", FRESH));
        kept.end(Err("away".to_owned()), FRESH + 3 * SECOND);
        assert_eq!(kept.failure(), Some("away"));
        assert_eq!(found(&kept, "a", FRESH + 3 * SECOND), "old");
        assert!(!begins(&mut kept, "a", FRESH + RETRY_WITH_KEYS - SECOND));
        assert!(begins(&mut kept, "a", FRESH + RETRY_WITH_KEYS));
        kept.end(Ok(keys("a")), FRESH + RETRY_WITH_KEYS);
        assert_eq!(kept.failure(), None);

        let mut kept = Kept::default();
        assert!(begins(&mut kept, "a", SECOND));
        kept.end(Err("away".to_owned()), 4 * SECOND);
        assert!(!begins(&mut kept, "a", RETRY_WITHOUT_KEYS));
        assert!(begins(&mut kept, "a", SECOND + RETRY_WITHOUT_KEYS));
    }

    #[test]
    fn a_fetch_of_which_nothing_is_heard_has_failed() {
        let mut kept = Kept::default();
        assert!(begins(&mut kept, "a", SECOND));
        assert_eq!((kept.failure(), kept.ended()), (Some(BROKEN_OFF), 0));
        assert!(!begins(&mut kept, "a", 2 * SECOND));
        assert!(begins(&mut kept, "a", SECOND + RETRY_WITHOUT_KEYS));
        kept.end(Ok(keys("a")), SECOND + RETRY_WITHOUT_KEYS);
        assert_eq!((kept.failure(), kept.ended()), (None, 1));
    }

    #[test]
    fn a_set_takes_the_place_of_the_one_before() {
        let mut kept = kept(SECOND);
        assert!(begins(&mut kept, "b", SECOND));
        kept.end(Ok(keys("b")), SECOND);
        assert_eq!((found(&kept, "a", SECOND), found(&kept, "b", SECOND)), ("unknown", "fresh"));
    }
}

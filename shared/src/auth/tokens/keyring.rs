//! The issuer's keys, fetched when they are needed, by one caller for all.

use std::sync::{Mutex, MutexGuard, PoisonError};

use anyhow::anyhow;
use jsonwebtoken::DecodingKey;

use super::Fault;
use super::clock::Clock;
use super::issuer::Issuer;
use super::jwks::{NO_KEY, Wanted};
use super::kept::{Found, Kept};

/// The keys of one process.
#[derive(Debug)]
pub(super) struct Keyring {
    issuer: Issuer,
    clock: Clock,
    kept: Mutex<Kept>,
    /// Whoever has it fetches.
    turn: tokio::sync::Mutex<()>,
}

impl Keyring {
    /// Knows none yet.
    pub(super) fn new(issuer: Issuer, clock: Clock) -> Self {
        Self { issuer, clock, kept: Mutex::default(), turn: tokio::sync::Mutex::default() }
    }

    /// A key. Asks the issuer if it is not known, or was last seen a while ago, and if the issuer may be asked again.
    pub(super) async fn key(&self, wanted: Wanted<'_>) -> Result<DecodingKey, Fault> {
        let (found, ended) = {
            let kept = self.kept();
            (kept.find(wanted, self.clock.now()), kept.ended())
        };
        let turn = match found {
            Found::Fresh(key) => return Ok(key),
            // While somebody asks, others go on with what they have.
            Found::Old(_) => self.turn.try_lock().ok(),
            Found::Unknown | Found::Nothing => Some(self.turn.lock().await),
        };
        if turn.is_some() && self.begin(wanted, ended) {
            let fetched = self.issuer.keys().await.map_err(|error| format!("{error:#}"));
            if let Err(why) = &fetched {
                tracing::warn!("The keys of the token issuer could not be fetched: {why}");
            }
            self.kept().end(fetched, self.clock.now());
        }
        drop(turn);
        let kept = self.kept();
        match (kept.find(wanted, self.clock.now()), kept.failure()) {
            (Found::Fresh(key) | Found::Old(key), _) => Ok(key),
            // Known are the keys of some time ago, and the issuer may have had new ones since.
            (Found::Unknown, Some(why)) => Err(unavailable(why)),
            (Found::Unknown, None) => Err(Fault::Invalid(NO_KEY)),
            (Found::Nothing, why) => Err(unavailable(why.unwrap_or("they are too old"))),
        }
    }

    /// Whether to fetch, with the turn: not if somebody else has meanwhile, while this caller waited for it.
    fn begin(&self, wanted: Wanted<'_>, ended: u64) -> bool {
        let (mut kept, now) = (self.kept(), self.clock.now());
        let found = kept.find(wanted, now);
        kept.ended() == ended && kept.begin(&found, now)
    }

    fn kept(&self) -> MutexGuard<'_, Kept> {
        self.kept.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

fn unavailable(why: &str) -> Fault {
    Fault::Unavailable(anyhow!("the keys of the token issuer could not be had: {why}"))
}

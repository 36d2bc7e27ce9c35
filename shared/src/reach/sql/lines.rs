//! Open lines to databases. They are kept for the next call of the same connection, whose session they are given back empty.
//!
//! Not sqlx's pool: that tries a port where nobody listens again and again until its time is over, and then only says that the time is over; a
//! line that was to be closed cannot be kept any more; and what it does with a line that comes back it does in the background, which Lambda freezes.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use secrecy::ExposeSecret as _;
use sha2::{Digest as _, Sha256};
use sqlx::postgres::PgConnection;
use sqlx::{Connection as _, Executor as _, raw_sql};
use tokio::sync::{OwnedSemaphorePermit, Semaphore};
use tokio::time::{Instant, timeout};

use super::connect::{Ends, connect};
use super::failures;
use crate::reach::{ReachFailure, SqlDestination};

/// Lines of one connection that are in use at once.
const MAX_LINES: usize = 5;
/// How long a call waits for one of them.
const WAIT: Duration = Duration::from_secs(10);
/// Connections whose lines are kept. The one that was not used for longest makes room.
const MAX_CONNECTIONS: usize = 32;
/// A line that lay idle longer is closed, by the next call whatever it is for, or by the clock.
const MAX_IDLE: Duration = Duration::from_secs(60);
/// An older line is closed: a failover, a change of a role or of an address is noticed at last.
const MAX_AGE: Duration = Duration::from_secs(600);
/// How long a line that lay idle may take to answer.
const PING: Duration = Duration::from_secs(1);
/// How long a line may take to be empty again. Then it is closed, which empties it as well.
const EMPTYING: Duration = Duration::from_secs(2);

/// The lines of a process.
#[derive(Default)]
pub(super) struct Lines {
    places: Mutex<HashMap<Key, Arc<Place>>>,
}

/// A connection as it is configured, with its secret: what changes in it leads to other lines.
type Key = [u8; 32];

/// The lines of one connection. A connection belongs to one tenant, so two tenants never share a line.
struct Place {
    turns: Arc<Semaphore>,
    idle: Mutex<Vec<Idle>>,
    used: Mutex<Instant>,
}

struct Idle {
    ends: Ends,
    opened: Instant,
    since: Instant,
}

/// A line in use. Dropped, it is closed.
pub(super) struct Line {
    ends: Ends,
    opened: Instant,
    place: Arc<Place>,
    /// Given back after the line.
    _turn: OwnedSemaphorePermit,
}

impl Lines {
    /// One that is idle and alive, or a new one, for one call.
    pub(super) async fn take(&self, destination: &SqlDestination) -> Result<Line, ReachFailure> {
        let place = self.place(key(destination)?);
        let turn = timeout(WAIT, Arc::clone(&place.turns).acquire_owned()).await;
        let Ok(Ok(turn)) = turn else {
            let message =
                format!("all {MAX_LINES} lines of this worker to the database were busy for {WAIT:?}");
            return Err(ReachFailure::passing("connect", message));
        };
        while let Some(mut idle) = place.pop() {
            idle.ends.relay.intake().begin_call();
            if matches!(timeout(PING, idle.ends.connection.ping()).await, Ok(Ok(()))) {
                let Idle { ends, opened, .. } = idle;
                return Ok(Line { ends, opened, place, _turn: turn });
            }
        }
        let ends = connect(destination).await?;
        ends.relay.intake().begin_call();
        Ok(Line { ends, opened: Instant::now(), place, _turn: turn })
    }

    fn place(&self, key: Key) -> Arc<Place> {
        let mut places = locked(&self.places);
        places.values().for_each(|place| place.sweep());
        if !places.contains_key(&key) && places.len() >= MAX_CONNECTIONS {
            let least = places.iter().min_by_key(|(_, place)| *locked(&place.used)).map(|(key, _)| *key);
            if let Some(least) = least {
                places.remove(&least);
            }
        }
        let place = places.entry(key).or_insert_with(|| Arc::new(Place::new()));
        *locked(&place.used) = Instant::now();
        Arc::clone(place)
    }
}

impl Place {
    fn new() -> Self {
        Self {
            turns: Arc::new(Semaphore::new(MAX_LINES)),
            idle: Mutex::default(),
            used: Mutex::new(Instant::now()),
        }
    }

    fn sweep(&self) {
        locked(&self.idle).retain(Idle::is_fresh);
    }

    /// The one that was used last: the others may grow old.
    fn pop(&self) -> Option<Idle> {
        self.sweep();
        locked(&self.idle).pop()
    }
}

impl Idle {
    fn is_fresh(&self) -> bool {
        self.since.elapsed() < MAX_IDLE && self.opened.elapsed() < MAX_AGE
    }
}

impl Line {
    pub(super) fn connection(&mut self) -> &mut PgConnection {
        &mut self.ends.connection
    }

    /// What a failure of the call is, which may have been the end of the line: the relay knows why, and sqlx does not.
    pub(super) fn explained(&self, failure: ReachFailure) -> ReachFailure {
        match self.ends.relay.intake().ended() {
            Some(ended) if failure.error == failures::BROKEN => failures::of_an_end(ended),
            _ => failure,
        }
    }

    /// Keeps the line for the next call, if it can be emptied soon: nothing of a session survives. With `failed`, what is open on it is rolled back.
    /// One over which much has come is closed instead.
    pub(super) async fn give_back(mut self, failed: bool) {
        if !self.ends.relay.intake().may_be_kept() {
            return;
        }
        let emptied = timeout(EMPTYING, async {
            if failed {
                self.ends.connection.execute(raw_sql("rollback")).await?;
            }
            // Fails in a transaction that a statement has begun and left open.
            self.ends.connection.execute(raw_sql("discard all")).await
        });
        if !matches!(emptied.await, Ok(Ok(_))) {
            return;
        }
        let Self { ends, opened, place, _turn } = self;
        locked(&place.idle).push(Idle { ends, opened, since: Instant::now() });
        let weak = Arc::downgrade(&place);
        tokio::spawn(async move {
            tokio::time::sleep(MAX_IDLE + PING).await;
            if let Some(place) = weak.upgrade() {
                place.sweep();
            }
        });
    }
}

impl std::fmt::Debug for Lines {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        formatter.debug_struct("Lines").finish_non_exhaustive()
    }
}

fn key(destination: &SqlDestination) -> Result<Key, ReachFailure> {
    let SqlDestination { id, config, allow_private_addresses, secret } = destination;
    let secret = secret.as_ref().map(|secret| secret.expose_secret());
    let all = serde_json::to_vec(&(id, config, allow_private_addresses, secret));
    let all = all.map_err(|error| ReachFailure::new("invalid_connection", error.to_string()))?;
    Ok(Sha256::digest(all).into())
}

/// Nothing is done under these locks that could leave something half done.
fn locked<T>(mutex: &Mutex<T>) -> std::sync::MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

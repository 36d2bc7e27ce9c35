//! Keeping leases while work goes on: one call extends them all, and whoever works is told when one is lost.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use tokio::sync::watch;
use tokio::time::Instant;
use uuid::Uuid;

use super::api::{self, ANSWER, Beat, Trouble};
use super::log::Log;
use super::pace;
use crate::http::Client;

/// Heartbeats to each lease: one of them may be lost, and the next one still comes in time.
const BEATS: u32 = 3;
/// How many leases one call extends.
const MOST: usize = 100;

/// The leases that this worker holds.
#[derive(Clone, Debug)]
pub struct Leases {
    held: Arc<Mutex<HashMap<Uuid, Held>>>,
    /// How long each lasts.
    length: Duration,
}

#[derive(Debug)]
struct Held {
    token: Uuid,
    state: watch::Sender<State>,
}

#[derive(Clone, Debug, PartialEq)]
enum State {
    /// Ours until then at least, by the clock of this machine: counted from before the API was asked.
    Until(Instant),
    /// Refused.
    Refused(String),
}

/// A lease that is kept until this is dropped.
#[derive(Debug)]
pub struct Kept {
    run: Uuid,
    token: Uuid,
    state: watch::Receiver<State>,
    leases: Leases,
}

/// Why a lease is not ours any more.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Lost {
    /// The API has refused to extend it: the run is somebody else's, was cancelled, or has ended.
    Refused(String),
    /// No heartbeat has been answered for as long as it lasts: somebody else may have the run.
    Silent,
}

impl Leases {
    /// For leases of this length.
    pub fn new(length: Duration) -> Self {
        Self { held: Arc::default(), length }
    }

    /// Keeps a lease that was asked for at `asked_at`.
    pub fn keep(&self, run: Uuid, token: Uuid, asked_at: Instant) -> Kept {
        let (sender, state) = watch::channel(State::Until(asked_at + self.length));
        self.held().insert(run, Held { token, state: sender });
        Kept { run, token, state, leases: self.clone() }
    }

    /// Extends them, for ever.
    pub async fn beat(&self, client: &Client, log: Log) {
        let every = self.length / BEATS;
        let (mut pause, mut times) = (every, 0);
        loop {
            tokio::time::sleep(pause).await;
            let leases: Vec<(Uuid, Uuid)> =
                self.held().iter().map(|(run, held)| (*run, held.token)).take(MOST).collect();
            if leases.is_empty() {
                (pause, times) = (every, 0);
                continue;
            }
            let asked_at = Instant::now();
            match api::heartbeat_all(client, &leases, every.min(ANSWER)).await {
                Ok(beats) => {
                    self.learn(&leases, beats, asked_at);
                    (pause, times) = (every, 0);
                }
                Err(trouble) => {
                    times += 1;
                    // Whatever it says: a lease does not wait.
                    pause = pace::after(times, &trouble).min(every);
                    log.worker("heartbeat", &not_extended(leases.len(), &trouble, pause));
                }
            }
        }
    }

    fn learn(&self, leases: &[(Uuid, Uuid)], beats: Vec<Beat>, asked_at: Instant) {
        let mut held = self.held();
        for ((run, token), beat) in leases.iter().zip(beats) {
            // It may have been let go meanwhile, and claimed again.
            let Some(one) = held.get(run).filter(|one| one.token == *token) else { continue };
            match beat {
                Beat::Extended => _ = one.state.send_replace(State::Until(asked_at + self.length)),
                Beat::Refused(detail) => {
                    one.state.send_replace(State::Refused(detail));
                    held.remove(run);
                }
                Beat::Unknown => {}
            }
        }
    }

    fn held(&self) -> MutexGuard<'_, HashMap<Uuid, Held>> {
        // Nothing under the lock leaves it half done.
        self.held.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

fn not_extended(leases: usize, trouble: &Trouble, pause: Duration) -> String {
    let leases = if leases == 1 { "1 lease".to_owned() } else { format!("{leases} leases") };
    format!("{leases} not extended: {trouble}; again in {:.1} s", pause.as_secs_f32())
}

impl Kept {
    /// Returns when the lease is lost, and why.
    pub async fn lost(&mut self) -> Lost {
        loop {
            let until = match &*self.state.borrow_and_update() {
                State::Refused(detail) => return Lost::Refused(detail.clone()),
                State::Until(until) => *until,
            };
            tokio::select! {
                biased;
                changed = self.state.changed() => if changed.is_err() && *self.state.borrow() == State::Until(until) {
                    // Nobody extends it any more.
                    tokio::time::sleep_until(until).await;
                    return Lost::Silent;
                },
                () = tokio::time::sleep_until(until) => return Lost::Silent,
            }
        }
    }
}

impl Drop for Kept {
    fn drop(&mut self) {
        let mut held = self.leases.held();
        if held.get(&self.run).is_some_and(|held| held.token == self.token) {
            held.remove(&self.run);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const LENGTH: Duration = Duration::from_secs(30);

    fn kept() -> (Leases, Kept, (Uuid, Uuid)) {
        let (leases, run, token) = (Leases::new(LENGTH), Uuid::now_v7(), Uuid::new_v4());
        let kept = leases.keep(run, token, Instant::now());
        (leases, kept, (run, token))
    }

    #[tokio::test(start_paused = true)]
    async fn a_lease_is_lost_when_nothing_was_heard_for_its_length() {
        let (leases, mut kept, lease) = kept();
        let began = Instant::now();
        tokio::time::advance(Duration::from_secs(20)).await;
        let asked_at = Instant::now();
        // The answer comes late: it counts from when it was asked for.
        tokio::time::advance(Duration::from_secs(5)).await;
        leases.learn(&[lease], vec![Beat::Extended], asked_at);
        leases.learn(&[lease], vec![Beat::Unknown], Instant::now());
        assert_eq!(kept.lost().await, Lost::Silent);
        assert_eq!(began.elapsed().as_secs(), 50);
    }

    #[tokio::test(start_paused = true)]
    async fn a_lease_that_is_refused_is_lost_at_once_and_never_asked_for_again() {
        let (leases, mut kept, lease) = kept();
        let began = Instant::now();
        leases.learn(&[lease], vec![Beat::Refused("cancelled".into())], began);
        assert_eq!(kept.lost().await, Lost::Refused("cancelled".into()));
        assert_eq!(began.elapsed(), Duration::ZERO);
        assert!(leases.held().is_empty());
    }

    #[tokio::test(start_paused = true)]
    async fn the_answer_about_an_earlier_lease_of_a_run_says_nothing_about_the_present_one() {
        let (leases, kept, old) = kept();
        let mut again = leases.keep(old.0, Uuid::new_v4(), Instant::now());
        drop(kept);
        assert_eq!(leases.held().len(), 1, "the old one lets go of itself only");
        leases.learn(&[old], vec![Beat::Refused("lost".into())], Instant::now());
        assert_eq!(again.lost().await, Lost::Silent);
    }
}

//! SQS at its worst: what it promises is at least once, and nothing about when and in which order.

use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use aws_sdk_sqs::types::Message;

use crate::mapping::Courier;

/// Delivers honestly, but while it is rough.
#[derive(Debug)]
pub struct Rough {
    rng: Mutex<fastrand::Rng>,
    /// How many faults make it so.
    rough: AtomicUsize,
}

impl Rough {
    /// One that draws from this seed.
    pub fn new(seed: u64) -> Self {
        Self { rng: Mutex::new(fastrand::Rng::with_seed(seed)), rough: AtomicUsize::new(0) }
    }

    /// Whatever is received from now on is delivered badly, until [`Rough::end`].
    pub fn begin(&self) {
        self.rough.fetch_add(1, Ordering::Relaxed);
    }

    /// Ends one [`Rough::begin`].
    pub fn end(&self) {
        self.rough.fetch_sub(1, Ordering::Relaxed);
    }
}

impl Courier for Rough {
    /// Out of order, in pieces, each late by up to three seconds, and every third of them twice.
    fn deliveries(&self, mut received: Vec<Message>) -> Vec<(Duration, Vec<Message>)> {
        if self.rough.load(Ordering::Relaxed) == 0 || received.is_empty() {
            return vec![(Duration::ZERO, received)];
        }
        let mut rng = self.rng.lock().unwrap_or_else(PoisonError::into_inner);
        rng.shuffle(&mut received);
        let mut deliveries = Vec::new();
        for piece in received.chunks(rng.usize(1..=4)) {
            for _ in 0..if rng.u8(0..3) == 0 { 2 } else { 1 } {
                deliveries.push((Duration::from_millis(rng.u64(0..3_000)), piece.to_vec()));
            }
        }
        deliveries
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn messages() -> Vec<Message> {
        (0..10).map(|number| Message::builder().message_id(number.to_string()).build()).collect()
    }

    #[test]
    fn nothing_is_lost_and_some_come_twice_and_late_but_only_while_it_is_rough() {
        let rough = Rough::new(5);
        assert_eq!(rough.deliveries(messages()), [(Duration::ZERO, messages())]);
        rough.begin();
        let deliveries: Vec<_> = (0..50).flat_map(|_| rough.deliveries(messages())).collect();
        let delivered: Vec<_> = deliveries.iter().flat_map(|(_, piece)| piece).collect();
        assert!(messages().iter().all(|one| delivered.contains(&one)));
        assert!(delivered.len() > 550, "{}", delivered.len());
        assert!(deliveries.iter().any(|(wait, _)| *wait > Duration::from_secs(1)));
        rough.end();
        assert_eq!(rough.deliveries(messages()), [(Duration::ZERO, messages())]);
    }
}

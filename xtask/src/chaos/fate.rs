//! What is drawn for each run: whose it is, how it is created, and how its workers behave. A function of the seed and the run's number.

use super::world::{CONCURRENCY_KEYS, PIPELINES, TENANTS};

/// How a run is created.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Order {
    /// Which tenant's.
    pub tenant: usize,
    /// Which of its pipelines.
    pub pipeline: usize,
    /// Woken by SQS, or waiting for a claim.
    pub push: bool,
    /// 0–9.
    pub priority: u8,
    /// At most one run of the tenant with it is RUNNING.
    pub concurrency_key: Option<String>,
    /// 1–3.
    pub max_attempts: u8,
    /// 0–3.
    pub max_lost: u8,
    /// Its client changes its mind.
    pub cancel: bool,
    /// Its client's clock is wrong by so many hours.
    pub clock: i8,
}

impl Order {
    /// Of the run with this number. With `clocks` some clients' are wrong.
    pub fn of(seed: u64, number: u32, clocks: bool) -> Self {
        let mut rng = rng(seed, number, 0);
        let tenant = tenant(rng.u8(0..100));
        let pipeline = rng.usize(0..PIPELINES);
        let push = !TENANTS[tenant].pulls || rng.u8(0..100) < 40;
        let priority = rng.u8(0..10);
        let key = rng.usize(0..CONCURRENCY_KEYS);
        // Where a run with a key has ended the worker looks what else waits. Whose runs have none is found by SQS or never.
        let keyed = TENANTS[tenant].pulls || TENANTS[tenant].max_running.is_some();
        let concurrency_key = (rng.u8(0..100) < 5 && keyed).then(|| format!("key-{key}"));
        let max_attempts = rng.u8(1..=3);
        let max_lost = if rng.u8(0..100) < 5 { rng.u8(0..=1) } else { 3 };
        let cancel = rng.u8(0..100) < 2;
        let clock = if clocks { [0, 0, 0, -1, -1, 1][rng.usize(0..6)] } else { 0 };
        // A run that is due in an hour is nothing to wait for: a few are enough.
        let clock = if clock > 0 && rng.u8(0..100) >= 3 { 0 } else { clock };
        Self { tenant, pipeline, push, priority, concurrency_key, max_attempts, max_lost, cancel, clock }
    }
}

/// What a worker does with a run that it has claimed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Behaviour {
    /// Does its steps and reports that it SUCCEEDED.
    Finish,
    /// The same, and reports it twice.
    FinishTwice,
    /// Reports that it FAILED.
    Fail {
        /// Whether another attempt may help.
        retryable: bool,
    },
    /// Sleeps past its lease, and goes on then as if nothing had happened.
    Stall {
        /// With what.
        then: Late,
    },
    /// Is never heard of again.
    Vanish,
    /// Hands the run back.
    HandBack,
}

/// What a worker does first under a lease that it has slept past. Each is held back by a statement of its own.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Late {
    /// Reports that the run SUCCEEDED, whose steps it has done before.
    Complete,
    /// The same, with the call for several.
    CompleteTogether,
    /// Does its steps.
    StoreSteps,
    /// Extends its lease.
    Heartbeat,
    /// Hands the run back.
    HandBack,
}

impl Late {
    const ALL: [Self; 5] =
        [Self::Complete, Self::CompleteTogether, Self::StoreSteps, Self::Heartbeat, Self::HandBack];
}

impl Behaviour {
    /// Of the claim with this number (1-based) of the run. With `stalls` some stall or vanish.
    pub fn of(seed: u64, number: u32, claim_count: u32, stalls: bool) -> Self {
        let mut rng = rng(seed, number, claim_count);
        match rng.u8(0..100) {
            0..6 => Self::Fail { retryable: true },
            6..8 => Self::Fail { retryable: false },
            8..11 => Self::HandBack,
            11..16 => Self::FinishTwice,
            16..21 if stalls => Self::Stall { then: Late::ALL[rng.usize(..Late::ALL.len())] },
            21..23 if stalls => Self::Vanish,
            _ => Self::Finish,
        }
    }
}

/// The tenant that has this part of a hundred.
fn tenant(mut part: u8) -> usize {
    for (index, tenant) in TENANTS.iter().enumerate() {
        match part.checked_sub(tenant.share) {
            Some(left) => part = left,
            None => return index,
        }
    }
    0
}

/// A stream of its own for each run and claim: what one draws changes nothing for another.
fn rng(seed: u64, number: u32, claim_count: u32) -> fastrand::Rng {
    let stream = u64::from(number) << 8 | u64::from(claim_count & 0xff);
    fastrand::Rng::with_seed(seed ^ stream.wrapping_mul(0x9e37_79b9_7f4a_7c15))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_same_seed_and_number_are_the_same_run() {
        for number in 0..500 {
            assert_eq!(Order::of(3, number, true), Order::of(3, number, true));
            assert_eq!(Behaviour::of(3, number, 2, true), Behaviour::of(3, number, 2, true));
        }
        let differ = (0..500).filter(|&number| Order::of(3, number, true) != Order::of(4, number, true));
        assert!(differ.count() > 450);
    }

    #[test]
    fn shares_are_parts_of_a_hundred() {
        assert_eq!(TENANTS.iter().map(|tenant| u32::from(tenant.share)).sum::<u32>(), 100);
        for (index, of) in TENANTS.iter().enumerate() {
            assert_eq!((0..100).filter(|&part| tenant(part) == index).count(), usize::from(of.share));
        }
    }

    #[test]
    fn everything_is_drawn_and_nothing_that_was_not_asked_for() {
        let drawn: Vec<_> = (0..3000).map(|number| Behaviour::of(9, number, 1, true)).collect();
        for wanted in [
            Behaviour::Finish,
            Behaviour::FinishTwice,
            Behaviour::Fail { retryable: true },
            Behaviour::Fail { retryable: false },
            Behaviour::Vanish,
            Behaviour::HandBack,
        ] {
            assert!(drawn.contains(&wanted), "{wanted:?}");
        }
        assert!(Late::ALL.iter().all(|&then| drawn.contains(&Behaviour::Stall { then })));
        let steady = (0..3000).map(|number| Behaviour::of(9, number, 1, false));
        assert!(!steady.into_iter().any(|one| matches!(one, Behaviour::Stall { .. } | Behaviour::Vanish)));
        let orders: Vec<_> = (0..3000).map(|number| Order::of(9, number, true)).collect();
        assert!([-1, 0, 1].iter().all(|clock| orders.iter().any(|order| order.clock == *clock)));
        assert!((0..3000).all(|number| Order::of(9, number, false).clock == 0));
        // Whoever has no worker that pulls depends on SQS alone.
        assert!(orders.iter().all(|order| order.push || TENANTS[order.tenant].pulls));
    }
}

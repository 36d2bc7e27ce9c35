//! How many requests an environment may let through with a key before it asks Postgres again: a part of what the key may make in all environments
//! together. So a limit holds everywhere, and a request that finds something left asks nobody.

use std::time::Duration;

/// What is left of a part is worth nothing after so long: others may have it. It is also what may be saved up: a key that was not used makes
/// so many seconds' worth of requests at once.
pub(super) const WINDOW: Duration = Duration::from_secs(10);
/// The shortest time that a rate is measured over.
const SHORTEST: Duration = Duration::from_millis(10);

/// What Postgres gave of a key's requests.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) struct Grant {
    /// So many requests, with the one that asked. None: there is nothing left.
    pub(super) requests: u32,
    /// When there is something again, if there is nothing left.
    pub(super) wait: Duration,
}

/// The part of one environment.
#[derive(Clone, Copy, Debug)]
pub(super) struct Budget {
    grant: Grant,
    used: u32,
}

/// What a budget says to a request.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) enum Spent {
    /// It may.
    One,
    /// It may not, for so long.
    Wait(Duration),
    /// That is for Postgres to say.
    Ask,
}

impl Budget {
    /// Of which the request that asked for it has used one.
    pub(super) fn of(grant: Grant) -> Self {
        Self { grant, used: grant.requests.min(1) }
    }

    /// What it says to a request so long after it was given.
    pub(super) fn spend(&mut self, age: Duration) -> Spent {
        if self.grant.requests == 0 {
            return match self.grant.wait.checked_sub(age) {
                Some(left) if !left.is_zero() => Spent::Wait(left),
                _ => Spent::Ask,
            };
        }
        if self.used >= self.grant.requests {
            return Spent::Ask;
        }
        self.used += 1;
        Spent::One
    }

    /// So many requests would be enough until a budget is worth nothing, at the pace of this one.
    pub(super) fn pace(&self, age: Duration) -> i32 {
        let pace = f64::from(self.used) / age.clamp(SHORTEST, WINDOW).as_secs_f64();
        // Of a float that is too large there is the largest number.
        (pace * WINDOW.as_secs_f64()).ceil().max(1.0) as i32
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn of(requests: u32, wait: u64) -> Budget {
        Budget::of(Grant { requests, wait: Duration::from_secs(wait) })
    }

    #[test]
    fn as_many_requests_are_let_through_as_were_given() {
        let mut budget = of(3, 0);
        let age = Duration::from_secs(1);
        assert_eq!(
            [budget.spend(age), budget.spend(age), budget.spend(age)],
            [Spent::One, Spent::One, Spent::Ask]
        );
    }

    #[test]
    fn when_there_is_nothing_left_nobody_is_asked_until_there_is() {
        let mut budget = of(0, 2);
        assert_eq!(budget.spend(Duration::from_millis(500)), Spent::Wait(Duration::from_millis(1500)));
        assert_eq!(budget.spend(Duration::from_secs(2)), Spent::Ask);
    }

    #[test]
    fn who_is_faster_asks_for_more() {
        let mut budget = of(100, 0);
        assert_eq!(budget.pace(WINDOW), 1, "one in ten seconds");
        for _ in 0..49 {
            budget.spend(Duration::ZERO);
        }
        assert_eq!(budget.pace(Duration::from_secs(1)), 500);
        assert_eq!(budget.pace(Duration::from_secs(5)), 100);
        assert_eq!(budget.pace(Duration::ZERO), 50_000);
    }
}

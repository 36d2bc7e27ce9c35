//! Execution environments of Lambda. Each has a connection from its first call on, and keeps it while it is idle; only a busy one counts
//! for the account's concurrency. None of them ends within the minutes that are simulated.

use super::plan::Function;

/// How many environments of a function Lambda starts at once, and how many more each second.
const STARTS_AT_ONCE: f64 = 1000.0;
const STARTS_A_SECOND: f64 = 100.0;
/// Of the account's concurrency, what the workers may have: the template reserves it for them.
const SHARE_OF_WORKERS: f64 = 0.8;

/// What there may be.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Limits {
    /// Busy environments.
    pub concurrency: u32,
    /// Environments, idle ones too.
    pub connections: u32,
}

/// What a call gets.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Found {
    /// One that was idle.
    Warm,
    /// One that has to start.
    Cold,
    /// None.
    Refused(Why),
}

/// Why there is none.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Why {
    /// Lambda gives no more.
    Concurrency,
    /// Postgres takes no more connections.
    Connections,
}

#[derive(Debug, Clone, Copy, Default)]
struct Pool {
    idle: u32,
    busy: u32,
    starts: f64,
    since: f64,
}

/// The environments of all functions.
#[derive(Debug)]
pub struct Environments {
    limits: Limits,
    pools: [Pool; 5],
    /// Most that were busy at once.
    pub most_busy: u32,
}

impl Environments {
    /// None yet.
    pub fn new(limits: Limits) -> Self {
        let pool = Pool { starts: STARTS_AT_ONCE, ..Pool::default() };
        Self { limits, pools: [pool; 5], most_busy: 0 }
    }

    /// Takes one for a call at a second of the simulated time.
    pub fn take(&mut self, function: Function, now: f64) -> Found {
        let (busy, live) = (self.busy(), self.live());
        let of_workers = f64::from(self.limits.concurrency) * SHARE_OF_WORKERS;
        let pool = &mut self.pools[function as usize];
        let full = busy >= self.limits.concurrency
            || function == Function::Worker && f64::from(pool.busy) >= of_workers.floor();
        if full {
            return Found::Refused(Why::Concurrency);
        }
        let found = if pool.idle > 0 {
            pool.idle -= 1;
            Found::Warm
        } else {
            pool.starts = (pool.starts + (now - pool.since) * STARTS_A_SECOND).min(STARTS_AT_ONCE);
            pool.since = now;
            if live >= self.limits.connections {
                return Found::Refused(Why::Connections);
            }
            if pool.starts < 1.0 {
                return Found::Refused(Why::Concurrency);
            }
            pool.starts -= 1.0;
            Found::Cold
        };
        pool.busy += 1;
        self.most_busy = self.most_busy.max(busy + 1);
        found
    }

    /// Gives one back.
    pub fn give_back(&mut self, function: Function) {
        let pool = &mut self.pools[function as usize];
        pool.busy -= 1;
        pool.idle += 1;
    }

    /// Busy ones.
    pub fn busy(&self) -> u32 {
        self.pools.iter().map(|pool| pool.busy).sum()
    }

    /// Those that have a connection.
    pub fn live(&self) -> u32 {
        self.pools.iter().map(|pool| pool.busy + pool.idle).sum()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn environments(concurrency: u32, connections: u32) -> Environments {
        Environments::new(Limits { concurrency, connections })
    }

    #[test]
    fn an_idle_one_is_taken_again() {
        let mut all = environments(10, 10);
        assert_eq!(all.take(Function::Get, 0.0), Found::Cold);
        all.give_back(Function::Get);
        assert_eq!(all.take(Function::Get, 0.0), Found::Warm);
        assert_eq!(all.take(Function::Create, 0.0), Found::Cold);
        assert_eq!((all.busy(), all.live(), all.most_busy), (2, 2, 2));
    }

    #[test]
    fn idle_ones_hold_their_connections() {
        let mut all = environments(10, 1);
        all.take(Function::Get, 0.0);
        all.give_back(Function::Get);
        assert_eq!(all.take(Function::Create, 0.0), Found::Refused(Why::Connections));
        assert_eq!(all.take(Function::Get, 0.0), Found::Warm);
    }

    #[test]
    fn workers_leave_a_fifth_to_the_others() {
        let mut all = environments(10, 100);
        let taken = (0..10).filter(|_| all.take(Function::Worker, 0.0) == Found::Cold).count();
        assert_eq!(taken, 8);
        let others = (0..10).filter(|_| all.take(Function::Get, 0.0) == Found::Cold).count();
        assert_eq!(others, 2);
    }

    #[test]
    fn a_thousand_start_at_once_and_then_a_hundred_a_second() {
        let mut all = environments(10_000, 10_000);
        let mut started = |now| (0..3000).filter(|_| all.take(Function::Get, now) == Found::Cold).count();
        assert_eq!([started(0.0), started(1.0), started(3.0)], [1000, 100, 200]);
    }
}

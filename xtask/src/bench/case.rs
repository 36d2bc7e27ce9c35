//! What a client does in a loop, with how many runs at a time, over how many connections; and what it got done.

use serde::Serialize;

/// What a client does in a loop.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Work {
    /// Claim the best runs, then complete them.
    ClaimComplete,
    /// Claim the best runs, then complete each by itself.
    ClaimCompleteEach,
    /// Create runs.
    Create,
    /// Create runs, claim as many, complete them: the queue stays as long as it is.
    Cycle,
}

/// One kind of load.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Case {
    /// What is done.
    pub work: Work,
    /// With how many runs at a time: of each statement, unless [`Work`] says otherwise.
    pub size: u32,
    /// Over how many connections at once.
    pub connections: u32,
}

impl Case {
    /// For files.
    pub fn name(self) -> String {
        let work = match self.work {
            Work::ClaimComplete => "claim_complete",
            Work::ClaimCompleteEach => "claim_complete_each",
            Work::Create => "create",
            Work::Cycle => "cycle",
        };
        if self.size == 1 { work.to_owned() } else { format!("{work}_{}", self.size) }
    }

    /// For tables.
    pub fn title(self) -> String {
        let size = self.size;
        match (self.work, size) {
            (Work::ClaimComplete, 1) => "claim + complete".to_owned(),
            (Work::ClaimComplete, _) => format!("claim {size} + complete {size}"),
            (Work::ClaimCompleteEach, _) => format!("claim {size} + complete each"),
            (Work::Create, 1) => "create".to_owned(),
            (Work::Create, _) => format!("create {size}"),
            (Work::Cycle, 1) => "create + claim + complete".to_owned(),
            (Work::Cycle, _) => format!("create {size} + claim {size} + complete {size}"),
        }
    }
}

/// What one client process got done.
#[derive(Debug, Clone, Copy)]
pub struct Measured {
    /// Runs.
    pub done: u64,
    /// Runs a second.
    pub per_second: f64,
    /// Processor time of the client, its start included, for one run; `None` where the system does not tell.
    pub client_us: Option<f64>,
}

impl Measured {
    /// From the runs that were done, how many of them a second, and the client's processor time in seconds.
    pub fn new(done: u64, per_second: f64, cpu_seconds: Option<f64>) -> Self {
        Self { done, per_second, client_us: cpu_seconds.map(|cpu| 1e6 * cpu / (done.max(1) as f64)) }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_case_says_how_many_runs_it_takes_at_a_time() {
        let case = |work, size| Case { work, size, connections: 8 };
        assert_eq!(case(Work::ClaimComplete, 1).title(), "claim + complete");
        assert_eq!(case(Work::ClaimComplete, 100).title(), "claim 100 + complete 100");
        assert_eq!(case(Work::Create, 1).name(), "create");
        assert_eq!(case(Work::Create, 100).name(), "create_100");
    }

    #[test]
    fn the_clients_time_is_for_one_run() {
        assert_eq!(Measured::new(1000, 10.0, Some(0.5)).client_us, Some(500.0));
        assert_eq!(Measured::new(0, 0.0, Some(0.5)).client_us, Some(500_000.0));
        assert_eq!(Measured::new(1, 1.0, None).client_us, None);
    }
}

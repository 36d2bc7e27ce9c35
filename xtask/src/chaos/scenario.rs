//! What a chaos is made of: each kind of fault on its own, and all of them mixed.

use clap::ValueEnum;

use super::fault::Kind;

/// Which faults come.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum Scenario {
    /// `kill -9` of functions in the middle of their work
    Kills,
    /// Workers that stall past their lease and report then, or are never heard of again
    Stalls,
    /// Postgres crashes and comes back
    Crashes,
    /// Connections to Postgres are cut, or slow
    Connections,
    /// SQS is away, loses messages, and delivers them twice, late and in another order
    Messages,
    /// `create` dies between its commit and telling SQS, and between telling SQS and noting that
    Dispatch,
    /// Two sweeps at once
    Sweeps,
    /// Clients whose clocks are wrong by an hour
    Clocks,
    /// What was done is not told: answers are lost
    Answers,
    /// The disk of Postgres is full
    Disk,
    /// All of it
    Mixed,
}

impl Scenario {
    /// The faults that its plan is dealt from.
    pub fn kinds(self) -> &'static [Kind] {
        match self {
            Self::Kills => &[Kind::KillFunction],
            Self::Stalls | Self::Clocks => &[],
            Self::Crashes => &[Kind::CrashPostgres],
            Self::Connections => &[Kind::CutPostgres, Kind::SlowPostgres],
            Self::Messages => &[Kind::SqsAway, Kind::LoseMessages, Kind::RoughCourier],
            Self::Dispatch => &[Kind::DieBeforeSend, Kind::DieBeforeClear],
            Self::Sweeps => &[Kind::SweepTwice],
            Self::Answers => &[Kind::LoseAnswers],
            Self::Disk => &[Kind::FillDisk],
            Self::Mixed => &Kind::ALL,
        }
    }

    /// Whether workers stall and vanish.
    pub fn stalls(self) -> bool {
        // Who believes to have an hour left stalls.
        matches!(self, Self::Stalls | Self::Clocks | Self::Mixed)
    }

    /// Whether the tenants without workers of their own depend on SQS and the worker function. Otherwise workers across tenants take their runs along, and nobody
    /// would notice that SQS was never told, or how the function goes on with a run that it had before.
    pub fn needs_sqs(self) -> bool {
        matches!(self, Self::Kills | Self::Messages | Self::Dispatch | Self::Mixed)
    }

    /// Whether clocks of clients are wrong.
    pub fn clocks(self) -> bool {
        matches!(self, Self::Clocks | Self::Mixed)
    }

    /// As the command line names it.
    pub fn name(self) -> String {
        self.to_possible_value().map(|value| value.get_name().to_owned()).unwrap_or_default()
    }
}

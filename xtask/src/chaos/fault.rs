//! The faults, and the words for them.

use std::fmt;
use std::time::Duration;

/// Which fault.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Kind {
    /// SIGKILL of a function that is at work.
    KillFunction,
    /// `create` dies when its commit is done and SQS not told yet.
    DieBeforeSend,
    /// `create` dies when SQS was told and the row does not know it yet.
    DieBeforeClear,
    /// Postgres is stopped as `pg_ctl stop -m immediate` does, and recovers.
    CrashPostgres,
    /// Every connection to Postgres is cut.
    CutPostgres,
    /// Every piece that goes to Postgres and back is late.
    SlowPostgres,
    /// The disk of Postgres is full.
    FillDisk,
    /// SQS cannot be reached.
    SqsAway,
    /// What SQS has is gone.
    LoseMessages,
    /// Messages are delivered twice, late and in another order.
    RoughCourier,
    /// Two sweeps begin at the same moment.
    SweepTwice,
    /// The API does what it is asked for, and its answers are lost.
    LoseAnswers,
}

impl Kind {
    /// All of them.
    pub const ALL: [Self; 12] = [
        Self::KillFunction,
        Self::DieBeforeSend,
        Self::DieBeforeClear,
        Self::CrashPostgres,
        Self::CutPostgres,
        Self::SlowPostgres,
        Self::FillDisk,
        Self::SqsAway,
        Self::LoseMessages,
        Self::RoughCourier,
        Self::SweepTwice,
        Self::LoseAnswers,
    ];
}

impl fmt::Display for Kind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::KillFunction => "kill -9 of a function",
            Self::DieBeforeSend => "create dies before it tells SQS",
            Self::DieBeforeClear => "create dies after it told SQS",
            Self::CrashPostgres => "Postgres crashes",
            Self::CutPostgres => "connections to Postgres cut",
            Self::SlowPostgres => "connections to Postgres slow",
            Self::FillDisk => "disk of Postgres full",
            Self::SqsAway => "SQS away",
            Self::LoseMessages => "messages lost",
            Self::RoughCourier => "messages twice, late, out of order",
            Self::SweepTwice => "two sweeps at once",
            Self::LoseAnswers => "answers lost",
        })
    }
}

/// One fault of a plan.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Fault {
    /// Which.
    pub kind: Kind,
    /// How long it lasts; of one that is a moment, how long what it leads up to takes.
    pub lasts: Duration,
    /// Which function, where one dies.
    pub function: Option<&'static str>,
}

impl fmt::Display for Fault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.function {
            Some(function) => write!(f, "{} ({function})", self.kind),
            None => write!(f, "{}, {} ms", self.kind, self.lasts.as_millis()),
        }
    }
}

//! The exit codes. Scripts depend on them: a code keeps its meaning.

use std::process::ExitCode;

/// How the program ends.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Exit {
    /// What was asked for is done.
    Done,
    /// The API refused, or a run that was watched FAILED or was CANCELLED.
    Refused,
    /// Arguments, settings or files that cannot be used. Also clap's own code.
    Usage,
    /// A dag_spec breaks a rule.
    InvalidSpec,
    /// The API, or a database, is out of reach, or failed itself.
    Unreachable,
    /// A run that was watched has not ended in time.
    NotEnded,
    /// Something was left out of an import, or differs.
    Incomplete,
}

impl Exit {
    /// The number that the shell sees.
    pub const fn code(self) -> u8 {
        match self {
            Self::Done => 0,
            Self::Refused => 1,
            Self::Usage => 2,
            Self::InvalidSpec => 3,
            Self::Unreachable => 4,
            Self::NotEnded => 5,
            Self::Incomplete => 6,
        }
    }
}

impl From<Exit> for ExitCode {
    fn from(exit: Exit) -> Self {
        exit.code().into()
    }
}

/// The table at the end of `--help`. A test compares it with docs/cli.md.
pub const TABLE: &str = "Exit codes:
  0  done
  1  refused by the API; `watch`: the run FAILED or was CANCELLED
  2  arguments, settings or files that cannot be used
  3  a dag_spec breaks a rule, or is not JSON
  4  the API is out of reach, or failed itself; `import`: a database
  5  `watch --timeout`: the run has not ended in time
  6  `import`: something was left out, is missing or differs";

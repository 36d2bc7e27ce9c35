//! The model's clock.

/// Microseconds, as Postgres counts them.
pub type Micros = i64;

pub const MINUTE: Micros = 60_000_000;

/// A time in a run.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum When {
    At(Micros),
    /// So long, at least and at most, after the `now()` of the step that is looked at.
    Now {
        from: Micros,
        to: Micros,
    },
}

impl When {
    pub const NOW: When = When::Now { from: 0, to: 0 };

    pub fn after(delay: Micros) -> Self {
        When::Now { from: delay, to: delay }
    }

    pub fn plus(self, delay: Micros) -> Self {
        match self {
            When::At(at) => When::At(at + delay),
            When::Now { from, to } => When::Now { from: from + delay, to: to + delay },
        }
    }

    /// Of what was there before this step.
    pub fn known(self) -> Micros {
        match self {
            When::At(at) => at,
            // After everything that is known.
            When::Now { from, .. } => i64::MAX / 2 + from,
        }
    }
}

/// What the clock of Postgres said before a step and after it. A step's `now()` lies between.
#[derive(Clone, Copy, Debug, Default)]
pub struct Clock {
    pub before: Micros,
    pub after: Micros,
    /// How far the model's clock is ahead of that of Postgres.
    pub offset: Micros,
}

impl Clock {
    /// Whether a time has come.
    ///
    /// # Panics
    /// If it came while the step was under way: then nobody can know. The times of all steps lie minutes from where time passes to, so
    /// this takes a machine that stands still for a minute.
    pub fn passed(self, time: When) -> bool {
        let (from, to) = match time {
            When::At(at) => (at, at),
            When::Now { from: 0, to: 0 } => return true,
            When::Now { from, to } => (self.before + from, self.after + to),
        };
        assert!(
            to <= self.before || from > self.after,
            "the machine stood still: {time:?} came between {} and {}",
            self.before,
            self.after,
        );
        to <= self.before
    }

    /// Whether a time in the table is the one that is expected.
    pub fn agrees(self, expected: When, found: Micros) -> bool {
        match expected {
            When::At(at) => at == found,
            When::Now { from, to } => (self.before + from..=self.after + to).contains(&found),
        }
    }
}

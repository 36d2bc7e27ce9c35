//! When a cron expression is due in a time zone.
//!
//! The expression is matched against the clock on the wall by a library; what that clock does when it is put forward or back is decided here, as
//! Vixie cron does on Debian (docs/decisions/0032). The time zones are those that are compiled in.

use std::sync::LazyLock;

use chrono::{DateTime, Utc};
use croner::Cron as Pattern;
use croner::parser::{CronParser, Seconds, Year};
use jiff::Timestamp;
use jiff::civil;
use jiff::tz::{AmbiguousOffset, TimeZone, TimeZoneDatabase};

/// The longest expression, in characters.
pub(super) const MAX_CRON_CHARS: usize = 200;

static ZONES: LazyLock<TimeZoneDatabase> = LazyLock::new(TimeZoneDatabase::bundled);

/// Why there are no times.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum CronError {
    /// The expression cannot be read.
    #[error("{0}")]
    Expression(String),
    /// There is no such time zone.
    #[error("is no time zone of the IANA database: Europe/Berlin and UTC are some")]
    TimeZone,
}

/// The times of a cron expression in a time zone. All of them are whole minutes.
#[derive(Clone, Debug)]
pub struct Cron {
    pattern: Pattern,
    zone: TimeZone,
    /// Whether its minute or its hour is written with a `*`: it means every so often, rather than at a time of day.
    is_interval: bool,
}

impl Cron {
    /// Reads a cron expression of five fields, and the name of a time zone.
    ///
    /// # Errors
    /// [`CronError`].
    pub fn parse(expression: &str, time_zone: &str) -> Result<Self, CronError> {
        let fault = CronError::Expression;
        if expression.chars().count() > MAX_CRON_CHARS {
            return Err(fault(format!("must have at most {MAX_CRON_CHARS} characters")));
        }
        let fields: Vec<_> = expression.split_whitespace().collect();
        let [minute, hour, ..] = fields[..] else { return Err(fault(five(fields.len()))) };
        // The library would take others too, seconds and words such as @daily among them.
        if fields.len() != 5 {
            return Err(fault(five(fields.len())));
        }
        // And this, which it passes over.
        if fields.iter().any(|field| field.split(',').any(str::is_empty)) {
            return Err(fault("has a list with nothing between two commas".to_owned()));
        }
        let parser = CronParser::builder().seconds(Seconds::Disallowed).year(Year::Disallowed).build();
        let pattern = parser.parse(expression).map_err(|error| fault(format!("cannot be read: {error}")))?;
        let is_interval = minute.contains('*') || hour.contains('*');
        let zone = ZONES.get(time_zone).map_err(|_| CronError::TimeZone)?;
        // A name without an entry, which stands for a zone that nobody knows.
        if zone.is_unknown() {
            return Err(CronError::TimeZone);
        }
        Ok(Self { pattern, zone, is_interval })
    }

    /// The name of the time zone, as the IANA database writes it.
    pub fn time_zone(&self) -> &str {
        self.zone.iana_name().unwrap_or("UTC")
    }

    /// The first time after `after`. None: there is none before the year 5000.
    pub fn next(&self, after: DateTime<Utc>) -> Option<DateTime<Utc>> {
        let after = Timestamp::from_second(after.timestamp()).ok()?;
        let next = if self.is_interval { self.next_elapsed(after) } else { self.next_of_day(after) };
        DateTime::from_timestamp_secs(next?.as_second())
    }

    /// Times of day: each comes once. One that the clock passes over comes when it does so, and several of them together then; one that the clock
    /// shows twice comes the first time.
    fn next_of_day(&self, after: Timestamp) -> Option<Timestamp> {
        let mut wall = self.zone.to_datetime(after);
        loop {
            wall = self.pattern.find_next_occurrence(&wall, false).ok()?;
            let time = self.first(wall)?;
            if time > after {
                return Some(time);
            }
        }
    }

    /// When the clock shows `wall` for the first time, or passes over it.
    fn first(&self, wall: civil::DateTime) -> Option<Timestamp> {
        match self.zone.to_ambiguous_timestamp(wall).offset() {
            AmbiguousOffset::Unambiguous { offset } => offset.to_timestamp(wall).ok(),
            AmbiguousOffset::Fold { before, .. } => before.to_timestamp(wall).ok(),
            AmbiguousOffset::Gap { before, .. } => {
                // A clock that nobody puts forward shows it a little after the change.
                let later = before.to_timestamp(wall).ok()?;
                let change =
                    self.zone.preceding(later.checked_add(jiff::SignedDuration::from_secs(1)).ok()?).next();
                change.map(|change| change.timestamp())
            }
        }
    }

    /// Intervals: whatever the clock shows, as often as it does so.
    fn next_elapsed(&self, after: Timestamp) -> Option<Timestamp> {
        let (mut from, mut inclusive) = (after, false);
        loop {
            let offset = self.zone.to_offset(from);
            let wall = self.pattern.find_next_occurrence(&offset.to_datetime(from), inclusive).ok()?;
            let time = offset.to_timestamp(wall).ok()?;
            match self.zone.following(from).next() {
                // Before that the clock is put forward or back: what it shows from then on counts.
                Some(change) if change.timestamp() <= time => (from, inclusive) = (change.timestamp(), true),
                Some(_) | None => return Some(time),
            }
        }
    }
}

fn five(fields: usize) -> String {
    format!("must have five fields, minute, hour, day of month, month and day of week, has {fields}")
}

#[cfg(test)]
mod tests;

//! Which of a schedule's times get a run now, and when it is due next.

use chrono::{DateTime, TimeDelta, Utc};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use super::cron::Cron;

/// A time that has passed this long ago without a run was missed. Until then it is merely late: the sweep comes within a minute or two.
pub(super) const LATE: TimeDelta = TimeDelta::minutes(5);
/// What was missed longer ago than this is not made up for.
pub(super) const REACH: TimeDelta = TimeDelta::days(7);
/// Runs of one schedule that are created at once. Where more are due, the next sweep goes on.
pub(super) const AT_ONCE: usize = 100;
/// How far the search for the last time before another one goes back at first, and then: so that it need not go through all of them.
const WINDOWS: [TimeDelta; 4] =
    [TimeDelta::hours(1), TimeDelta::days(1), TimeDelta::days(32), TimeDelta::days(366)];

/// What becomes of times that were missed: that passed more than five minutes ago, and have no run.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, ToSchema, sqlx::Type)]
#[serde(rename_all = "lowercase")]
#[sqlx(type_name = "text", rename_all = "lowercase")]
pub enum MissedRuns {
    /// Nothing.
    Skip,
    /// The last of them gets a run, unless a later time is due by now.
    #[default]
    Latest,
    /// Each of the last seven days gets a run, the oldest first.
    All,
}

impl MissedRuns {
    /// Each of them.
    pub const ALL: [Self; 3] = [Self::Skip, Self::Latest, Self::All];

    /// As in SQL and JSON.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Skip => "skip",
            Self::Latest => "latest",
            Self::All => "all",
        }
    }
}

/// The times of a schedule: those of its cron expression between two bounds, which belong to it.
#[derive(Clone, Debug)]
pub(super) struct Times {
    pub(super) cron: Cron,
    pub(super) starts_at: Option<DateTime<Utc>>,
    pub(super) ends_at: Option<DateTime<Utc>>,
}

/// What is to be done about a schedule that is due.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Due {
    /// Times that get a run, the oldest first.
    pub(super) times: Vec<DateTime<Utc>>,
    /// The first time that was not dealt with. It has passed already if there are more than can be dealt with at once.
    pub(super) next: Option<DateTime<Utc>>,
    /// Whether times were passed over.
    pub(super) passes_over: bool,
}

impl Times {
    /// The first time after `after`.
    pub(super) fn next(&self, after: DateTime<Utc>) -> Option<DateTime<Utc>> {
        // All times are whole seconds: this second is the last one before the first that counts.
        let before_start = self.starts_at.map(|starts_at| starts_at - TimeDelta::microseconds(1));
        let next = self.cron.next(before_start.map_or(after, |before| before.max(after)))?;
        self.ends_at.is_none_or(|ends_at| next <= ends_at).then_some(next)
    }

    /// The first time that was not dealt with, of a schedule that is due at `next_due_at`. That is one of its times, of then if its rules have changed since: but
    /// all of them are whole minutes, and what is none says when to look again, and no more.
    pub(super) fn first(&self, next_due_at: DateTime<Utc>) -> Option<DateTime<Utc>> {
        if next_due_at.timestamp_micros() % 60_000_000 == 0 {
            Some(next_due_at)
        } else {
            self.next(next_due_at)
        }
    }

    /// The times from `first` on, which is one of them.
    pub(super) fn from(&self, first: Option<DateTime<Utc>>) -> impl Iterator<Item = DateTime<Utc>> {
        std::iter::successors(first, |time| self.next(*time))
    }

    /// What is due at `now`, of a schedule that is due at `next_due_at`.
    pub(super) fn due(&self, next_due_at: DateTime<Utc>, missed: MissedRuns, now: DateTime<Utc>) -> Due {
        let next = self.first(next_due_at);
        let Some(first) = next.filter(|first| *first <= now) else {
            return Due { times: Vec::new(), next, passes_over: false };
        };
        let reach = match missed {
            MissedRuns::Skip | MissedRuns::Latest => LATE,
            MissedRuns::All => REACH,
        };
        let from = if first > now - reach { Some(first) } else { self.next(now - reach) };
        let mut times: Vec<_> = self.from(from).take_while(|time| *time <= now).take(AT_ONCE).collect();
        if times.is_empty() && missed == MissedRuns::Latest {
            times.push(self.last(first, now));
        }
        let next = self.next(if times.len() == AT_ONCE { times[AT_ONCE - 1] } else { now });
        let passes_over = times.first() != Some(&first);
        Due { times, next, passes_over }
    }

    /// The last time that is not after `now`; `first` is one.
    fn last(&self, first: DateTime<Utc>, now: DateTime<Utc>) -> DateTime<Utc> {
        let begins = WINDOWS.map(|window| now - window).into_iter().filter(|begin| *begin > first);
        let within = |from| self.from(from).take_while(|time| *time <= now).last();
        begins
            .filter_map(|begin| within(self.next(begin)))
            .next()
            .or_else(|| within(Some(first)))
            .unwrap_or(first)
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn at(text: &str) -> DateTime<Utc> {
        format!("2026-05-04T{text}:00Z").parse().unwrap()
    }

    fn times(cron: &str) -> Times {
        times_in(cron, "UTC")
    }

    fn times_in(cron: &str, zone: &str) -> Times {
        Times { cron: Cron::parse(cron, zone).unwrap(), starts_at: None, ends_at: None }
    }

    /// A zone, and half a day before its clock is put forward or back.
    const CHANGES: [(&str, &str); 5] = [
        ("UTC", "2026-05-04T00:00:00Z"),
        ("Europe/Berlin", "2026-03-28T12:00:00Z"),
        ("Europe/Berlin", "2026-10-24T12:00:00Z"),
        ("Australia/Lord_Howe", "2026-04-04T03:00:00Z"),
        ("Australia/Lord_Howe", "2026-10-03T03:00:00Z"),
    ];

    #[test]
    fn what_was_missed_in_the_night_of_a_change_is_as_what_was_missed_in_any_other() {
        let utc = |text: &str| -> DateTime<Utc> { text.parse().unwrap() };
        let (saturday, monday) = (utc("2026-03-28T01:30:00Z"), utc("2026-03-30T00:30:00Z"));
        // 02:30 is passed over on Sunday: it comes at 03:00, which is 01:00 of UTC. On Monday half an hour is gone since 02:30.
        let sunday = utc("2026-03-29T01:00:00Z");
        let nightly = times_in("30 2 * * *", "Europe/Berlin");
        for (missed, expected) in [
            (MissedRuns::Skip, vec![]),
            (MissedRuns::Latest, vec![monday]),
            (MissedRuns::All, vec![saturday, sunday, monday]),
        ] {
            let due = nightly.due(saturday, missed, monday + TimeDelta::minutes(30));
            assert_eq!((due.times, due.next), (expected, Some(utc("2026-03-31T00:30:00Z"))), "{missed:?}");
        }
        // An hour that is shown twice is one time of day, and two of an interval.
        let begin = utc("2026-10-25T00:00:00Z");
        let now = begin + TimeDelta::hours(3);
        for (cron, expected) in
            [("30 2 * * *", vec![30]), ("0,30 2 * * *", vec![0, 30]), ("30 * * * *", vec![30, 90, 150])]
        {
            let times = times_in(cron, "Europe/Berlin");
            let first = times.next(begin - TimeDelta::seconds(1)).unwrap();
            let expected: Vec<_> =
                expected.into_iter().map(|minutes| begin + TimeDelta::minutes(minutes)).collect();
            assert_eq!(times.due(first, MissedRuns::All, now).times, expected, "{cron}");
        }
    }

    #[test]
    fn what_is_late_gets_its_run_whatever_becomes_of_what_was_missed() {
        for missed in MissedRuns::ALL {
            let due = times("* * * * *").due(at("12:00"), missed, at("12:02"));
            assert_eq!(due.times, [at("12:00"), at("12:01"), at("12:02")], "{missed:?}");
            assert_eq!((due.next, due.passes_over), (Some(at("12:03")), false));
        }
    }

    #[test]
    fn what_was_missed_is_skipped_or_the_latest_of_it_runs_or_all_of_it() {
        let hourly = times("0 * * * *");
        let due = |missed| hourly.due(at("06:00"), missed, at("09:30"));
        let next = Some(at("10:00"));
        assert_eq!(due(MissedRuns::Skip), Due { times: vec![], next, passes_over: true });
        assert_eq!(due(MissedRuns::Latest), Due { times: vec![at("09:00")], next, passes_over: true });
        let all = vec![at("06:00"), at("07:00"), at("08:00"), at("09:00")];
        assert_eq!(due(MissedRuns::All), Due { times: all, next, passes_over: false });
        // The latest is due by now: what was missed before it is passed over.
        let due = hourly.due(at("06:00"), MissedRuns::Latest, at("09:04"));
        assert_eq!(due, Due { times: vec![at("09:00")], next, passes_over: true });
    }

    #[test]
    fn all_goes_back_seven_days_and_takes_a_hundred_at_once() {
        let now = at("12:00");
        let minutely = times("* * * * *");
        let mut first = now - TimeDelta::days(30);
        let mut made = Vec::new();
        loop {
            let due = minutely.due(first, MissedRuns::All, now);
            assert!(due.times.len() <= 100);
            assert_eq!(due.passes_over, made.is_empty(), "only the first time");
            made.extend(due.times);
            first = due.next.unwrap();
            if first > now {
                break;
            }
        }
        let expected: Vec<_> =
            (1..=7 * 24 * 60).map(|minute| now - REACH + TimeDelta::minutes(minute)).collect();
        assert_eq!(made, expected);
    }

    #[test]
    fn what_is_no_whole_minute_says_when_to_look_again_and_is_no_time() {
        let hourly = times("0 * * * *");
        let looked = at("12:23") + TimeDelta::microseconds(1);
        let nothing = Due { times: vec![], next: Some(at("13:00")), passes_over: false };
        for missed in MissedRuns::ALL {
            assert_eq!(hourly.due(looked, missed, at("12:59")), nothing, "{missed:?}");
            let due = hourly.due(looked, missed, at("13:01"));
            assert_eq!(due, Due { times: vec![at("13:00")], next: Some(at("14:00")), passes_over: false });
        }
        // A time of rules that have changed since is one that was promised.
        let promised = hourly.due(at("12:30"), MissedRuns::Skip, at("12:31"));
        assert_eq!(promised.times, [at("12:30")]);
    }

    #[test]
    fn the_bounds_belong_to_the_times() {
        let bounded =
            Times { starts_at: Some(at("10:00")), ends_at: Some(at("12:00")), ..times("0 * * * *") };
        let all: Vec<_> = bounded.from(bounded.next(at("00:00"))).collect();
        assert_eq!(all, [at("10:00"), at("11:00"), at("12:00")]);
        let due = bounded.due(at("12:00"), MissedRuns::Latest, at("20:00"));
        assert_eq!(due, Due { times: vec![at("12:00")], next: None, passes_over: false });
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(64))]

        /// Whenever the sweep comes: with `all`, each time has one run; else, none has two, and each that is not missed has one.
        #[test]
        fn each_time_runs_once_however_the_sweeps_come(
            cron in proptest::sample::select(
                &["* * * * *", "*/7 * * * *", "0 * * * *", "30 4,16 * * *", "0 0 * * 1", "30 2 * * *", "0,30 2 * * *"]),
            (zone, begin) in proptest::sample::select(&CHANGES),
            missed in proptest::sample::select(&MissedRuns::ALL),
            waits in proptest::collection::vec(prop_oneof![1..120_i64, 60..20_000_i64, 10_000..100_000_i64], 1..15),
        ) {
            let times = times_in(cron, zone);
            let begin: DateTime<Utc> = begin.parse().unwrap();
            let (mut now, mut next) = (begin, times.next(begin).unwrap());
            let (mut made, mut sweeps) = (Vec::new(), vec![begin]);
            for wait in waits {
                now += TimeDelta::seconds(wait);
                sweeps.push(now);
                while next <= now {
                    let due = times.due(next, missed, now);
                    prop_assert!(due.next.unwrap() > next);
                    made.extend(due.times);
                    next = due.next.unwrap();
                }
            }
            let all: Vec<_> = times.from(times.next(begin)).take_while(|time| *time <= now).collect();
            prop_assert!(made.is_sorted() && made.windows(2).all(|two| two[0] != two[1]), "{:?}", made);
            prop_assert!(made.iter().all(|time| all.contains(time)));
            let in_time = |time: &DateTime<Utc>| {
                let sweep = sweeps.iter().find(|sweep| *sweep >= time).unwrap();
                *sweep - *time < LATE
            };
            for time in &all {
                if missed == MissedRuns::All || in_time(time) {
                    prop_assert!(made.contains(time), "{} of {}", time, cron);
                } else if missed == MissedRuns::Skip {
                    prop_assert!(!made.contains(time), "{} of {}", time, cron);
                }
            }
            // Of those that one sweep finds to be missed, the last one, unless a later one is due.
            if missed == MissedRuns::Latest {
                for sweep in sweeps.windows(2) {
                    let last = all.iter().rfind(|time| **time > sweep[0] && **time <= sweep[1]);
                    prop_assert!(last.is_none_or(|last| made.contains(last)), "{:?} of {}", last, cron);
                }
            }
        }
    }
}

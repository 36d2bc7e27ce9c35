//! Times against what the clocks of the zones did, and against a clock that is looked at each minute.

use std::collections::BTreeSet;

use chrono::TimeDelta;
use proptest::prelude::*;

use super::*;

fn at(text: &str) -> DateTime<Utc> {
    text.parse().unwrap()
}

/// The next `count` times after `after`, as the wall shows them.
fn times(expression: &str, zone: &str, after: &str, count: usize) -> Vec<String> {
    let cron = Cron::parse(expression, zone).unwrap();
    std::iter::successors(cron.next(at(after)), |time| cron.next(*time))
        .take(count)
        .map(|time| {
            let time = Timestamp::from_second(time.timestamp()).unwrap().to_zoned(cron.zone.clone());
            time.strftime("%m-%d %H:%M %:z").to_string()
        })
        .collect()
}

#[test]
fn a_time_of_day_that_the_clock_passes_over_comes_right_after_it() {
    // New York, 8 March 2026: after 01:59 -05:00 comes 03:00 -04:00.
    assert_eq!(
        times("30 2 * * *", "America/New_York", "2026-03-07T00:00:00Z", 3),
        ["03-07 02:30 -05:00", "03-08 03:00 -04:00", "03-09 02:30 -04:00"]
    );
    // Several of them come together, also with one that is due then anyway.
    assert_eq!(
        times("0,30 2,3 * * *", "America/New_York", "2026-03-08T05:00:00Z", 3),
        ["03-08 03:00 -04:00", "03-08 03:30 -04:00", "03-09 02:00 -04:00"]
    );
}

#[test]
fn a_time_of_day_that_the_clock_shows_twice_comes_the_first_time() {
    // New York, 1 November 2026: after 01:59 -04:00 comes 01:00 -05:00.
    assert_eq!(
        times("30 1 * * *", "America/New_York", "2026-10-31T06:00:00Z", 3),
        ["11-01 01:30 -04:00", "11-02 01:30 -05:00", "11-03 01:30 -05:00"]
    );
    assert_eq!(
        times("15,45 1,2 * * *", "America/New_York", "2026-11-01T04:00:00Z", 4),
        ["11-01 01:15 -04:00", "11-01 01:45 -04:00", "11-01 02:15 -05:00", "11-01 02:45 -05:00"]
    );
    // Asked in the hour that is repeated.
    assert_eq!(times("30 1 * * *", "America/New_York", "2026-11-01T06:10:00Z", 1), ["11-02 01:30 -05:00"]);
}

#[test]
fn an_interval_goes_by_the_time_that_passes() {
    assert_eq!(
        times("*/30 * * * *", "Europe/Berlin", "2026-03-29T00:15:00Z", 4),
        ["03-29 01:30 +01:00", "03-29 03:00 +02:00", "03-29 03:30 +02:00", "03-29 04:00 +02:00"]
    );
    assert_eq!(
        times("*/30 * * * *", "Europe/Berlin", "2026-10-25T00:15:00Z", 5),
        [
            "10-25 02:30 +02:00",
            "10-25 02:00 +01:00",
            "10-25 02:30 +01:00",
            "10-25 03:00 +01:00",
            "10-25 03:30 +01:00"
        ]
    );
    // The hour that is passed over has no such minutes; the one that is repeated has them twice.
    assert_eq!(times("*/30 2 * * *", "Europe/Berlin", "2026-03-28T12:00:00Z", 1), ["03-30 02:00 +02:00"]);
    assert_eq!(
        times("*/30 2 * * *", "Europe/Berlin", "2026-10-24T12:00:00Z", 5),
        [
            "10-25 02:00 +02:00",
            "10-25 02:30 +02:00",
            "10-25 02:00 +01:00",
            "10-25 02:30 +01:00",
            "10-26 02:00 +01:00"
        ]
    );
}

#[test]
fn half_an_hour_is_a_change_too() {
    // Lord Howe, 5 April 2026: after 01:59 +11:00 comes 01:30 +10:30. 4 October 2026: after 01:59 +10:30 comes 02:30 +11:00.
    assert_eq!(
        times("45 1 * * *", "Australia/Lord_Howe", "2026-04-04T00:00:00Z", 2),
        ["04-05 01:45 +11:00", "04-06 01:45 +10:30"]
    );
    assert_eq!(
        times("15 2 * * *", "Australia/Lord_Howe", "2026-10-03T00:00:00Z", 2),
        ["10-04 02:30 +11:00", "10-05 02:15 +11:00"]
    );
    assert_eq!(
        times("*/15 * * * *", "Australia/Lord_Howe", "2026-04-04T14:40:00Z", 4),
        ["04-05 01:45 +11:00", "04-05 01:30 +10:30", "04-05 01:45 +10:30", "04-05 02:00 +10:30"]
    );
}

#[test]
fn nightly_half_hourly_and_hourly_on_the_nights_of_both_changes() {
    let berlin = ("Europe/Berlin", "2026-03-28T12:00:00Z", "2026-10-24T12:00:00Z");
    let lord_howe = ("Australia/Lord_Howe", "2026-10-03T03:00:00Z", "2026-04-04T03:00:00Z");
    // Forward: after 01:59 comes 03:00 in Berlin, 02:30 on Lord Howe. Back: after 02:59 comes 02:00, after 01:59 comes 01:30.
    for ((zone, forward, back), expression, expected) in [
        (
            berlin,
            "30 2 * * *",
            ["03-29 03:00 +02:00", "03-30 02:30 +02:00", "10-25 02:30 +02:00", "10-26 02:30 +01:00"],
        ),
        (
            berlin,
            "0,30 2 * * *",
            ["03-29 03:00 +02:00", "03-30 02:00 +02:00", "10-25 02:00 +02:00", "10-25 02:30 +02:00"],
        ),
        (
            lord_howe,
            "30 2 * * *",
            ["10-04 02:30 +11:00", "10-05 02:30 +11:00", "04-05 02:30 +10:30", "04-06 02:30 +10:30"],
        ),
        (
            lord_howe,
            "0,30 2 * * *",
            ["10-04 02:30 +11:00", "10-05 02:00 +11:00", "04-05 02:00 +10:30", "04-05 02:30 +10:30"],
        ),
        (
            lord_howe,
            "40 1 * * *",
            ["10-04 01:40 +10:30", "10-05 01:40 +11:00", "04-05 01:40 +11:00", "04-06 01:40 +10:30"],
        ),
    ] {
        let found = [times(expression, zone, forward, 2), times(expression, zone, back, 2)].concat();
        assert_eq!(found, expected, "{expression} in {zone}");
    }
    // Hourly goes by what passes: each hour of Berlin once, twice the one that is shown twice; on Lord Howe no time comes twice.
    assert_eq!(
        times("0 * * * *", "Europe/Berlin", "2026-03-28T23:30:00Z", 3),
        ["03-29 01:00 +01:00", "03-29 03:00 +02:00", "03-29 04:00 +02:00"]
    );
    assert_eq!(
        times("0 * * * *", "Europe/Berlin", "2026-10-24T23:30:00Z", 3),
        ["10-25 02:00 +02:00", "10-25 02:00 +01:00", "10-25 03:00 +01:00"]
    );
    assert_eq!(
        times("0 * * * *", "Australia/Lord_Howe", "2026-10-03T14:00:00Z", 3),
        ["10-04 01:00 +10:30", "10-04 03:00 +11:00", "10-04 04:00 +11:00"]
    );
    assert_eq!(
        times("45 * * * *", "Australia/Lord_Howe", "2026-04-04T14:00:00Z", 3),
        ["04-05 01:45 +11:00", "04-05 01:45 +10:30", "04-05 02:45 +10:30"]
    );
}

#[test]
fn a_day_may_begin_at_one() {
    // Santiago, 6 September 2026: after 23:59 -04:00 comes 01:00 -03:00. 4 April 2026: after 23:59 -03:00 comes 23:00 -04:00.
    assert_eq!(
        times("0 0 * * *", "America/Santiago", "2026-09-05T12:00:00Z", 2),
        ["09-06 01:00 -03:00", "09-07 00:00 -03:00"]
    );
    assert_eq!(
        times("30 23 * * *", "America/Santiago", "2026-04-04T12:00:00Z", 2),
        ["04-04 23:30 -03:00", "04-05 23:30 -04:00"]
    );
    // Beirut, 29 March 2026, at midnight; the first hour of a Sunday that has none.
    assert_eq!(
        times("15 0 * * 0", "Asia/Beirut", "2026-03-28T12:00:00Z", 2),
        ["03-29 01:00 +03:00", "04-05 00:15 +03:00"]
    );
}

#[test]
fn a_day_that_a_place_never_had_is_a_time_that_was_passed_over() {
    // Apia went from 29 to 31 December 2011.
    assert_eq!(
        times("0 9 * * *", "Pacific/Apia", "2011-12-29T12:00:00Z", 3),
        ["12-29 09:00 -10:00", "12-31 00:00 +14:00", "12-31 09:00 +14:00"]
    );
}

#[test]
fn the_dialect_is_that_of_the_document() {
    let days =
        |expression| times(expression, "UTC", "2026-01-01T00:00:00Z", 3).join(", ").replace(" +00:00", "");
    assert_eq!(days("0 6 1,15 * *"), "01-01 06:00, 01-15 06:00, 02-01 06:00");
    assert_eq!(days("0 6 * * MON-FRI"), "01-01 06:00, 01-02 06:00, 01-05 06:00");
    assert_eq!(days("0 6 * feb,MAR 7"), "02-01 06:00, 02-08 06:00, 02-15 06:00");
    assert_eq!(days("5-7 0 * * *"), "01-01 00:05, 01-01 00:06, 01-01 00:07");
    assert_eq!(days("0 0-23/8 * * *"), "01-01 08:00, 01-01 16:00, 01-02 00:00");
    // Both days are named: either will do.
    assert_eq!(days("0 6 13 * FRI"), "01-02 06:00, 01-09 06:00, 01-13 06:00");
    assert_eq!(days("0 6 L * *"), "01-31 06:00, 02-28 06:00, 03-31 06:00");
    assert_eq!(days("0 6 1W * *"), "01-01 06:00, 02-02 06:00, 03-02 06:00");
    assert_eq!(days("0 6 * * MON#1"), "01-05 06:00, 02-02 06:00, 03-02 06:00");
    assert_eq!(days("0 6 29 2 *"), "02-29 06:00, 02-29 06:00, 02-29 06:00");
}

#[test]
fn what_is_no_expression_is_refused() {
    for expression in [
        "",
        "@daily",
        "* * * *",
        "0 * * * * *",
        "0 0 1 1 * 2027",
        "60 * * * *",
        "* 24 * * *",
        "* * 0 * *",
        "* * * 13 *",
        "* * * * 8",
        "a * * * *",
        "*/0 * * * *",
        "5/10 * * * *",
        "10-5 * * * *",
        "-1 * * * *",
        "1,, * * * *",
    ] {
        let error = Cron::parse(expression, "UTC").unwrap_err();
        assert!(matches!(error, CronError::Expression(_)), "{expression}: {error:?}");
    }
    assert!(Cron::parse(&format!("{} * * * *", "1,".repeat(100)), "UTC").is_err());
    for zone in ["", "Mars/Olympus", "Etc/Unknown", "+02:00", "../etc/passwd", "Europe/Berlin "] {
        assert_eq!(Cron::parse("* * * * *", zone).unwrap_err(), CronError::TimeZone, "{zone}");
    }
}

#[test]
fn a_time_zone_is_called_as_the_database_writes_it() {
    for (given, written) in [
        ("europe/berlin", "Europe/Berlin"),
        ("UTC", "UTC"),
        ("utc", "UTC"),
        ("Asia/Calcutta", "Asia/Calcutta"),
    ] {
        assert_eq!(Cron::parse("* * * * *", given).unwrap().time_zone(), written);
    }
}

#[test]
fn what_never_comes_is_told_soon() {
    let started = std::time::Instant::now();
    for expression in ["0 0 30 2 *", "* * 31 4,6,9,11 *", "0 */2 31 2 *"] {
        let cron = Cron::parse(expression, "America/New_York").unwrap();
        assert_eq!(cron.next(at("2026-01-01T00:00:00Z")), None, "{expression}");
    }
    assert!(started.elapsed().as_secs() < 30, "{:?}", started.elapsed());
}

const ZONES_WITH_CHANGES: [&str; 10] = [
    "UTC",
    "Europe/Berlin",
    "America/New_York",
    "Australia/Lord_Howe",
    "America/Santiago",
    "Asia/Beirut",
    "Africa/Casablanca",
    "Antarctica/Troll",
    "Asia/Kathmandu",
    "America/St_Johns",
];

fn field(max: u32, min: u32) -> impl Strategy<Value = String> {
    let number = min..=max;
    prop_oneof![
        3 => Just("*".to_owned()),
        2 => number.clone().prop_map(|n| n.to_string()),
        1 => (number.clone(), number.clone()).prop_map(|(a, b)| format!("{a},{b}")),
        1 => (number.clone(), number).prop_map(|(a, b)| format!("{}-{}", a.min(b), a.max(b))),
        1 => (1..max).prop_map(|step| format!("*/{step}")),
    ]
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(300))]

    /// A clock is looked at each minute for three days around one of its changes, or any others.
    #[test]
    fn no_time_is_left_out_and_none_comes_twice(
        minute in field(59, 0), hour in field(23, 0), day in field(28, 1), weekday in field(6, 0),
        zone in proptest::sample::select(&ZONES_WITH_CHANGES), from in 1_767_225_600_i64..1_830_297_600, at_change: bool,
    ) {
        let expression = format!("{minute} {hour} {day} * {weekday}");
        let cron = Cron::parse(&expression, zone).unwrap();
        let mut begin = Timestamp::from_second(from - from % 60).unwrap();
        if at_change && let Some(change) = cron.zone.following(begin).next() {
            begin = change.timestamp() - jiff::SignedDuration::from_hours(36);
        }
        // A day before, since at its beginning the clock may be in an hour that it shows for the second time.
        let minutes = (-24 * 60..3 * 24 * 60).map(|minute| begin + jiff::SignedDuration::from_mins(minute));

        // What the clock shows, and what it has passed over, minute by minute.
        let matches = |wall: civil::DateTime| cron.pattern.is_time_matching(&wall).unwrap();
        let mut expected = BTreeSet::new();
        let mut seen: Option<civil::DateTime> = None;
        for time in minutes {
            let wall = cron.zone.to_datetime(time);
            if cron.is_interval {
                if matches(wall) {
                    expected.insert(time);
                }
                continue;
            }
            // The furthest that the clock has shown: from there on, each minute counts once.
            let mut next = match seen {
                Some(seen) => seen + jiff::SignedDuration::from_mins(1),
                None => wall,
            };
            while next <= wall {
                if matches(next) {
                    expected.insert(time);
                }
                next += jiff::SignedDuration::from_mins(1);
            }
            seen = seen.max(Some(wall));
        }

        let chrono = |time: Timestamp| DateTime::<Utc>::from_timestamp_secs(time.as_second()).unwrap();
        let before = chrono(begin) - TimeDelta::seconds(1);
        let end = chrono(begin) + TimeDelta::days(3);
        let found: Vec<_> = std::iter::successors(cron.next(before), |time| cron.next(*time)).take_while(|time| *time < end).collect();
        let expected: Vec<_> = expected.into_iter().filter(|time| *time >= begin).map(chrono).collect();
        prop_assert_eq!(found, expected, "{} in {}", expression, zone);
    }

    #[test]
    fn the_next_time_is_later_and_the_same_from_anywhere_before_it(
        minute in field(59, 0), hour in field(23, 0), weekday in field(6, 0),
        zone in proptest::sample::select(&ZONES_WITH_CHANGES), from in 1_767_225_600_i64..1_830_297_600, part in 0.0..1.0_f64,
    ) {
        let cron = Cron::parse(&format!("{minute} {hour} * * {weekday}"), zone).unwrap();
        let from = DateTime::from_timestamp_secs(from).unwrap();
        let next = cron.next(from).unwrap();
        prop_assert!(next > from);
        prop_assert_eq!(next.timestamp() % 60, 0);
        let between = from + TimeDelta::seconds(((next - from).num_seconds() as f64 * part) as i64);
        prop_assert_eq!(cron.next(between).unwrap(), next);
    }
}

//! Texts of others, for a terminal.

use chrono::{DateTime, SecondsFormat, TimeDelta, Utc};
use serde_json::Value;

/// A text without what would steer a terminal or turn its writing around: names and messages are a stranger's.
pub fn plain(text: &str) -> String {
    let mut shown = String::with_capacity(text.len());
    for line in text.split_inclusive('\n') {
        let (line, end) = line.strip_suffix('\n').map_or((line, ""), |line| (line, "\n"));
        for character in line.chars() {
            if steers(character) { shown.extend(character.escape_default()) } else { shown.push(character) }
        }
        shown.push_str(end);
    }
    shown
}

/// Control characters, and those that change the direction of writing.
fn steers(character: char) -> bool {
    character.is_control()
        || matches!(character, '\u{200e}' | '\u{200f}' | '\u{2028}'..='\u{202e}' | '\u{2066}'..='\u{2069}')
}

/// A time to the second, in UTC; what is no time as it is.
pub fn moment(text: &str) -> String {
    DateTime::parse_from_rfc3339(text).map_or_else(
        |_| plain(text),
        |time| time.with_timezone(&Utc).to_rfc3339_opts(SecondsFormat::Secs, true),
    )
}

/// A length of time as people say it: 40 ms, 3.2 s, 12 min 5 s, 2 h 3 min. One that is negative, as clocks have it, is none.
pub fn span(length: TimeDelta) -> String {
    let millis = length.num_milliseconds().max(0);
    match millis {
        0..1000 => format!("{millis} ms"),
        1000..59_950 => format!("{:.1} s", millis as f64 / 1000.0),
        59_950..3_600_000 => format!("{} min {} s", millis / 60_000, millis % 60_000 / 1000),
        _ => format!("{} h {} min", millis / 3_600_000, millis % 3_600_000 / 60_000),
    }
}

/// The field of an object as people read it: nothing for null, times to the second, JSON for what is no text.
pub(super) fn field(object: &Value, name: &str) -> String {
    match &object[name] {
        Value::Null => String::new(),
        Value::String(text) if is_time(name) => moment(text),
        Value::String(text) => plain(text),
        other => plain(&other.to_string()),
    }
}

/// Times go by their name: a version may be called after a day.
fn is_time(name: &str) -> bool {
    name.ends_with("_at") || matches!(name, "at" | "start_by")
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn nobodys_name_clears_the_screen() {
        assert_eq!(plain("a\u{1b}[2Jb\r\u{9b}c\u{202e}d"), "a\\u{1b}[2Jb\\r\\u{9b}c\\u{202e}d");
        assert_eq!(plain("one\ntwo ä 𝄞"), "one\ntwo ä 𝄞");
    }

    #[test]
    fn a_length_of_time_has_the_units_that_it_is_read_in() {
        let said = |millis| span(TimeDelta::milliseconds(millis));
        assert_eq!([said(-5), said(0), said(999)], ["0 ms", "0 ms", "999 ms"]);
        assert_eq!([said(1000), said(59_949), said(60_000)], ["1.0 s", "59.9 s", "1 min 0 s"]);
        assert_eq!(
            [said(3_599_999), said(3_600_000), said(90_000_000)],
            ["59 min 59 s", "1 h 0 min", "25 h 0 min"]
        );
    }

    #[test]
    fn fields_are_shown_by_what_they_are() {
        let object = json!({
            "created_at": "2026-11-23T11:40:48.587117Z", "version": "2026-11-23T11:40:48.587117Z", "n": 7, "none": null,
            "config": { "b": [1], "a": "x" }, "late_at": "soon"
        });
        assert_eq!(field(&object, "created_at"), "2026-11-23T11:40:48Z");
        assert_eq!(field(&object, "version"), "2026-11-23T11:40:48.587117Z");
        assert_eq!(field(&object, "n"), "7");
        assert_eq!(field(&object, "none"), "");
        assert_eq!(field(&object, "missing"), "");
        assert_eq!(field(&object, "config"), "{\"a\":\"x\",\"b\":[1]}");
        assert_eq!(field(&object, "late_at"), "soon");
    }
}

//! Ids, names and times of the old service as our columns take them.

use std::collections::HashSet;

use chrono::{DateTime, Datelike as _, Utc};
use uuid::Uuid;

use super::kind::Verdict;
use super::source::Raw;

/// A row as it is to be here, with what was changed to make it fit.
#[derive(Debug)]
pub(super) struct Fitted<R> {
    /// The row.
    pub row: R,
    /// One sentence for each value that was changed.
    pub changes: Vec<String>,
    /// Sentences about what was kept and is odd.
    pub warnings: Vec<String>,
}

/// A row of the source that cannot be here.
#[derive(Debug)]
pub(super) struct LeftOut {
    /// Its id as it stands there.
    pub id: String,
    /// Why, in a sentence.
    pub why: String,
}

/// What becomes of a row.
pub(super) type Fit<R> = Result<Fitted<R>, LeftOut>;

/// A UUID, whatever its letters' case.
///
/// # Errors
/// A sentence that names the column.
pub(super) fn uuid(column: &str, text: Option<&str>) -> Result<Uuid, String> {
    let text = text.ok_or_else(|| format!("{column} is null"))?;
    Uuid::try_parse(text.trim()).map_err(|_| format!("{column} {text:?} is no UUID"))
}

/// The row's own id.
///
/// # Errors
/// A sentence: it is no UUID, or another row has it in letters of another case.
pub(super) fn own_id(raw: &Raw, given_twice: &HashSet<String>) -> Result<Uuid, String> {
    let id = uuid("id", raw.get("id"))?;
    if given_twice.contains(&raw.id().to_lowercase()) {
        return Err("two rows have this id, in letters of different case".to_owned());
    }
    Ok(id)
}

/// A text of 1 to `max` characters that differs from others of its kind by the row's id where it was cut, was empty, or
/// `is_taken`. Returns what was changed.
pub(super) fn name(
    text: &str,
    max: usize,
    id: Uuid,
    is_taken: impl Fn(&str) -> bool,
) -> (String, Option<String>) {
    let chars = text.chars().count();
    let reason = match chars {
        0 => "is empty".to_owned(),
        chars if chars > max => format!("has {chars} characters, {max} fit"),
        _ if is_taken(text) => "is taken".to_owned(),
        _ => return (text.to_owned(), None),
    };
    let first_of_id: String = id.simple().to_string().chars().take(8).collect();
    let stem = if text.is_empty() { "unnamed" } else { text };
    let stem: String = stem.chars().take(max - 9).collect();
    let with_part = format!("{stem}-{first_of_id}");
    // Of two ids that begin alike in one place, the second is its own name.
    let name = if is_taken(&with_part) { id.to_string() } else { with_part };
    let change = format!("{text:?} {reason}: it is {name:?} here");
    (name, Some(change))
}

/// Whether `here` is what [`name`] made of `text`.
fn is_name_of(here: &str, text: &str, max: usize, id: Uuid) -> bool {
    here == text || here == name(text, max, id, |name| name == text).0 || here == id.to_string()
}

/// Names of one row on both sides. Nobody knows who changed theirs: ours stays.
pub(super) fn compare_names(there: &str, here: &str, max: usize, id: Uuid) -> Verdict {
    if is_name_of(here, there, max, id) {
        return Verdict::Same;
    }
    Verdict::Kept(format!("is called {there:?} there and {here:?} here: kept as it is here"))
}

/// The first `max` characters.
pub(super) fn cut(text: &str, max: usize) -> String {
    text.chars().take(max).collect()
}

/// A time as Postgres writes it in UTC. `None`: it is not in a year from 1 to 9999.
pub(super) fn time(text: &str) -> Option<DateTime<Utc>> {
    let time = DateTime::parse_from_str(text, "%Y-%m-%d %H:%M:%S%.f%#z").ok()?.to_utc();
    (1..=9999).contains(&time.year()).then_some(time)
}

/// A time that may be missing; one that cannot be kept counts as missing, and is told.
pub(super) fn optional_time(
    column: &str,
    text: Option<&str>,
    changes: &mut Vec<String>,
) -> Option<DateTime<Utc>> {
    let text = text?;
    let time = time(text);
    if time.is_none() {
        changes.push(format!("{column} {text} is not in a year from 1 to 9999: null here"));
    }
    time
}

/// When a row of the catalogue was created; where that is not known, 1970: the same in every import.
pub(super) fn created_at(text: Option<&str>, changes: &mut Vec<String>) -> DateTime<Utc> {
    optional_time("created_at", text, changes).unwrap_or_else(|| {
        changes.push("created_at is not known: 1970-01-01 here".to_owned());
        DateTime::UNIX_EPOCH
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    const ID: Uuid = Uuid::from_u128(0x3fa85f64_5717_4562_b3fc_2c963f66afa6);

    #[test]
    fn names_that_fit_stay_and_others_carry_their_id() {
        assert_eq!(name("1.0", 50, ID, |_| false), ("1.0".into(), None));
        let cases = [
            ("1.0", 50, "1.0-3fa85f64", "\"1.0\" is taken: it is \"1.0-3fa85f64\" here"),
            ("", 50, "unnamed-3fa85f64", "\"\" is empty: it is \"unnamed-3fa85f64\" here"),
            (
                "äääääääääää",
                10,
                "ä-3fa85f64",
                "\"äääääääääää\" has 11 characters, 10 fit: it is \"ä-3fa85f64\" here",
            ),
        ];
        for (text, max, expected, change) in cases {
            let (fitted, said) = name(text, max, ID, |name| name == text);
            assert_eq!((fitted.as_str(), said.as_deref()), (expected, Some(change)));
            assert!(is_name_of(expected, text, max, ID), "{text}");
        }
        assert_eq!(name("1.0", 50, ID, |name| name.starts_with("1.0")).0, ID.to_string());
        assert!(!is_name_of("other", "1.0", 50, ID));
    }

    #[test]
    fn times_are_read_as_postgres_writes_them_in_utc() {
        assert_eq!(
            time("2024-02-29 23:59:59.123456+00").unwrap().to_rfc3339(),
            "2024-02-29T23:59:59.123456+00:00"
        );
        assert_eq!(time("2024-02-29 23:59:59+00").unwrap().timestamp(), 1709251199);
        for odd in ["infinity", "-infinity", "0044-03-15 00:00:00+00 BC", "10000-01-01 00:00:00+00"] {
            assert_eq!(time(odd), None, "{odd}");
        }
    }

    #[test]
    fn ids_may_be_in_upper_case() {
        assert_eq!(uuid("id", Some("3FA85F64-5717-4562-B3FC-2C963F66AFA6")), Ok(ID));
        assert_eq!(uuid("id", Some("17")).unwrap_err(), "id \"17\" is no UUID");
        assert_eq!(uuid("tenant_id", None).unwrap_err(), "tenant_id is null");
    }
}

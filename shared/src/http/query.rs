//! The parameters of a query, each taken once; what is left over is a fault.

use std::str::FromStr;

use chrono::{DateTime, Utc};

use crate::problem::{FieldError, Problem};
use crate::runs::is_storable;

const NUL: &str = "must not contain the character NUL (\\u0000)";

/// The parameters of a query, and what was found wrong with them so far.
#[derive(Debug)]
pub struct Query {
    pairs: Vec<(String, String)>,
    faults: Vec<FieldError>,
}

impl Query {
    /// From names and values, decoded.
    pub fn new(pairs: Vec<(String, String)>) -> Self {
        Self { pairs, faults: Vec::new() }
    }

    /// Every value of a parameter that may be given several times.
    pub fn all(&mut self, name: &str) -> Vec<String> {
        self.take(|candidate| candidate == name).into_iter().map(|(_, value)| value).collect()
    }

    /// Every parameter whose name begins so, without that beginning. No NUL, which Postgres cannot store.
    pub fn prefixed(&mut self, prefix: &str) -> Vec<(String, String)> {
        let taken = self.take(|candidate| candidate.starts_with(prefix));
        for (name, value) in &taken {
            if name.contains('\0') || value.contains('\0') {
                self.fault(name, NUL);
            }
        }
        taken.into_iter().map(|(name, value)| (name[prefix.len()..].to_owned(), value)).collect()
    }

    /// A parameter that may be given once and is compared with what is stored: no NUL, which Postgres cannot store.
    pub fn stored_text(&mut self, name: &str) -> Option<String> {
        let text = self.text(name);
        if text.as_deref().is_some_and(|text| text.contains('\0')) {
            self.fault(name, NUL);
        }
        text
    }

    /// A parameter that may be given once.
    pub fn text(&mut self, name: &str) -> Option<String> {
        let mut values = self.all(name);
        if values.len() > 1 {
            self.fault(name, "may be given once");
        }
        values.pop()
    }

    /// A parameter of some type, `expected` in words.
    pub fn parsed<T: FromStr>(&mut self, name: &str, expected: &str) -> Option<T> {
        let parsed = self.text(name)?.parse::<T>();
        if parsed.is_err() {
            self.fault(name, &format!("must be {expected}"));
        }
        parsed.ok()
    }

    /// A time in RFC 3339.
    pub fn time(&mut self, name: &str) -> Option<DateTime<Utc>> {
        let time = self.parsed::<DateTime<Utc>>(name, "a time as in 2026-11-23T08:00:00Z (a + in it as %2B)");
        if time.is_some_and(|time| !is_storable(&time)) {
            self.fault(name, "must be in a year from 1 to 9999");
        }
        time
    }

    /// A whole number from `min` to `max`.
    pub fn number(&mut self, name: &str, min: i64, max: i64, default: i64) -> i64 {
        let expected = format!("a whole number from {min} to {max}");
        let value = self.parsed::<i64>(name, &expected).unwrap_or(default);
        if value < min || value > max {
            self.fault(name, &format!("must be {expected}"));
        }
        value
    }

    /// A fault of a parameter.
    pub fn fault(&mut self, name: &str, detail: &str) {
        self.faults.push(FieldError::new(pointer(name), detail));
    }

    /// No fault, and no parameter that nobody asked for.
    ///
    /// # Errors
    /// `invalid_field` with every fault.
    pub fn finish(mut self) -> Result<(), Problem> {
        for (name, _) in std::mem::take(&mut self.pairs) {
            self.fault(&name, "is not a parameter of this request");
        }
        if self.faults.is_empty() { Ok(()) } else { Err(Problem::invalid(self.faults)) }
    }

    fn take(&mut self, matches: impl Fn(&str) -> bool) -> Vec<(String, String)> {
        let (taken, rest) = std::mem::take(&mut self.pairs).into_iter().partition(|(name, _)| matches(name));
        self.pairs = rest;
        taken
    }
}

fn pointer(name: &str) -> String {
    format!("/{}", name.replace('~', "~0").replace('/', "~1"))
}

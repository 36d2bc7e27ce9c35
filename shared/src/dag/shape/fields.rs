//! Objects with known fields, and what may stand in these.

use serde_json::Value;

use crate::dag::at::At;
use crate::dag::faults::Faults;
use crate::dag::words::{a, list, meant, quoted, shown};

/// Says what is wrong with a value.
pub(super) type Check = fn(&Value, &At<'_>, &mut Faults);

/// A field of an object.
pub(super) struct Field {
    pub(super) name: &'static str,
    required: bool,
    check: Check,
}

/// A field that has to be there.
pub(super) const fn required(name: &'static str, check: Check) -> Field {
    Field { name, required: true, check }
}

/// A field that may be left out.
pub(super) const fn optional(name: &'static str, check: Check) -> Field {
    Field { name, required: false, check }
}

/// An object with these fields and no others. `what` it is, for the sentence about another one.
pub(super) fn object(value: &Value, at: &At<'_>, fields: &[Field], what: &str, faults: &mut Faults) {
    let Some(map) = value.as_object() else {
        return faults.add(at, format!("must be an object, is {}", a(value)));
    };
    for (name, value) in map {
        match fields.iter().find(|field| field.name == name) {
            Some(field) => (field.check)(value, &at.key(name), faults),
            None => faults.add(&at.key(name), unknown(name, fields, what)),
        }
        if faults.is_full() {
            return;
        }
    }
    for field in fields.iter().filter(|field| field.required && !map.contains_key(field.name)) {
        faults.add(&at.key(field.name), format!("is required in {what}"));
    }
}

fn unknown(name: &str, fields: &[Field], what: &str) -> String {
    let names = || fields.iter().map(|field| field.name);
    match meant(name, names()) {
        hint if hint.is_empty() => format!("is not a field of {what}, which has {}", list(names())),
        hint => format!("is not a field of {what}{hint}"),
    }
}

/// A string of `MIN` to `MAX` characters.
pub(super) fn text<const MIN: usize, const MAX: usize>(value: &Value, at: &At<'_>, faults: &mut Faults) {
    let Some(text) = value.as_str() else {
        return faults.add(at, format!("must be a string, is {}", a(value)));
    };
    let chars = text.chars().count();
    if chars < MIN {
        faults.add(at, "must not be empty");
    } else if chars > MAX {
        faults.add(at, format!("may have at most {MAX} characters, has {chars}"));
    }
}

/// A whole number from `MIN` to `MAX`, `3.0` included.
pub(super) fn integer<const MIN: u32, const MAX: u32>(value: &Value, at: &At<'_>, faults: &mut Faults) {
    let number = value.as_f64().filter(|number| number.fract() == 0.0);
    if !number.is_some_and(|number| (f64::from(MIN)..=f64::from(MAX)).contains(&number)) {
        faults.add(at, format!("must be a whole number from {MIN} to {MAX}, is {}", shown(value)));
    }
}

/// True or false.
pub(super) fn boolean(value: &Value, at: &At<'_>, faults: &mut Faults) {
    if !value.is_boolean() {
        faults.add(at, format!("must be true or false, is {}", a(value)));
    }
}

/// How long something waits: up to a day.
pub(super) fn seconds(value: &Value, at: &At<'_>, faults: &mut Faults) {
    if !value.as_f64().is_some_and(|seconds| seconds > 0.0 && seconds <= 86_400.0) {
        faults.add(
            at,
            format!("must be a number of seconds above 0, at most 86400 (a day), is {}", shown(value)),
        );
    }
}

/// By what a wait is multiplied from one attempt to the next.
pub(super) fn backoff_rate(value: &Value, at: &At<'_>, faults: &mut Faults) {
    if !value.as_f64().is_some_and(|rate| (1.0..=10.0).contains(&rate)) {
        faults.add(at, format!("must be a number from 1 to 10, is {}", shown(value)));
    }
}

/// One of these words.
pub(super) fn word(value: &Value, words: &[&str], at: &At<'_>, faults: &mut Faults) {
    let Some(text) = value.as_str() else {
        return faults.add(at, format!("must be one of {}, is {}", list(words.iter().copied()), a(value)));
    };
    if !words.contains(&text) {
        let hint = meant(text, words.iter().copied());
        faults.add(at, format!("must be one of {}, is {}{hint}", list(words.iter().copied()), quoted(text)));
    }
}

/// A list, each item as `check` says.
pub(super) fn items(value: &Value, check: Check, at: &At<'_>, faults: &mut Faults) {
    let Some(items) = value.as_array() else {
        return faults.add(at, format!("must be a list, is {}", a(value)));
    };
    for (index, item) in items.iter().enumerate() {
        if faults.is_full() {
            return;
        }
        check(item, &at.index(index), faults);
    }
}

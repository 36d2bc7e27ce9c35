//! Secrets taken out of whatever is kept or shown. What a step gives, or fails with, was made by somebody who had the secret: a service may send back
//! what it was sent.

use std::borrow::Cow;
use std::collections::BTreeSet;
use std::sync::{Arc, Mutex, PoisonError};

use aho_corasick::{AhoCorasick, MatchKind};
use base64::Engine as _;
use base64::prelude::{BASE64_STANDARD_NO_PAD, BASE64_URL_SAFE_NO_PAD};
use percent_encoding::{NON_ALPHANUMERIC, utf8_percent_encode};
use serde_json::{Map, Value};

use super::secrets::MIN_SECRET_CHARS;

/// The beginning of a secret at the end of a text that is masked, in bytes: fewer say little of it, and ordinary words end so.
const MIN_CUT_BYTES: usize = 5;
/// What stands for a secret.
pub const MASK: &str = "***";

/// The secrets that one execution has come to know. Each is found as it is, and as base64 (wherever in an encoded text it begins), in percent
/// encoding and escaped as in JSON; capitals do not matter.
#[derive(Debug, Default)]
pub struct Mask {
    known: Mutex<Known>,
}

#[derive(Default)]
struct Known {
    forms: BTreeSet<String>,
    /// Made of all forms. None although there are some: that many cannot be searched for.
    search: Option<Arc<Search>>,
}

struct Search {
    whole: AhoCorasick,
    forms: Vec<String>,
}

impl std::fmt::Debug for Known {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{} forms", self.forms.len())
    }
}

impl Mask {
    /// Has a secret masked from now on. One of fewer than [`MIN_SECRET_CHARS`] characters is not: nobody could read what is left.
    pub fn add(&self, secret: &str) {
        if secret.chars().count() < MIN_SECRET_CHARS {
            return;
        }
        let mut known = self.known.lock().unwrap_or_else(PoisonError::into_inner);
        if known.forms.contains(secret) {
            return;
        }
        known.forms.extend(forms(secret));
        // Texts are short and secrets few: only an absurd number of them cannot be searched for, and then nothing is shown.
        let search = AhoCorasick::builder()
            .match_kind(MatchKind::LeftmostLongest)
            // `%2f` is `%2F`.
            .ascii_case_insensitive(true)
            .build(&known.forms);
        let forms = known.forms.iter().cloned().collect();
        known.search = search.ok().map(|whole| Arc::new(Search { whole, forms }));
    }

    /// A message without secrets, also where it was cut within one.
    pub fn text<'a>(&self, text: &'a str) -> Cow<'a, str> {
        match self.search() {
            None => Cow::Borrowed(text),
            Some(Err(())) => Cow::Borrowed(MASK),
            Some(Ok(search)) => masked_message(&search, text),
        }
    }

    /// A value without secrets, in its texts and in the names of its fields.
    pub fn value(&self, value: Value) -> Value {
        match self.search() {
            None => value,
            Some(Err(())) => Value::from(MASK),
            Some(Ok(search)) => within(&search, value),
        }
    }

    /// None: there are no secrets.
    fn search(&self) -> Option<Result<Arc<Search>, ()>> {
        let known = self.known.lock().unwrap_or_else(PoisonError::into_inner);
        (!known.forms.is_empty()).then(|| known.search.clone().ok_or(()))
    }
}

fn within(search: &Search, value: Value) -> Value {
    match value {
        Value::String(text) => match masked(search, &text) {
            Cow::Borrowed(_) => Value::String(text),
            Cow::Owned(masked) => Value::String(masked),
        },
        Value::Array(items) => items.into_iter().map(|item| within(search, item)).collect(),
        Value::Object(fields) => {
            let masked = fields
                .into_iter()
                .map(|(name, field)| (masked(search, &name).into_owned(), within(search, field)));
            Value::Object(masked.collect::<Map<_, _>>())
        }
        other @ (Value::Null | Value::Bool(_) | Value::Number(_)) => other,
    }
}

fn masked<'a>(search: &Search, text: &'a str) -> Cow<'a, str> {
    replaced(search, text, None)
}

/// The same of a message, whose end may be cut off within a secret.
fn masked_message<'a>(search: &Search, text: &'a str) -> Cow<'a, str> {
    let (start, end) = without_cut(search, text);
    match end {
        None => replaced(search, text, None),
        Some(end) => replaced(search, start, Some(end)),
    }
}

fn replaced<'a>(search: &Search, text: &'a str, end: Option<&str>) -> Cow<'a, str> {
    if end.is_none() && !search.whole.is_match(text) {
        return Cow::Borrowed(text);
    }
    let mut clear = String::with_capacity(text.len());
    search.whole.replace_all_with(text, &mut clear, |_, _, to| {
        to.push_str(MASK);
        true
    });
    clear.extend(end.into_iter().flat_map(|end| [MASK, end]));
    Cow::Owned(clear)
}

/// A text up to where it was cut within a secret, and what marks the cut; None: it was not.
fn without_cut<'a>(search: &Search, text: &'a str) -> (&'a str, Option<&'a str>) {
    let body = text.trim_end_matches('…');
    let begins = |start: &usize| {
        let rest = &body[*start..];
        let is_part = |form: &String| {
            form.len() > rest.len()
                && form.get(..rest.len()).is_some_and(|part| part.eq_ignore_ascii_case(rest))
        };
        search.forms.iter().any(is_part)
    };
    let longest = search.forms.iter().map(String::len).max().unwrap_or_default();
    let places =
        body.char_indices().rev().map(|(start, _)| start).take_while(|start| body.len() - start < longest);
    match places.filter(|start| body.len() - start >= MIN_CUT_BYTES).filter(begins).last() {
        Some(start) => (&text[..start], Some(&text[body.len()..])),
        None => (text, None),
    }
}

/// How a secret may stand in a text.
fn forms(secret: &str) -> BTreeSet<String> {
    let mut forms = BTreeSet::from([secret.to_owned()]);
    let encoded = utf8_percent_encode(secret, NON_ALPHANUMERIC).to_string();
    // As most write it: what need not be encoded is not.
    forms.insert(url::form_urlencoded::byte_serialize(secret.as_bytes()).collect());
    forms.insert(utf8_percent_encode(secret, PATH).to_string());
    forms.insert(encoded);
    let json = Value::from(secret).to_string();
    forms.insert(json[1..json.len() - 1].to_owned());
    for before in 0..3 {
        forms.extend(base64_after(secret, before));
    }
    // Credentials of `user:password`: the password alone is as secret.
    if let Some((_, password)) = secret.split_once(':')
        && password.chars().count() >= MIN_SECRET_CHARS
    {
        forms.insert(password.to_owned());
    }
    forms
}

const PATH: &percent_encoding::AsciiSet =
    &NON_ALPHANUMERIC.remove(b'-').remove(b'_').remove(b'.').remove(b'~');

/// The characters of base64 that a secret alone decides, when so many bytes (0 to 2, modulo 3) stand before it.
fn base64_after(secret: &str, before: usize) -> [String; 2] {
    let mut bytes = vec![0; before];
    bytes.extend(secret.as_bytes());
    // A character stands for 6 bits: those of the bytes before it, and of what follows it, are not the secret's alone.
    let (start, end) = ((before * 8).div_ceil(6), bytes.len() * 8 / 6);
    [BASE64_STANDARD_NO_PAD.encode(&bytes), BASE64_URL_SAFE_NO_PAD.encode(&bytes)]
        .map(|encoded| encoded[start..end].to_owned())
}

#[cfg(test)]
mod tests {
    use base64::prelude::{BASE64_STANDARD, BASE64_URL_SAFE};
    use serde_json::json;

    use super::*;

    const SECRET: &str = "s3cr&t/\"päss\"+word";

    fn mask() -> Mask {
        let mask = Mask::default();
        mask.add(SECRET);
        mask
    }

    #[test]
    fn a_secret_is_found_however_it_is_written() {
        let mask = mask();
        let as_json = serde_json::to_string(SECRET).unwrap();
        for (how, text) in [
            ("as it is", format!("Bearer {SECRET}!")),
            ("JSON", as_json.clone()),
            ("percent", utf8_percent_encode(SECRET, NON_ALPHANUMERIC).to_string()),
            (
                "percent in small letters",
                utf8_percent_encode(SECRET, NON_ALPHANUMERIC).to_string().to_lowercase(),
            ),
            ("a form", url::form_urlencoded::byte_serialize(SECRET.as_bytes()).collect()),
        ] {
            let masked = mask.text(&text);
            assert!(masked.contains(MASK) && !masked.contains("word"), "{how}: {masked}");
        }
        assert_eq!(mask.text("nothing of it"), "nothing of it");
    }

    #[test]
    fn base64_is_found_wherever_the_secret_begins_in_it() {
        let mask = mask();
        for before in ["", "a", "ab", "abc", "user:", "a longer user:"] {
            for after in ["", "z", "zz"] {
                let text = format!("{before}{SECRET}{after}");
                for encoded in [BASE64_STANDARD.encode(&text), BASE64_URL_SAFE.encode(&text)] {
                    let masked = mask.text(&encoded);
                    let rest = masked.replace(MASK, "");
                    // What is left stands for the neighbours, and a part of one byte at each end.
                    assert!(
                        masked.contains(MASK) && rest.len() <= (before.len() + after.len()) * 8 / 6 + 8,
                        "{text}: {masked}"
                    );
                }
            }
        }
    }

    #[test]
    fn values_are_masked_in_texts_and_names_and_stay_what_they_are_otherwise() {
        let value =
            json!({"a": [1, true, null, SECRET], SECRET: {"b": format!("x{SECRET}y{SECRET}")}, "c": "d"});
        assert_eq!(
            mask().value(value),
            json!({"a": [1, true, null, "***"], "***": {"b": "x***y***"}, "c": "d"})
        );
        let value = json!({"a": SECRET});
        assert_eq!(Mask::default().value(value.clone()), value);
    }

    #[test]
    fn a_secret_that_a_message_was_cut_in_is_found_as_well() {
        let mask = Mask::default();
        mask.add("correct-horse-battery");
        assert_eq!(mask.text("it said correct-horse-b…"), "it said ***…");
        assert_eq!(mask.text("it said Corre"), "it said ***");
        assert_eq!(mask.text("it said corr"), "it said corr");
        assert_eq!(mask.text("correct-horse-battery and correct-ho"), "*** and ***");
        assert_eq!(mask.text("correct-horse-battery"), "***");
        assert_eq!(mask.text("ü…"), "ü…");
    }

    #[test]
    fn a_password_in_credentials_is_a_secret_of_its_own_and_short_ones_are_none() {
        let mask = Mask::default();
        mask.add("ann:correct horse");
        mask.add("short");
        assert_eq!(mask.text("correct horse of ann, short"), "*** of ann, short");
    }
}

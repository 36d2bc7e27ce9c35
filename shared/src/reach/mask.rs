//! Secrets taken out of whatever is kept or shown. What a step gives, or fails with, was made by somebody who had the secret: a service may send back
//! what it was sent.

use std::borrow::Cow;
use std::collections::BTreeSet;
use std::sync::{Arc, Mutex, PoisonError};

use aho_corasick::{AhoCorasick, AhoCorasickKind, MatchKind};
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
    /// As they were added.
    secrets: BTreeSet<String>,
    forms: BTreeSet<String>,
    /// Made of all forms, when it is first needed.
    search: Option<Arc<Search>>,
}

struct Search {
    /// None: that many cannot be searched for, and then nothing is shown.
    whole: Option<AhoCorasick>,
    forms: Vec<Form>,
}

/// One way to write a secret.
struct Form {
    bytes: Vec<u8>,
    /// For each of its bytes: how long the longest beginning of it is that ends there, and is not all up to there.
    borders: Vec<usize>,
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
        if !known.secrets.insert(secret.to_owned()) {
            return;
        }
        known.forms.extend(forms(secret));
        known.search = None;
    }

    /// A message without secrets, also where it was cut within one.
    pub fn text<'a>(&self, text: &'a str) -> Cow<'a, str> {
        match self.search() {
            None => Cow::Borrowed(text),
            Some(search) => masked_message(&search, text),
        }
    }

    /// A value without secrets, in its texts and in the names of its fields.
    pub fn value(&self, value: Value) -> Value {
        match self.search() {
            None => value,
            Some(search) => within(&search, value),
        }
    }

    /// None: there are no secrets.
    fn search(&self) -> Option<Arc<Search>> {
        let mut known = self.known.lock().unwrap_or_else(PoisonError::into_inner);
        if known.search.is_none() && !known.forms.is_empty() {
            known.search = Some(Arc::new(Search::of(&known.forms)));
        }
        known.search.clone()
    }
}

impl Search {
    fn of(forms: &BTreeSet<String>) -> Self {
        let whole = AhoCorasick::builder()
            // The others take quadratic time to build for texts such as `aaaa…`.
            .kind(Some(AhoCorasickKind::NoncontiguousNFA))
            .match_kind(MatchKind::LeftmostLongest)
            // `%2f` is `%2F`.
            .ascii_case_insensitive(true)
            .build(forms);
        Self { whole: whole.ok(), forms: forms.iter().map(|form| Form::of(form)).collect() }
    }
}

impl Form {
    fn of(form: &str) -> Self {
        let bytes = form.to_ascii_lowercase().into_bytes();
        let mut borders = vec![0; bytes.len()];
        for end in 1..bytes.len() {
            let mut border: usize = borders[end - 1];
            while border > 0 && bytes[border] != bytes[end] {
                border = borders[border - 1];
            }
            borders[end] = border + usize::from(bytes[border] == bytes[end]);
        }
        Self { bytes, borders }
    }

    /// How long the longest beginning of it is, not all of it, that a text ends with; capitals do not matter. In time proportional to the text and no
    /// longer than the form (Knuth, Morris and Pratt).
    fn begun_at_the_end_of(&self, text: &str) -> usize {
        let text = text.as_bytes();
        let tail = &text[text.len() - text.len().min(self.bytes.len().saturating_sub(1))..];
        tail.iter().map(u8::to_ascii_lowercase).fold(0, |mut matched, byte| {
            while matched > 0 && self.bytes[matched] != byte {
                matched = self.borders[matched - 1];
            }
            matched + usize::from(self.bytes[matched] == byte)
        })
    }
}

fn within(search: &Search, value: Value) -> Value {
    match value {
        Value::String(text) => match replaced(search, &text) {
            Cow::Borrowed(_) => Value::String(text),
            Cow::Owned(masked) => Value::String(masked),
        },
        Value::Array(items) => items.into_iter().map(|item| within(search, item)).collect(),
        Value::Object(fields) => {
            let masked = fields
                .into_iter()
                .map(|(name, field)| (replaced(search, &name).into_owned(), within(search, field)));
            Value::Object(masked.collect::<Map<_, _>>())
        }
        other @ (Value::Null | Value::Bool(_) | Value::Number(_)) => other,
    }
}

/// The same of a message, which may have been cut within a secret: at its end, and wherever `…` stands.
fn masked_message<'a>(search: &Search, text: &'a str) -> Cow<'a, str> {
    let clear = replaced(search, text);
    let parts: Vec<_> = clear.split('…').map(|part| &part[..part.len() - cut_off(search, part)]).collect();
    let kept: usize = parts.iter().map(|part| part.len()).sum();
    if kept + (parts.len() - 1) * '…'.len_utf8() == clear.len() {
        return clear;
    }
    let whole: Vec<_> = clear.split('…').collect();
    let masked = parts.iter().zip(whole).map(|(kept, whole)| {
        if kept.len() == whole.len() { whole.to_owned() } else { format!("{kept}{MASK}") }
    });
    Cow::Owned(masked.collect::<Vec<_>>().join("…"))
}

/// How many bytes at the end of a text are the beginning of a secret.
fn cut_off(search: &Search, text: &str) -> usize {
    let lengths = search.forms.iter().map(|form| form.begun_at_the_end_of(text));
    let longest = lengths.filter(|bytes| *bytes >= MIN_CUT_BYTES).max().unwrap_or_default();
    // Letters of two bytes are the same in a text and in a secret, so it begins between characters.
    if text.is_char_boundary(text.len() - longest) { longest } else { 0 }
}

fn replaced<'a>(search: &Search, text: &'a str) -> Cow<'a, str> {
    let Some(whole) = &search.whole else { return Cow::Borrowed(MASK) };
    if !whole.is_match(text) {
        return Cow::Borrowed(text);
    }
    let mut clear = String::with_capacity(text.len());
    whole.replace_all_with(text, &mut clear, |_, _, to| {
        to.push_str(MASK);
        true
    });
    Cow::Owned(clear)
}

/// How a secret may stand in a text.
fn forms(secret: &str) -> BTreeSet<String> {
    let mut forms = BTreeSet::from([secret.to_owned()]);
    let encoded = utf8_percent_encode(secret, NON_ALPHANUMERIC).to_string();
    // As most write it: what need not be encoded is not.
    forms.insert(url::form_urlencoded::byte_serialize(secret.as_bytes()).collect());
    forms.insert(utf8_percent_encode(secret, PATH).to_string());
    forms.insert(encoded);
    // As one line: messages have no other.
    forms.insert(secret.trim().chars().map(|char| if char.is_control() { ' ' } else { char }).collect());
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
        assert_eq!(
            mask.text("no: Key (token)=(correct-ho… (more of correct-horse-b…)"),
            "no: Key (token)=(***… (more of ***…)"
        );
    }

    #[test]
    fn a_secret_of_several_lines_is_found_on_one_and_none_hides_behind_another() {
        let mask = Mask::default();
        mask.add("-----BEGIN-----\nabcdef\n-----END-----\n");
        assert_eq!(mask.text("sent: -----BEGIN----- abcdef -----END-----."), "sent: ***.");
        mask.add("ann:correct horse");
        mask.add("correct horse");
        assert!(mask.text(&BASE64_STANDARD.encode("correct horse")).starts_with("***"));
    }

    #[test]
    fn a_long_message_takes_no_long_time() {
        let mask = Mask::default();
        mask.add(&"a".repeat(2000));
        assert_eq!(mask.text(&"a".repeat(1_000_007)).matches('a').count(), 0);
        // Each part of it may have been cut.
        assert_eq!(mask.text(&"aaaaaaa…".repeat(20_000)).matches('a').count(), 0);
    }

    #[test]
    fn a_password_in_credentials_is_a_secret_of_its_own_and_short_ones_are_none() {
        let mask = Mask::default();
        mask.add("ann:correct horse");
        mask.add("short");
        assert_eq!(mask.text("correct horse of ann, short"), "*** of ann, short");
    }
}

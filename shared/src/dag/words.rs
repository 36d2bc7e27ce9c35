//! Sentences about words and values: what stands somewhere, what may stand there, and what was probably meant.

use serde_json::Value;

/// Longer words resemble nothing, and comparing them would take long.
const MAX_MEANT_CHARS: usize = 40;
/// Of more words than these none is suggested: whoever has so many made them with a program.
const MAX_CANDIDATES: usize = 200;
/// Of a text that is quoted in a sentence, so many characters.
const MAX_QUOTED_CHARS: usize = 60;

/// The word that was probably meant, as the end of a sentence: ` (did you mean "depends_on"?)`, or nothing.
pub(crate) fn meant<'a>(word: &str, words: impl IntoIterator<Item = &'a str>) -> String {
    match nearest(word, words) {
        Some(near) => format!(" (did you mean {near:?}?)"),
        None => String::new(),
    }
}

/// Of the words one that differs little: in one letter of three, in three at most, and in short words only in capitals. What differs more in length
/// is not compared: that takes a step for each pair of letters.
fn nearest<'a>(word: &str, words: impl IntoIterator<Item = &'a str>) -> Option<&'a str> {
    let chars = word.chars().take(MAX_MEANT_CHARS + 1).count();
    if chars > MAX_MEANT_CHARS {
        return None;
    }
    let candidates: Vec<_> = words.into_iter().take(MAX_CANDIDATES + 1).collect();
    if candidates.len() > MAX_CANDIDATES {
        return None;
    }
    let lower = word.to_lowercase();
    let most = (chars / 3).min(3);
    let near = candidates
        .into_iter()
        .filter(|other| other.chars().count().abs_diff(chars) <= most)
        .map(|other| (strsim::osa_distance(&lower, &other.to_lowercase()), other));
    near.filter(|(distance, _)| *distance <= most)
        .min_by_key(|(distance, _)| *distance)
        .map(|(_, other)| other)
}

/// Words in quotes, with commas: `"a", "b"`.
pub(crate) fn list<'a>(words: impl IntoIterator<Item = &'a str>) -> String {
    words.into_iter().map(|word| format!("{word:?}")).collect::<Vec<_>>().join(", ")
}

/// A text as a sentence quotes it: in quotes, cut if it is long.
pub(crate) fn quoted(text: &str) -> String {
    format!("{:?}", cut(text))
}

/// A text of at most 60 characters.
pub(crate) fn cut(text: &str) -> String {
    match text.char_indices().nth(MAX_QUOTED_CHARS) {
        None => text.to_owned(),
        Some((end, _)) => format!("{}…", &text[..end]),
    }
}

/// What a value is, with its article.
pub(crate) fn a(value: &Value) -> &'static str {
    match value {
        Value::Null => "null",
        Value::Bool(_) => "a boolean",
        Value::Number(_) => "a number",
        Value::String(_) => "a string",
        Value::Array(_) => "a list",
        Value::Object(_) => "an object",
    }
}

/// A number as it was written, anything else by what it is.
pub(crate) fn shown(value: &Value) -> String {
    if value.is_number() { value.to_string() } else { a(value).to_owned() }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_near_is_suggested_and_what_is_far_is_not() {
        let words = ["depends_on", "description", "id", "if", "with"];
        assert_eq!(meant("depend_on", words), " (did you mean \"depends_on\"?)");
        assert_eq!(meant("dependsOn", words), " (did you mean \"depends_on\"?)");
        assert_eq!(meant("wiht", words), " (did you mean \"with\"?)");
        assert_eq!(meant("needs", words), "");
        assert_eq!(meant("iff", words), " (did you mean \"if\"?)");
        assert_eq!(meant("ID", words), " (did you mean \"id\"?)");
        assert_eq!(meant("is", words), "");
        assert_eq!(meant("get", ["GET", "HEAD"]), " (did you mean \"GET\"?)");
        assert_eq!(meant(&"depends_on".repeat(10_000), words), "");
        let many = |count: usize| (1..count).map(|_| "other").chain(["depends_on"]);
        assert_eq!(meant("dependson", many(MAX_CANDIDATES)), " (did you mean \"depends_on\"?)");
        assert_eq!(meant("dependson", many(MAX_CANDIDATES + 1)), "");
    }

    #[test]
    fn long_texts_are_cut_between_characters() {
        assert_eq!(quoted("a\"b"), r#""a\"b""#);
        assert_eq!(cut(&"ä".repeat(61)), "ä".repeat(60) + "…");
        assert_eq!(cut(&"ä".repeat(60)), "ä".repeat(60));
    }
}

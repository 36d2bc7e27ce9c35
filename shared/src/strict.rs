//! JSON read strictly: every field has a place to go, and a fault says where it is.

use serde::de::{Deserialize, Deserializer, IntoDeserializer as _};
use serde_json::error::Category;

use crate::problem::{FieldError, MAX_FAULTS};

/// Reads `T`, without fields that `T` does not have.
///
/// # Errors
/// The first field of the wrong type, or every field that is unknown.
pub fn read<'de, T, D>(deserializer: D) -> Result<T, Vec<FieldError>>
where
    T: Deserialize<'de>,
    D: Deserializer<'de, Error = serde_json::Error>,
{
    read_but(deserializer, |_| false)
}

/// As [`read`], but fields at these pointers are somebody else's.
///
/// # Errors
/// As [`read`].
pub fn read_but<'de, T, D>(deserializer: D, is_elsewhere: impl Fn(&str) -> bool) -> Result<T, Vec<FieldError>>
where
    T: Deserialize<'de>,
    D: Deserializer<'de, Error = serde_json::Error>,
{
    let mut unknown = Vec::new();
    let mut track = serde_path_to_error::Track::new();
    let tracked = serde_path_to_error::Deserializer::new(deserializer, &mut track);
    let parsed = serde_ignored::deserialize(tracked, |path| {
        let pointer = ignored_pointer(&path);
        if unknown.len() < MAX_FAULTS && !is_elsewhere(&pointer) {
            unknown.push(FieldError::new(pointer, "is not a field of this request"));
        }
    });
    match parsed {
        Err(error) => Err(vec![field_error(&track.path(), &error)]),
        Ok(_) if !unknown.is_empty() => Err(unknown),
        Ok(value) => Ok(value),
    }
}

/// One of the words of `T`, whose variants have no content, and nothing but a string: serde would also take `{"word": null}`.
///
/// # Errors
/// What stands there is no string, or another word.
pub fn word<'de, T, D>(deserializer: D) -> Result<T, D::Error>
where
    T: Deserialize<'de>,
    D: Deserializer<'de>,
{
    T::deserialize(String::deserialize(deserializer)?.into_deserializer())
}

/// As [`word`], or `None` for null; a field that may be left out is `#[serde(default)]` besides.
///
/// # Errors
/// As [`word`].
pub fn optional_word<'de, T, D>(deserializer: D) -> Result<Option<T>, D::Error>
where
    T: Deserialize<'de>,
    D: Deserializer<'de>,
{
    let text = Option::<String>::deserialize(deserializer)?;
    text.map(|text| T::deserialize(text.into_deserializer())).transpose()
}

/// A key as a JSON pointer writes it (RFC 6901).
pub fn escape(key: &str) -> String {
    key.replace('~', "~0").replace('/', "~1")
}

fn field_error(path: &serde_path_to_error::Path, error: &serde_json::Error) -> FieldError {
    use serde_path_to_error::Segment;
    let mut pointer = String::new();
    for segment in path {
        match segment {
            Segment::Seq { index } => pointer.push_str(&format!("/{index}")),
            Segment::Map { key } => pointer.push_str(&format!("/{}", escape(key))),
            Segment::Enum { .. } | Segment::Unknown => {}
        }
    }
    // serde_json calls it a fault of syntax if a word was expected and something else stands there.
    let detail = if error.classify() == Category::Data {
        error.to_string()
    } else {
        "is not one of the words that may stand here".to_owned()
    };
    // serde reports a missing field at the object that lacks it.
    if let Some(name) = detail.strip_prefix("missing field `").and_then(|rest| rest.split('`').next()) {
        return FieldError::new(format!("{pointer}/{}", escape(name)), "is required");
    }
    FieldError::new(pointer, detail)
}

fn ignored_pointer(path: &serde_ignored::Path<'_>) -> String {
    use serde_ignored::Path;
    match path {
        Path::Root => String::new(),
        Path::Seq { parent, index } => format!("{}/{index}", ignored_pointer(parent)),
        Path::Map { parent, key } => format!("{}/{}", ignored_pointer(parent), escape(key)),
        Path::Some { parent } | Path::NewtypeStruct { parent } | Path::NewtypeVariant { parent } => {
            ignored_pointer(parent)
        }
    }
}

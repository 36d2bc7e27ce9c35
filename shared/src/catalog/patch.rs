//! A field of a PATCH that can also be cleared.

use serde::{Deserialize, Deserializer};

/// What a PATCH says about a field: nothing, `null`, or a value. Goes with `#[serde(default)]`.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub enum Patch<T> {
    /// The field was left out: it stays as it is.
    #[default]
    Keep,
    /// `null`: there is none from now on.
    Clear,
    /// This is it from now on.
    Set(T),
}

impl<T> Patch<T> {
    /// Whether the field changes.
    pub fn changes(&self) -> bool {
        !matches!(self, Self::Keep)
    }

    /// What the field is to be; `None` if it is cleared, or stays.
    pub fn value(&self) -> Option<&T> {
        match self {
            Self::Set(value) => Some(value),
            Self::Keep | Self::Clear => None,
        }
    }
}

impl<'de, T: Deserialize<'de>> Deserialize<'de> for Patch<T> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        Ok(Option::deserialize(deserializer)?.map_or(Self::Clear, Self::Set))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[derive(Debug, Deserialize)]
    struct Body {
        #[serde(default)]
        max_running: Patch<i32>,
    }

    #[test]
    fn null_is_not_the_same_as_left_out() {
        let read = |text| serde_json::from_str::<Body>(text).unwrap().max_running;
        assert_eq!(read("{}"), Patch::Keep);
        assert_eq!(read(r#"{"max_running": null}"#), Patch::Clear);
        assert_eq!(read(r#"{"max_running": 0}"#), Patch::Set(0));
        assert!(serde_json::from_str::<Body>(r#"{"max_running": "0"}"#).is_err());
    }
}

//! Values that are more than a word.

use std::convert::Infallible;
use std::str::FromStr;
use std::time::Duration;

use serde_json::Value;
use uuid::Uuid;

use crate::failure::Failure;
use crate::source::Source;

/// How something is meant: by its id, or by the name it has.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum NameOrId {
    /// A UUID.
    Id(Uuid),
    /// Anything else.
    Name(String),
}

impl FromStr for NameOrId {
    type Err = Infallible;

    fn from_str(text: &str) -> Result<Self, Infallible> {
        Ok(Uuid::try_parse(text).map_or_else(|_| Self::Name(text.to_owned()), Self::Id))
    }
}

/// How many runs at once.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Limit {
    /// At most so many.
    Most(u32),
    /// Any number.
    None,
}

impl Limit {
    /// As the API takes it: null is no limit.
    pub fn json(self) -> Value {
        match self {
            Self::Most(most) => most.into(),
            Self::None => Value::Null,
        }
    }
}

impl FromStr for Limit {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        match text {
            "none" => Ok(Self::None),
            number => number.parse().map(Self::Most).map_err(|_| "must be a number, or none".to_owned()),
        }
    }
}

/// `key=value`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Pair {
    /// In front of the first `=`.
    pub key: String,
    /// After it.
    pub value: String,
}

impl FromStr for Pair {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let (key, value) = text.split_once('=').ok_or("must be key=value")?;
        Ok(Self { key: key.to_owned(), value: value.to_owned() })
    }
}

/// `key=json`.
#[derive(Clone, Debug, PartialEq)]
pub struct Parameter {
    /// In front of the first `=`.
    pub key: String,
    /// After it.
    pub value: Value,
}

impl FromStr for Parameter {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let Pair { key, value } = text.parse()?;
        let value = serde_json::from_str(&value).map_err(|error| {
            format!("{value} is not JSON ({error}); for a text there is --param-text {text}")
        })?;
        Ok(Self { key, value })
    }
}

/// JSON, or `@` and the name of a file of it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Document(String);

impl Document {
    /// Reads it.
    ///
    /// # Errors
    /// [`Failure::File`], or [`Failure::Usage`] if it is not JSON.
    pub fn read(&self) -> Result<Value, Failure> {
        match self.0.strip_prefix('@') {
            Some(file) => Ok(Source::read(file).map_err(Failure::File)?.value().clone()),
            None => serde_json::from_str(&self.0)
                .map_err(|error| Failure::Usage(format!("{} is not JSON ({error})", self.0))),
        }
    }
}

impl FromStr for Document {
    type Err = Infallible;

    fn from_str(text: &str) -> Result<Self, Infallible> {
        Ok(Self(text.to_owned()))
    }
}

/// A length of time: `90s`, `15m`, `2h`, `3d`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Span(pub Duration);

impl FromStr for Span {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let wrong = || "must be a number with its unit: 90s, 15m, 2h or 3d".to_owned();
        let unit = text.chars().next_back().ok_or_else(wrong)?;
        let seconds = match unit {
            's' => 1,
            'm' => 60,
            'h' => 3600,
            'd' => 86400,
            _ => return Err(wrong()),
        };
        let number: u32 = text[..text.len() - 1].parse().map_err(|_| wrong())?;
        Ok(Self(Duration::from_secs(u64::from(number) * seconds)))
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn names_and_ids_are_told_apart() {
        let id = "580115b4-a291-4917-8dbd-247cfa13e2d6";
        assert_eq!(id.parse(), Ok(NameOrId::Id(id.parse().unwrap())));
        assert_eq!("daily".parse(), Ok(NameOrId::Name("daily".to_owned())));
    }

    #[test]
    fn a_parameter_is_json_and_says_so() {
        let parameter = |text: &str| text.parse::<Parameter>();
        assert_eq!(parameter("n=[1, {\"a\": null}]").unwrap().value, json!([1, { "a": null }]));
        assert_eq!(parameter("a=\"x=y\"").unwrap(), Parameter { key: "a".into(), value: json!("x=y") });
        assert!(parameter("day=2026-01-01").unwrap_err().contains("--param-text day=2026-01-01"));
        assert_eq!(parameter("n").unwrap_err(), "must be key=value");
    }

    #[test]
    fn a_limit_is_a_number_or_none() {
        assert_eq!("7".parse(), Ok(Limit::Most(7)));
        assert_eq!("none".parse::<Limit>().unwrap().json(), Value::Null);
        assert!("-1".parse::<Limit>().is_err());
    }

    #[test]
    fn a_span_has_its_unit() {
        assert_eq!("90s".parse(), Ok(Span(Duration::from_secs(90))));
        assert_eq!("2h".parse(), Ok(Span(Duration::from_secs(7200))));
        for wrong in ["90", "", "s", "1.5h", "1ä", "-3m"] {
            assert!(wrong.parse::<Span>().is_err(), "{wrong}");
        }
    }
}

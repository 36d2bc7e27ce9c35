//! Bodies of requests: only what was given is sent, so that the API's own defaults hold.

use serde_json::{Map, Value};

use crate::args::Pair;
use crate::failure::Failure;

/// The fields of a JSON object.
#[derive(Clone, Debug, Default)]
pub struct Body(Map<String, Value>);

impl Body {
    /// With a field.
    pub fn set(mut self, name: &str, value: impl Into<Value>) -> Self {
        self.0.insert(name.to_owned(), value.into());
        self
    }

    /// With a field, if it was given.
    pub fn maybe(self, name: &str, value: Option<impl Into<Value>>) -> Self {
        match value {
            Some(value) => self.set(name, value),
            None => self,
        }
    }

    /// With a field that is null, if that was asked for.
    pub fn cleared(self, name: &str, asked: bool) -> Self {
        self.maybe(name, asked.then_some(Value::Null))
    }

    /// The object.
    pub fn fields(self) -> Map<String, Value> {
        self.0
    }
}

/// Adds pairs of keys and values to an object; `option` is where they come from.
///
/// # Errors
/// [`Failure::Usage`] when a key comes twice: one of its values would be lost.
pub fn add<V: Into<Value>>(
    object: &mut Map<String, Value>,
    option: &str,
    pairs: impl IntoIterator<Item = (String, V)>,
) -> Result<(), Failure> {
    let mut seen = Vec::new();
    for (key, value) in pairs {
        if seen.contains(&key) {
            return Err(Failure::Usage(format!("{option} {key} is given twice")));
        }
        object.insert(key.clone(), value.into());
        seen.push(key);
    }
    Ok(())
}

/// `key=value` options as a JSON object of texts; None without any.
///
/// # Errors
/// As [`add`].
pub fn texts(option: &str, pairs: &[Pair]) -> Result<Option<Value>, Failure> {
    let mut object = Map::new();
    add(&mut object, option, pairs.iter().map(|pair| (pair.key.clone(), pair.value.clone())))?;
    Ok((!object.is_empty()).then_some(Value::Object(object)))
}

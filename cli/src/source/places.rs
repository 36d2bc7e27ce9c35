//! Where each value of a JSON text begins, by JSON pointer.

use std::collections::HashMap;

use jsonc_parser::ast::{ObjectPropName, Value};
use jsonc_parser::common::Ranged as _;
use jsonc_parser::{CollectOptions, ParseOptions, parse_to_ast};

/// JSON as RFC 8259 has it, and nothing of what others have added.
const STRICT: ParseOptions = ParseOptions {
    allow_comments: false,
    allow_loose_object_property_names: false,
    allow_trailing_commas: false,
    allow_missing_commas: false,
    allow_single_quoted_strings: false,
    allow_hexadecimal_numbers: false,
    allow_unary_plus_numbers: false,
    allow_bare_decimal_point_numbers: false,
    allow_non_finite_numbers: false,
    allow_extended_string_escapes: false,
};

/// The places of a text's values.
#[derive(Debug, Default)]
pub(super) struct Places {
    whole: Option<Place>,
    duplicates: Vec<Duplicate>,
}

/// The byte at which a value begins, and the places in it.
#[derive(Debug)]
struct Place {
    begin: usize,
    inside: Inside,
}

#[derive(Debug)]
enum Inside {
    Nothing,
    Fields(Vec<Field>),
    Elements(Vec<Place>),
}

/// A field of an object.
#[derive(Debug)]
struct Field {
    name: String,
    /// The byte at which its key begins.
    key: usize,
    value: Place,
}

/// A key that its object had before.
#[derive(Debug)]
pub(super) struct Duplicate {
    pub pointer: String,
    /// The byte at which it stands first.
    pub first: usize,
    /// The byte at which it stands again.
    pub second: usize,
}

impl Places {
    /// Of a text that serde_json has read. What the other parser then could not read has no places, so that faults are put at its beginning.
    pub fn of(text: &str) -> Self {
        let parsed = parse_to_ast(text, &CollectOptions::default(), &STRICT).ok();
        let mut duplicates = Vec::new();
        let whole = parsed.and_then(|parsed| parsed.value);
        let whole = whole.map(|value| Place::of(&value, &mut Vec::new(), &mut duplicates));
        Self { whole, duplicates }
    }

    /// The keys that stand twice in an object, in the order of the text.
    pub fn duplicates(&self) -> &[Duplicate] {
        &self.duplicates
    }

    /// Where the value at `pointer` begins, or the key in front of it with `at_key`. What does not exist is where the nearest value around
    /// it begins.
    pub fn find(&self, pointer: &str, at_key: bool) -> usize {
        let Some(mut place) = self.whole.as_ref() else { return 0 };
        let mut segments = pointer.split('/').skip(1).peekable();
        while let Some(segment) = segments.next() {
            match &place.inside {
                Inside::Elements(elements) => {
                    match segment.parse().ok().and_then(|at: usize| elements.get(at)) {
                        Some(element) => place = element,
                        None => return place.begin,
                    }
                }
                Inside::Fields(fields) => {
                    let name = segment.replace("~1", "/").replace("~0", "~");
                    match fields.iter().find(|field| field.name == name) {
                        Some(field) if at_key && segments.peek().is_none() => return field.key,
                        Some(field) => place = &field.value,
                        None => return place.begin,
                    }
                }
                Inside::Nothing => return place.begin,
            }
        }
        place.begin
    }
}

impl Place {
    /// `path` leads to the value: names and indexes.
    fn of(value: &Value<'_>, path: &mut Vec<String>, duplicates: &mut Vec<Duplicate>) -> Self {
        let inside = match value {
            Value::Object(object) => {
                let mut keys = HashMap::new();
                let fields = object.properties.iter().map(|property| {
                    let name = match &property.name {
                        ObjectPropName::String(name) => name.value.as_ref(),
                        ObjectPropName::Word(name) => name.value,
                    };
                    let key = property.name.start();
                    path.push(name.replace('~', "~0").replace('/', "~1"));
                    let first = *keys.entry(name).or_insert(key);
                    if first != key {
                        let pointer = format!("/{}", path.join("/"));
                        duplicates.push(Duplicate { pointer, first, second: key });
                    }
                    let value = Self::of(&property.value, path, duplicates);
                    path.pop();
                    Field { name: name.to_owned(), key, value }
                });
                Inside::Fields(fields.collect())
            }
            Value::Array(array) => {
                let elements = array.elements.iter().enumerate().map(|(index, element)| {
                    path.push(index.to_string());
                    let place = Self::of(element, path, duplicates);
                    path.pop();
                    place
                });
                Inside::Elements(elements.collect())
            }
            _ => Inside::Nothing,
        };
        Self { begin: value.start(), inside }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use serde_json::Value as Json;

    use super::*;

    fn json() -> impl Strategy<Value = Json> {
        let leaf = prop_oneof![
            Just(Json::Null),
            any::<bool>().prop_map(Json::from),
            any::<i64>().prop_map(Json::from),
            any::<f64>().prop_map(Json::from),
            any::<String>().prop_map(Json::from),
        ];
        leaf.prop_recursive(5, 60, 6, |inner| {
            prop_oneof![
                prop::collection::vec(inner.clone(), 0..6).prop_map(Json::from),
                prop::collection::hash_map(any::<String>(), inner, 0..6)
                    .prop_map(|map| Json::Object(map.into_iter().collect())),
            ]
        })
    }

    /// Asserts that each part of `value` stands in the text where it is said to, and its key too.
    fn compare(value: &Json, pointer: &str, text: &str, places: &Places) {
        let at = places.find(pointer, false);
        let first = serde_json::Deserializer::from_str(&text[at..]).into_iter::<Json>().next();
        assert_eq!(&first.unwrap().unwrap(), value, "{pointer:?} in {text}");
        let parts: Vec<(String, &Json)> = match value {
            Json::Array(items) => items.iter().enumerate().map(|(at, item)| (at.to_string(), item)).collect(),
            Json::Object(fields) => fields.iter().map(|(name, item)| (name.clone(), item)).collect(),
            _ => Vec::new(),
        };
        for (name, part) in parts {
            let below = format!("{pointer}/{}", name.replace('~', "~0").replace('/', "~1"));
            if value.is_object() {
                let at = places.find(&below, true);
                let key = serde_json::Deserializer::from_str(&text[at..]).into_iter::<Json>().next();
                assert_eq!(key.unwrap().unwrap(), Json::from(name), "{below:?} in {text}");
            }
            compare(part, &below, text, places);
        }
    }

    proptest! {
        #[test]
        fn every_value_of_any_json_is_found_where_it_stands(value in json(), pretty: bool) {
            let text = if pretty { format!("{value:#}") } else { value.to_string() };
            let places = Places::of(&text);
            prop_assert!(places.duplicates().is_empty());
            compare(&value, "", &text, &places);
        }
    }
}

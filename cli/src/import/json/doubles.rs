//! Keys that stand twice in one object, of which a parser keeps the last without a word.

use std::collections::HashSet;
use std::fmt;

use serde::de::{DeserializeSeed, Deserializer, Error, MapAccess, SeqAccess, Visitor};

/// The pointers of keys that stand twice.
///
/// # Errors
/// [`serde_json::Error`] if it is no JSON.
pub(super) fn doubles(text: &str) -> Result<Vec<String>, serde_json::Error> {
    let mut doubles = Vec::new();
    let walk = Walk { pointer: String::new(), doubles: &mut doubles };
    walk.deserialize(&mut serde_json::Deserializer::from_str(text))?;
    Ok(doubles)
}

/// Walks through JSON and collects the pointers of keys that stand twice in one object.
struct Walk<'a> {
    pointer: String,
    doubles: &'a mut Vec<String>,
}

impl<'de> DeserializeSeed<'de> for Walk<'_> {
    type Value = ();
    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<(), D::Error> {
        deserializer.deserialize_any(self)
    }
}

impl<'de> Visitor<'de> for Walk<'_> {
    type Value = ();

    fn expecting(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("JSON")
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<(), A::Error> {
        let mut keys = HashSet::new();
        while let Some(key) = map.next_key::<String>()? {
            let pointer = format!("{}/{}", self.pointer, key.replace('~', "~0").replace('/', "~1"));
            if !keys.insert(key) && !self.doubles.contains(&pointer) {
                self.doubles.push(pointer.clone());
            }
            map.next_value_seed(Walk { pointer, doubles: &mut *self.doubles })?;
        }
        Ok(())
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut items: A) -> Result<(), A::Error> {
        let mut index = 0;
        while items
            .next_element_seed(Walk {
                pointer: format!("{}/{index}", self.pointer),
                doubles: &mut *self.doubles,
            })?
            .is_some()
        {
            index += 1;
        }
        Ok(())
    }

    fn visit_bool<E: Error>(self, _: bool) -> Result<(), E> {
        Ok(())
    }
    fn visit_i64<E: Error>(self, _: i64) -> Result<(), E> {
        Ok(())
    }
    fn visit_u64<E: Error>(self, _: u64) -> Result<(), E> {
        Ok(())
    }
    fn visit_f64<E: Error>(self, _: f64) -> Result<(), E> {
        Ok(())
    }
    fn visit_str<E: Error>(self, _: &str) -> Result<(), E> {
        Ok(())
    }
    fn visit_unit<E: Error>(self) -> Result<(), E> {
        Ok(())
    }
}

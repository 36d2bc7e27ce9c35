//! What a run's parameters are where they say nothing.

use std::collections::HashMap;
use std::sync::Arc;

use serde_json::{Map, Value};

use super::refs;
use crate::dag::limits::MAX_SPEC_BYTES;

/// The defaults of an object: those of its `properties`, also through `$ref` and `allOf`, which always hold. What holds only sometimes
/// (`anyOf`, `if`, …) gives none.
#[derive(Clone, Debug, Default)]
pub(super) struct Defaults {
    fields: Vec<Field>,
}

#[derive(Clone, Debug)]
struct Field {
    name: String,
    /// Shared by all that refer to the same schema; with its size in bytes.
    default: Option<(Arc<Value>, usize)>,
    /// Those of the object that stands there.
    within: Arc<Defaults>,
}

/// Parameters would be larger than what can be stored.
#[derive(Debug)]
pub(super) struct TooLarge;

impl Defaults {
    /// Those of a schema whose references have been checked.
    pub(super) fn of(schema: &Value) -> Self {
        Self::of_within(schema, schema)
    }

    /// Those of a schema within another, to whose places it refers.
    pub(super) fn of_within(schema: &Value, root: &Value) -> Self {
        Reader { root, defaults: HashMap::new(), within: HashMap::new() }.of(schema)
    }

    /// Puts them in where nothing stands.
    pub(super) fn fill(&self, object: &mut Map<String, Value>) -> Result<(), TooLarge> {
        let mut room = MAX_SPEC_BYTES;
        let added = self.fill_within(object, &mut room)?;
        // What was sent has been measured before.
        if added && Value::Object(object.clone()).to_string().len() > MAX_SPEC_BYTES {
            Err(TooLarge)
        } else {
            Ok(())
        }
    }

    /// As [`fill`](Self::fill), with as many bytes as there is `room` for.
    pub(super) fn fill_into(
        &self,
        object: &mut Map<String, Value>,
        room: &mut usize,
    ) -> Result<(), TooLarge> {
        self.fill_within(object, room).map(drop)
    }

    fn fill_within(&self, object: &mut Map<String, Value>, room: &mut usize) -> Result<bool, TooLarge> {
        let mut added = false;
        for field in &self.fields {
            if let Some((default, bytes)) = &field.default
                && !object.contains_key(&field.name)
            {
                *room = room.checked_sub(*bytes).ok_or(TooLarge)?;
                object.insert(field.name.clone(), Value::clone(default));
                added = true;
            }
            if let Some(Value::Object(there)) = object.get_mut(&field.name) {
                added |= field.within.fill_within(there, room)?;
            }
        }
        Ok(added)
    }
}

/// Reads each schema and each default once, however many refer to it.
struct Reader<'a> {
    root: &'a Value,
    defaults: HashMap<*const Value, (Arc<Value>, usize)>,
    within: HashMap<*const Value, Arc<Defaults>>,
}

impl<'a> Reader<'a> {
    fn of(&mut self, schema: &'a Value) -> Defaults {
        let mut fields = Vec::new();
        self.collect(schema, &mut fields);
        Defaults { fields }
    }

    fn collect(&mut self, schema: &'a Value, fields: &mut Vec<Field>) {
        for (name, property) in schema.get("properties").and_then(Value::as_object).into_iter().flatten() {
            let default = default_of(property, self.root).map(|default| self.shared(default));
            let within = self.within(property);
            if default.is_some() || !within.fields.is_empty() {
                fields.push(Field { name: name.clone(), default, within });
            }
        }
        also(schema, self.root).for_each(|schema| self.collect(schema, fields));
    }

    fn within(&mut self, property: &'a Value) -> Arc<Defaults> {
        let known = self.within.get(&std::ptr::from_ref(property)).cloned();
        known.unwrap_or_else(|| {
            let within = Arc::new(self.of(property));
            self.within.insert(property, Arc::clone(&within));
            within
        })
    }

    fn shared(&mut self, default: &'a Value) -> (Arc<Value>, usize) {
        let new = || (Arc::new(default.clone()), default.to_string().len());
        self.defaults.entry(default).or_insert_with(new).clone()
    }
}

/// The default that a schema names, or one that always holds beside it.
fn default_of<'a>(schema: &'a Value, root: &'a Value) -> Option<&'a Value> {
    schema.get("default").or_else(|| also(schema, root).find_map(|schema| default_of(schema, root)))
}

/// The schemas that hold wherever this one does.
fn also<'a>(schema: &'a Value, root: &'a Value) -> impl Iterator<Item = &'a Value> {
    let all = schema.get("allOf").and_then(Value::as_array).map(Vec::as_slice).unwrap_or_default();
    refs::target(schema, root).into_iter().chain(all)
}

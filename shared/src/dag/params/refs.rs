//! References within a schema. They lead nowhere else, to no schema that leads back, and what they make of the schema has a bound: so
//! validating takes time in proportion to schema times value. [`work`](super::work) bounds that product.

use std::collections::HashMap;

use serde_json::Value;

use crate::dag::at::At;
use crate::dag::faults::Faults;
use crate::dag::limits::{MAX_DEPTH, MAX_SCHEMAS};
use crate::dag::words::quoted;

/// Keywords whose value is a schema, a list of schemas, or an object of schemas.
const SCHEMA: [&str; 12] = [
    "additionalProperties",
    "contains",
    "contentSchema",
    "else",
    "if",
    "items",
    "not",
    "propertyNames",
    "then",
    "unevaluatedItems",
    "unevaluatedProperties",
    "additionalItems",
];
/// Each of them validates once more what stands beside it.
pub(super) const UNEVALUATED: [&str; 2] = ["unevaluatedItems", "unevaluatedProperties"];
/// But not these schemas: what they describe is known by its name or its place.
const ONCE: [&str; 6] = ["$defs", "definitions", "items", "patternProperties", "prefixItems", "properties"];
const LIST: [&str; 4] = ["allOf", "anyOf", "oneOf", "prefixItems"];
const OBJECT: [&str; 6] =
    ["$defs", "definitions", "dependencies", "dependentSchemas", "patternProperties", "properties"];
/// What would give `$ref` another meaning, or is another kind of it.
const OTHER_REFS: [&str; 7] =
    ["$id", "$anchor", "$dynamicAnchor", "$dynamicRef", "$recursiveAnchor", "$recursiveRef", "$vocabulary"];
/// The one dialect.
const DIALECT: &str = "https://json-schema.org/draft/2020-12/schema";

/// Calls `see` for a schema and all within it, with their places.
pub(super) fn each<'a>(schema: &'a Value, at: &At<'_>, see: &mut dyn FnMut(&'a Value, &At<'_>)) {
    see(schema, at);
    for (name, value) in schema.as_object().into_iter().flatten() {
        let at = at.key(name);
        match value {
            Value::Object(_) if SCHEMA.contains(&name.as_str()) => each(value, &at, see),
            Value::Array(list) if LIST.contains(&name.as_str()) => {
                list.iter().enumerate().for_each(|(index, one)| each(one, &at.index(index), see));
            }
            Value::Object(map) if OBJECT.contains(&name.as_str()) => {
                map.iter().for_each(|(key, one)| each(one, &at.key(key), see));
            }
            _ => {}
        }
    }
}

/// What the `$ref` of a schema names, if that is in the same document.
pub(super) fn target<'a>(schema: &Value, root: &'a Value) -> Option<&'a Value> {
    let reference = schema.get("$ref")?.as_str()?.strip_prefix('#')?;
    let pointer = percent_encoding::percent_decode_str(reference).decode_utf8().ok()?;
    root.pointer(&pointer)
}

/// Finds references that lead out, nowhere, or back, and too many of them.
pub(super) fn check(root: &Value, at: &At<'_>, faults: &mut Faults) {
    let mut schemas = HashMap::new();
    each(root, &At::Root, &mut |schema, place| {
        schemas.insert(std::ptr::from_ref(schema), place.to_string());
    });
    let mut dangling = false;
    each(root, at, &mut |schema, at| {
        for keyword in OTHER_REFS.iter().filter(|keyword| schema.get(keyword).is_some()) {
            dangling = true;
            faults.add(
                &at.key(keyword),
                "is not read here: refer to a place within params, with \"$ref\": \"#/$defs/…\"",
            );
        }
        if let Some(dialect) = schema.get("$schema")
            && !(std::ptr::eq(schema, root)
                && dialect.as_str().is_some_and(|uri| uri.trim_end_matches('#') == DIALECT))
        {
            dangling = true;
            faults.add(&at.key("$schema"), format!("must be {DIALECT:?}, in params themselves, or left out"));
        }
        let Some(reference) = schema.get("$ref").and_then(Value::as_str) else { return };
        let detail = match target(schema, root) {
            Some(target) if schemas.contains_key(&std::ptr::from_ref(target)) => return,
            Some(_) => "names a place where no schema stands",
            None if reference.starts_with('#') => "names a place that is not there",
            None => "may only lead within params, such as \"#/$defs/address\": nothing is fetched",
        };
        dangling = true;
        faults.add(&at.key("$ref"), format!("{detail}; is {}", quoted(reference)));
    });
    if dangling {
        return;
    }
    let mut sizes = Sizes { root, places: &schemas, known: HashMap::new(), path: Vec::new() };
    match sizes.of(root) {
        Ok(size) if size.schemas <= MAX_SCHEMAS => {}
        Ok(_) => faults.add(
            at,
            format!("stands for more than {MAX_SCHEMAS} schemas, each \"$ref\" counted as what it names"),
        ),
        Err(Endless::Back(place)) => {
            let place =
                if place.is_empty() { "params themselves".to_owned() } else { format!("\"#{place}\"") };
            faults.add(
                at,
                format!("has a \"$ref\" that leads back to {place}: parameters have no endless depth"),
            );
        }
        Err(Endless::Unevaluated(place)) => faults.add_at(
            format!("{at}{place}"),
            "has \"unevaluatedProperties\" or \"unevaluatedItems\", and so has a schema within its \"allOf\", \"anyOf\", \"$ref\" or the like: \
             validating would take twice as long for each. Only the outer one may have it",
        ),
        Err(Endless::Deep) => {
            faults.add(at, format!("has more than {MAX_DEPTH} schemas within each other, each \"$ref\" counted as what it names"));
        }
    }
}

/// Why a schema has no size.
enum Endless {
    /// It leads back to the schema at this place.
    Back(String),
    /// It goes too deep to be followed.
    Deep,
    /// The schema at this place has an `unevaluated…` above another one.
    Unevaluated(String),
}

/// What a schema stands for, each `$ref` as what it names.
#[derive(Clone, Copy)]
struct Size {
    schemas: u64,
    /// How many of them lie within each other.
    height: usize,
    /// Whether one of them has an `unevaluated…`.
    unevaluated: bool,
}

/// Measures each schema once.
struct Sizes<'a> {
    root: &'a Value,
    places: &'a HashMap<*const Value, String>,
    known: HashMap<*const Value, Size>,
    path: Vec<*const Value>,
}

impl Sizes<'_> {
    fn of(&mut self, schema: &Value) -> Result<Size, Endless> {
        let this = std::ptr::from_ref(schema);
        if let Some(known) = self.known.get(&this) {
            return Ok(*known);
        }
        if self.path.contains(&this) {
            return Err(Endless::Back(self.place(schema)));
        }
        if self.path.len() == MAX_DEPTH {
            return Err(Endless::Deep);
        }
        self.path.push(this);
        let unevaluated = UNEVALUATED.iter().any(|keyword| schema.get(keyword).is_some());
        let mut size = Size { schemas: 1, height: 0, unevaluated };
        let referred = target(schema, self.root).map(|target| ("$ref", target));
        for (keyword, within) in children(schema).into_iter().chain(referred) {
            let more = self.of(within)?;
            if unevaluated && more.unevaluated && !ONCE.contains(&keyword) {
                return Err(Endless::Unevaluated(self.place(schema)));
            }
            size.schemas = size.schemas.saturating_add(more.schemas);
            size.height = size.height.max(more.height);
            size.unevaluated |= more.unevaluated;
        }
        self.path.pop();
        if size.height == MAX_DEPTH {
            return Err(Endless::Deep);
        }
        size.height += 1;
        self.known.insert(this, size);
        Ok(size)
    }

    fn place(&self, schema: &Value) -> String {
        self.places.get(&std::ptr::from_ref(schema)).cloned().unwrap_or_default()
    }
}

/// The schemas directly within one, booleans included, with the keyword that has them.
fn children(schema: &Value) -> Vec<(&str, &Value)> {
    let mut children = Vec::new();
    for (name, value) in schema.as_object().into_iter().flatten() {
        let name = name.as_str();
        match value {
            Value::Object(_) | Value::Bool(_) if SCHEMA.contains(&name) => children.push((name, value)),
            Value::Array(list) if LIST.contains(&name) => children.extend(list.iter().map(|one| (name, one))),
            Value::Object(map) if OBJECT.contains(&name) => {
                children.extend(map.values().map(|one| (name, one)));
            }
            _ => {}
        }
    }
    children
}

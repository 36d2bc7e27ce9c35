//! Parameters that are secret: `"x-secret": true`. They are kept apart from the others, which have `***` in their place; what runs a run's steps puts
//! them together again.

use std::collections::{BTreeSet, HashSet};

use serde_json::{Map, Value};

use super::refs;
use crate::dag::at::{At, escape};
use crate::dag::faults::Faults;
use crate::dag::words::shown;
use crate::reach::mask::MASK;
use crate::reach::secrets::MIN_SECRET_CHARS;

/// The word.
pub(super) const SECRET: &str = "x-secret";
/// What would show a secret, as a dag_spec is no secret.
const TELLING: [&str; 5] = ["const", "default", "enum", "example", "examples"];

/// Secret parameters of a spec, and what they may have together: masking takes time and memory for each.
const MAX_SECRETS: usize = 50;
const MAX_SECRET_BYTES: usize = 16 * 1024;

/// The names of fields that lead to a secret, from the parameters down.
pub(crate) type Path = Vec<String>;

/// Finds secrets where they would not be found in a run's parameters, and those that the schema itself tells.
pub(super) fn check(schema: &Value, at: &At<'_>, faults: &mut Faults) {
    let secrets = paths(schema);
    if secrets.len() > MAX_SECRETS {
        faults.add(at, format!("may have at most {MAX_SECRETS} secret parameters, have {}", secrets.len()));
    }
    around(schema, &secrets, at, faults);
    let with_secrets = with_secrets(schema);
    if with_secrets.is_empty() {
        return;
    }
    refs::each(schema, &At::Root, &mut |one, place| {
        // What it refers to is described a second time, where nobody looks for secrets.
        if refs::target(one, schema).is_some_and(|target| with_secrets.contains(&std::ptr::from_ref(target)))
        {
            let detail =
                "may not lead to what is secret, or has something secret in it: describe it where it stands";
            faults.add_at(format!("{at}{place}/$ref"), detail);
        }
        let Some(value) = one.get(SECRET) else { return };
        let pointer = format!("{at}{place}");
        let mut add = |name: &str, detail: String| faults.add_at(format!("{pointer}/{name}"), detail);
        if *value != Value::Bool(true) {
            add(SECRET, format!("must be true, or left out, is {}", shown(value)));
        }
        if !is_of_properties(&place.to_string()) {
            add(SECRET, "may stand only in what is described by \"properties\", and by \"properties\" alone from params down".to_owned());
        }
        if one.get("type").is_none_or(|kind| kind != "string") {
            add("type", "must be \"string\" beside \"x-secret\"".to_owned());
        }
        for name in TELLING.iter().filter(|name| one.get(name).is_some()) {
            add(name, "may not stand beside \"x-secret\": a dag_spec is shown to everybody".to_owned());
        }
    });
}

/// What is secret, or has something secret in it: found once, however many refer to it.
fn with_secrets(schema: &Value) -> HashSet<*const Value> {
    let mut found = HashSet::new();
    refs::each(schema, &At::Root, &mut |one, place| {
        if one.get(SECRET).is_none() {
            return;
        }
        let pointer = place.to_string();
        let ends = pointer.match_indices('/').map(|(end, _)| end).chain([pointer.len()]);
        found.extend(ends.filter_map(|end| schema.pointer(&pointer[..end])).map(std::ptr::from_ref));
    });
    found
}

/// Finds what tells a secret from around it: a `default` of the object that it stands in.
fn around(schema: &Value, secrets: &[Path], at: &At<'_>, faults: &mut Faults) {
    let mut told = BTreeSet::new();
    for path in secrets {
        let (mut one, mut pointer) = (schema, String::new());
        for name in path {
            let telling = TELLING.iter().filter(|word| one.get(word).is_some());
            told.extend(telling.map(|word| format!("{at}{pointer}/{word}")));
            let Some(next) = one.get("properties").and_then(|fields| fields.get(name)) else { break };
            one = next;
            pointer = format!("{pointer}/properties/{}", escape(name));
        }
    }
    for pointer in told {
        faults.add_at(
            pointer,
            "may not stand around something secret: it could tell it, and a dag_spec is shown to everybody",
        );
    }
}

/// Whether a place is reached through `properties` alone.
fn is_of_properties(pointer: &str) -> bool {
    let parts: Vec<_> = pointer.split('/').skip(1).collect();
    !parts.is_empty() && parts.len() % 2 == 0 && parts.iter().step_by(2).all(|part| *part == "properties")
}

/// Where the secrets of parameters are, by their schema.
pub(crate) fn paths(schema: &Value) -> Vec<Path> {
    let mut found = Vec::new();
    collect(schema, &mut Vec::new(), &mut found);
    found
}

fn collect(schema: &Value, path: &mut Path, found: &mut Vec<Path>) {
    if !path.is_empty() && schema.get(SECRET) == Some(&Value::Bool(true)) {
        return found.push(path.clone());
    }
    for (name, property) in schema.get("properties").and_then(Value::as_object).into_iter().flatten() {
        path.push(name.clone());
        collect(property, path, found);
        path.pop();
    }
}

/// Tells of secrets that are too short to be one.
pub(super) fn check_lengths(paths: &[Path], parameters: &Value, at: &At<'_>, faults: &mut Faults) {
    let mut bytes = 0;
    for path in paths {
        let Some(value) = self::at(path, parameters).and_then(Value::as_str) else { continue };
        bytes += value.len();
        let pointer: String = path.iter().map(|name| format!("/{}", escape(name))).collect();
        if value.chars().count() < MIN_SECRET_CHARS {
            faults.add_at(
                format!("{at}{pointer}"),
                format!("must have at least {MIN_SECRET_CHARS} characters: a shorter secret could not be told from other text when it is masked"),
            );
        }
    }
    if bytes > MAX_SECRET_BYTES {
        faults
            .add(at, format!("may have secrets of at most {MAX_SECRET_BYTES} bytes together, have {bytes}"));
    }
}

/// Takes the secrets out of parameters and puts `***` in their place. None: there are none.
pub(super) fn take(paths: &[Path], parameters: &mut Map<String, Value>) -> Option<Map<String, Value>> {
    let mut secret = Map::new();
    for path in paths {
        take_one(path, parameters, &mut secret);
    }
    (!secret.is_empty()).then_some(secret)
}

fn take_one(path: &[String], from: &mut Map<String, Value>, to: &mut Map<String, Value>) {
    let Some((name, rest)) = path.split_first() else { return };
    match from.get_mut(name) {
        Some(value @ Value::String(_)) if rest.is_empty() => {
            to.insert(name.clone(), std::mem::replace(value, Value::from(MASK)));
        }
        Some(Value::Object(within)) if !rest.is_empty() => {
            let mut secret = match to.remove(name) {
                Some(Value::Object(secret)) => secret,
                _ => Map::new(),
            };
            take_one(rest, within, &mut secret);
            if !secret.is_empty() {
                to.insert(name.clone(), Value::Object(secret));
            }
        }
        _ => {}
    }
}

/// Puts secrets back where they were taken from.
pub(crate) fn put_back(parameters: &mut Map<String, Value>, secret: Map<String, Value>) {
    for (name, value) in secret {
        match (parameters.get_mut(&name), value) {
            (Some(Value::Object(within)), Value::Object(secret)) => put_back(within, secret),
            (_, value) => {
                parameters.insert(name, value);
            }
        }
    }
}

/// Whether everything secret of `wanted` is in `there`, at the same place.
pub(crate) fn has_all(there: &Map<String, Value>, wanted: &Map<String, Value>) -> bool {
    wanted.iter().all(|(name, value)| match (there.get(name), value) {
        (Some(Value::Object(there)), Value::Object(wanted)) => has_all(there, wanted),
        (Some(there), value) => there == value,
        (None, _) => false,
    })
}

/// The texts that stand where secrets are: also of runs that were created before anybody knew what that word means.
pub(crate) fn standing<'a>(paths: &[Path], parameters: &'a Value) -> Vec<&'a str> {
    paths.iter().filter_map(|path| at(path, parameters)?.as_str()).collect()
}

fn at<'a>(path: &[String], parameters: &'a Value) -> Option<&'a Value> {
    path.iter().try_fold(parameters, |value, name| value.get(name))
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn map(value: Value) -> Map<String, Value> {
        value.as_object().unwrap().clone()
    }

    fn schema() -> Value {
        json!({"properties": {
            "token": {"type": "string", "x-secret": true},
            "db": {"properties": {"user": {"type": "string"}, "password": {"type": "string", "x-secret": true}}},
        }})
    }

    #[test]
    fn secrets_are_taken_out_and_put_back() {
        let paths = paths(&schema());
        let whole =
            json!({"a": 1, "token": "a long token", "db": {"user": "ann", "password": "a long password"}});
        let mut shown = map(whole.clone());
        let secret = take(&paths, &mut shown).unwrap();
        assert_eq!(
            Value::Object(shown.clone()),
            json!({"a": 1, "token": "***", "db": {"user": "ann", "password": "***"}})
        );
        assert_eq!(
            Value::Object(secret.clone()),
            json!({"token": "a long token", "db": {"password": "a long password"}})
        );
        put_back(&mut shown, secret);
        assert_eq!(Value::Object(shown), whole);
        let mut told = standing(&paths, &whole);
        told.sort_unstable();
        assert_eq!(told, ["a long password", "a long token"]);
    }

    #[test]
    fn what_is_not_there_is_not_taken() {
        let paths = paths(&schema());
        for parameters in [json!({}), json!({"a": 1, "db": {"user": "ann"}}), json!({"db": 1, "token": null})]
        {
            let mut shown = map(parameters.clone());
            assert_eq!(take(&paths, &mut shown), None);
            assert_eq!(Value::Object(shown), parameters);
        }
    }

    #[test]
    fn a_secret_stands_where_it_is_found_and_is_not_told_by_its_schema() {
        let faults = |schema: Value| {
            let mut faults = Faults::default();
            check(&schema, &At::Root.key("params"), &mut faults);
            faults.finish().into_iter().map(|fault| fault.pointer).collect::<Vec<_>>()
        };
        assert_eq!(faults(schema()), [""; 0]);
        let secret = json!({"type": "string", "x-secret": true});
        assert_eq!(faults(secret.clone()), ["/params/x-secret"]);
        assert_eq!(faults(json!({"$defs": {"s": secret}})), ["/params/$defs/s/x-secret"]);
        assert_eq!(
            faults(json!({"properties": {"l": {"type": "array", "items": secret}}})),
            ["/params/properties/l/items/x-secret"]
        );
        assert_eq!(
            faults(json!({"allOf": [{"properties": {"s": secret}}]})),
            ["/params/allOf/0/properties/s/x-secret"]
        );
        assert_eq!(
            faults(
                json!({"properties": {"properties": {"type": "integer", "x-secret": "yes", "default": "x"}}})
            ),
            [
                "/params/properties/properties/default",
                "/params/properties/properties/type",
                "/params/properties/properties/x-secret"
            ]
        );
    }
}

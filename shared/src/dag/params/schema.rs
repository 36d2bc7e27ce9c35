//! Whether `params` are a JSON Schema that runs can be checked against.

use serde_json::{Value, json};

use super::defaults::Defaults;
use super::work::Work;
use super::{TOO_MUCH, each_error, options, patterns, refs, secrets, sentence, whole};
use crate::dag::at::At;
use crate::dag::faults::Faults;
use crate::dag::limits::MAX_SPEC_BYTES;
use crate::dag::words::{cut, list, meant, quoted, shown};

/// The formats that are asserted.
#[rustfmt::skip]
const FORMATS: [&str; 17] = [
    "date", "date-time", "duration", "email", "hostname", "ipv4", "ipv6", "iri",
    "iri-reference", "json-pointer", "regex", "relative-json-pointer", "time", "uri", "uri-reference",
    "uri-template", "uuid",
];
const TYPES: [&str; 7] = ["string", "number", "integer", "boolean", "object", "array", "null"];
/// What schemas say, to suggest one that was meant. Other words are allowed, as JSON Schema has it, and mean nothing.
#[rustfmt::skip]
const KEYWORDS: [&str; 54] = [
    "$comment", "$defs", "$ref", "$schema", "additionalProperties", "allOf", "anyOf", "const", "contains",
    "contentEncoding", "contentMediaType", "contentSchema", "default", "definitions", "dependentRequired",
    "dependentSchemas", "deprecated", "description", "else", "enum", "example", "examples",
    "exclusiveMaximum", "exclusiveMinimum", "format", "if", "items", "maxContains", "maximum", "maxItems",
    "maxLength", "maxProperties", "minContains", "minimum", "minItems", "minLength", "minProperties",
    "multipleOf", "not", "oneOf", "pattern", "patternProperties", "prefixItems", "properties",
    "propertyNames", "readOnly", "required", "then", "title", "type", "unevaluatedItems",
    "unevaluatedProperties", "uniqueItems", "writeOnly",
];

/// No keyword has more, misspelt or not.
const MAX_KEYWORD_LETTERS: usize = 30;

/// Finds everything that is wrong with the `params` at `at`, an object.
pub(in crate::dag) fn check(schema: &Value, at: &At<'_>, faults: &mut Faults) {
    let mut found = Faults::default();
    if let Some(other) = schema.get("type").filter(|found| *found != "object") {
        let is = cut(&other.to_string());
        found.add(
            &at.key("type"),
            format!("must be \"object\" or left out, as parameters are an object; is {is}"),
        );
    }
    refs::check(schema, at, &mut found);
    refs::each(schema, at, &mut |schema, at| words(schema, at, &mut found));
    patterns::check(schema, at, &mut found);
    secrets::check(schema, at, &mut found);
    against_meta_schema(schema, at, &mut found);
    if found.is_empty() {
        match options().build(&whole(schema)) {
            Ok(_) => check_defaults(schema, at, &mut found),
            Err(error) => found.add(at, format!("are no JSON Schema: {}", cut(&error.to_string()))),
        }
    }
    for fault in found.finish() {
        faults.add_at(fault.pointer, fault.detail);
    }
}

/// Types, formats and keywords that were probably meant otherwise.
fn words(schema: &Value, at: &At<'_>, faults: &mut Faults) {
    let Some(schema) = schema.as_object().filter(|_| !faults.is_full()) else { return };
    match schema.get("type") {
        Some(Value::String(one)) => one_type(one, &at.key("type"), faults),
        Some(Value::Array(several)) => {
            for (index, one) in several.iter().enumerate() {
                one.as_str().into_iter().for_each(|one| one_type(one, &at.key("type").index(index), faults));
            }
        }
        Some(other) => {
            faults.add(&at.key("type"), format!("must be one of {}, is {}", list(TYPES), shown(other)))
        }
        None => {}
    }
    if let Some(format) = schema.get("format").and_then(Value::as_str)
        && !FORMATS.contains(&format)
    {
        let hint = meant(format, FORMATS);
        faults
            .add(&at.key("format"), format!("must be one of {}, is {}{hint}", list(FORMATS), quoted(format)));
    }
    for name in schema.keys() {
        if name == "nullable" {
            let detail = "is not a keyword of JSON Schema: allow null as a type, as in \"type\": [\"string\", \"null\"]";
            faults.add(&at.key(name), detail);
        } else if let Some(keyword) = misspelt(name) {
            let detail = format!("is not a keyword of JSON Schema (did you mean {keyword:?}?)");
            faults.add(&at.key(name), detail);
        }
    }
}

/// The keyword that a name surely stands for: but for capitals, `_`, `-` and a plural it is the same word, or one letter of six or more is wrong. Other
/// words that resemble one (`cost`, `note`, `comment`) are notes of their authors.
fn misspelt(name: &str) -> Option<&'static str> {
    let letters = name.chars().take(MAX_KEYWORD_LETTERS + 1).count();
    if KEYWORDS.contains(&name) || !(5..=MAX_KEYWORD_LETTERS).contains(&letters) {
        return None;
    }
    let plain = |word: &str| {
        let plain = word.replace(['_', '-'], "").to_lowercase();
        let one = plain.strip_suffix("ies").map(|stem| format!("{stem}y"));
        one.unwrap_or_else(|| plain.trim_end_matches('s').to_owned())
    };
    let this = plain(name);
    let one_letter = |keyword: &str| {
        letters >= 6
            && keyword.as_bytes().first() == name.as_bytes().first()
            && keyword.len().abs_diff(letters) <= 1
            && strsim::osa_distance(keyword, name) <= 1
    };
    KEYWORDS.into_iter().find(|keyword| keyword.len() >= 5 && (plain(keyword) == this || one_letter(keyword)))
}

fn one_type(one: &str, at: &At<'_>, faults: &mut Faults) {
    if !TYPES.contains(&one) && !faults.is_full() {
        faults.add(at, format!("must be one of {}, is {}{}", list(TYPES), quoted(one), meant(one, TYPES)));
    }
}

/// What JSON Schema says of schemas, where nothing has been said yet.
fn against_meta_schema(schema: &Value, at: &At<'_>, faults: &mut Faults) {
    let mut more = Faults::default();
    let meta = jsonschema::draft202012::meta::validator();
    if meta.is_valid(schema) {
        return;
    }
    for error in meta.iter_errors(schema) {
        if more.is_full() {
            break;
        }
        sentence::add(&error, at, &[], &mut more);
    }
    for fault in more.finish() {
        if !faults.mentions(&fault.pointer) {
            faults.add_at(fault.pointer, format!("is no JSON Schema: {}", fault.detail));
        }
    }
}

/// Each default has to satisfy the schema that it stands in.
fn check_defaults(schema: &Value, at: &At<'_>, faults: &mut Faults) {
    let (mut places, mut refs, mut defaults) = (Vec::new(), Vec::new(), Vec::new());
    let weights = patterns::weights(schema);
    let mut work = Work::new(schema, &weights);
    let mut room = MAX_SPEC_BYTES;
    let mut too_much = None;
    refs::each(schema, &At::Root, &mut |within, place| {
        let Some(default) = within.get("default").filter(|_| too_much.is_none()) else { return };
        let mut default = default.clone();
        // As a run gets it.
        let filled = match &mut default {
            Value::Object(fields) => Defaults::of_within(within, schema).fill_into(fields, &mut room).is_ok(),
            _ => true,
        };
        if !filled || work.spend_on(within, &default).is_err() {
            too_much = Some(place.key("default").to_string());
        }
        places.push(place.to_string());
        refs.push(json!({ "$ref": format!("urn:params#{}", encoded(&place.to_string())) }));
        defaults.push(default);
    });
    if let Some(place) = too_much {
        return faults.add_at(format!("{at}{place}"), format!("with the defaults before it: {TOO_MUCH}"));
    }
    if defaults.is_empty() {
        return;
    }
    // All at once: the list of the defaults against the list of their schemas, which lie in a document of their own.
    let mut document = whole(schema);
    if let Some(fields) = document.as_object_mut() {
        fields.insert("$id".to_owned(), json!("urn:params"));
    }
    let lists = json!({ "prefixItems": refs, "$defs": { "params": document } });
    let validator = match options().build(&lists) {
        Ok(validator) => validator,
        Err(error) => {
            return faults
                .add(at, format!("have defaults that cannot be checked: {}", cut(&error.to_string())));
        }
    };
    let defaults = Value::Array(defaults);
    each_error(&validator, &defaults, work.spent(), |error| {
        let mut one = Faults::default();
        sentence::add(error, &At::Root, &[], &mut one);
        for fault in one.finish() {
            // `/<number of the default>/<place in it>`
            let (number, within) = fault.pointer[1..].split_once('/').unwrap_or((&fault.pointer[1..], ""));
            let place =
                number.parse::<usize>().ok().and_then(|number| places.get(number)).map_or("", String::as_str);
            let within = if within.is_empty() { String::new() } else { format!("/{within}") };
            faults.add_at(
                format!("{at}{place}/default{within}"),
                format!("does not satisfy its own schema: {}", fault.detail),
            );
        }
        !faults.is_full()
    });
}

/// A JSON pointer as the fragment of a URI.
fn encoded(pointer: &str) -> String {
    percent_encoding::utf8_percent_encode(pointer, FRAGMENT).to_string()
}

const FRAGMENT: &percent_encoding::AsciiSet =
    &percent_encoding::NON_ALPHANUMERIC.remove(b'/').remove(b'~').remove(b'-').remove(b'_').remove(b'.');

#[cfg(test)]
mod tests {
    use jsonschema::Draft;

    use super::*;

    #[test]
    fn every_format_that_may_be_named_is_asserted() {
        let unknown: Vec<_> =
            FORMATS.iter().filter(|format| !options().is_known_format(Draft::Draft202012, format)).collect();
        assert_eq!(unknown, [&""; 0]);
    }
}

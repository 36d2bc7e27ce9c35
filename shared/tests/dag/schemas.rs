//! `params` that are no JSON Schema, or one that runs cannot be checked against.

use insta::assert_snapshot;
use serde_json::{Value, json};

use crate::support::faults;

fn of(params: Value) -> Value {
    params.as_array().unwrap().iter().map(|params| json!({ "params": params })).collect()
}

#[test]
fn what_is_no_schema() {
    assert_snapshot!(faults(of(json!([
        {"type": "array"},
        {"type": ["object", "null"]},
        {"properties": {"a": {"type": "strng"}, "b": {"type": ["integer", "nul"]}, "c": {"type": 5}, "d": 5}},
        {"properties": [], "required": "a", "minProperties": -1},
        {"requird": ["a"], "properties": {"a": {"minimun": 1, "maxlength": 5, "x-ours": 1, "whatever": 1}}},
        {"properties": {"a": {"enum": {}, "pattern": 5, "minLength": 0.5, "items": [1]}}},
    ]))), @r#"
    {"params":{"type":"array"}}
        /params/type  must be "object" or left out, as parameters are an object; is "array"

    {"params":{"type":["object","null"]}}
        /params/type  must be "object" or left out, as parameters are an object; is ["object","null"]

    {"params":{"properties":{"a":{"type":"strng"},"b":{"type":["integer","nul"]},"c":{"type":5},"d":5}}}
        /params/properties/a/type  must be one of "string", "number", "integer", "boolean", "object", "array", "null", is "strng" (did you mean "string"?)
        /params/properties/b/type/1  must be one of "string", "number", "integer", "boolean", "object", "array", "null", is "nul" (did you mean "null"?)
        /params/properties/c/type  must be one of "string", "number", "integer", "boolean", "object", "array", "null", is 5
        /params/properties/d  is no JSON Schema: must be a boolean or an object, is 5

    {"params":{"minProperties":-1,"properties":[],"required":"a"}}
        /params/minProperties  is no JSON Schema: must be at least 0
        /params/properties  is no JSON Schema: must be an object, is a list
        /params/required  is no JSON Schema: must be a list, is a string

    {"params":{"properties":{"a":{"maxlength":5,"minimun":1,"whatever":1,"x-ours":1}},"requird":["a"]}}
        /params/properties/a/maxlength  is not a keyword of JSON Schema (did you mean "maxLength"?)
        /params/properties/a/minimun  is not a keyword of JSON Schema (did you mean "minimum"?)
        /params/requird  is not a keyword of JSON Schema (did you mean "required"?)

    {"params":{"properties":{"a":{"enum":{},"items":[1],"minLength":0.5,"pattern":5}}}}
        /params/properties/a/enum  is no JSON Schema: must be a list, is an object
        /params/properties/a/items  is no JSON Schema: must be a boolean or an object, is a list
        /params/properties/a/minLength  is no JSON Schema: must be a whole number, is 0.5
        /params/properties/a/pattern  is no JSON Schema: must be a string, is 5
    "#);
}

#[test]
fn formats_and_regular_expressions() {
    assert_snapshot!(faults(of(json!([
        {"properties": {"a": {"format": "datetime"}, "b": {"format": "phone"}, "c": {"format": "uuid"}}},
        {"properties": {"a": {"pattern": "("}, "b": {"pattern": "(?=a)b"}, "c": {"pattern": "(a)\\1"}, "d": {"pattern": "^[a-z]+$"}}},
        {"patternProperties": {"[": {}, "^x-": {}}, "properties": {"e": {"pattern": "((a{1000}){1000}){1000}"}}},
    ]))), @r#"
    {"params":{"properties":{"a":{"format":"datetime"},"b":{"format":"phone"},"c":{"format":"uuid"}}}}
        /params/properties/a/format  must be one of "date", "date-time", "duration", "email", "hostname", "ipv4", "ipv6", "iri", "iri-reference", "json-pointer", "regex", "relative-json-pointer", "time", "uri", "uri-reference", "uri-template", "uuid", is "datetime" (did you mean "date-time"?)
        /params/properties/b/format  must be one of "date", "date-time", "duration", "email", "hostname", "ipv4", "ipv6", "iri", "iri-reference", "json-pointer", "regex", "relative-json-pointer", "time", "uri", "uri-reference", "uri-template", "uuid", is "phone"

    {"params":{"properties":{"a":{"pattern":"("},"b":{"pattern":"(?=a)b"},"c":{"pattern":"(a)\\1"},"d":{"pattern":"^[a-z]+$"}}}}
        /params/properties/a/pattern  must be a regular expression without look-around and back references, not too large; is "("
        /params/properties/b/pattern  must be a regular expression without look-around and back references, not too large; is "(?=a)b"
        /params/properties/c/pattern  must be a regular expression without look-around and back references, not too large; is "(a)\\1"

    {"params":{"patternProperties":{"[":{},"^x-":{}},"properties":{"e":{"pattern":"((a{1000}){1000}){1000}"}}}}
        /params/patternProperties/[  must be a regular expression without look-around and back references, not too large; is "["
        /params/properties/e/pattern  must be a regular expression without look-around and back references, not too large; is "((a{1000}){1000}){1000}"
    "#);
}

#[test]
fn references_that_lead_elsewhere_nowhere_or_back() {
    assert_snapshot!(faults(of(json!([
        {"properties": {"a": {"$ref": "https://example.org/schema.json"}, "b": {"$ref": "other.json#/a"}}},
        {"properties": {"a": {"$ref": "#/$defs/missing"}, "b": {"$ref": "#/properties/c/enum/0"}, "c": {"enum": [{}]}}},
        {"$ref": "#"},
        {"properties": {"tree": {"$ref": "#/$defs/node"}}, "$defs": {"node": {"properties": {"children": {"items": {"$ref": "#/$defs/node"}}}}}},
        {"properties": {"a": {"$ref": "#/$defs/a"}}, "$defs": {"a": {"$ref": "#/$defs/b"}, "b": {"$ref": "#/$defs/a"}}},
        {"$id": "https://example.org/x", "properties": {"a": {"$anchor": "a"}, "b": {"$dynamicRef": "#a"}}},
        {"$schema": "http://json-schema.org/draft-07/schema#", "properties": {"a": {"$schema": "https://json-schema.org/draft/2020-12/schema"}}},
        {"$schema": "https://json-schema.org/draft/2020-12/schema", "$defs": {"a~b/c d": {"type": "integer"}}, "properties": {"a": {"$ref": "#/$defs/a~0b~1c%20d"}}},
    ]))), @r##"
    {"params":{"properties":{"a":{"$ref":"https://example.org/schema.json"},"b":{"$ref":"other.json#/a"}}}}
        /params/properties/a/$ref  may only lead within params, such as "#/$defs/address": nothing is fetched; is "https://example.org/schema.json"
        /params/properties/b/$ref  may only lead within params, such as "#/$defs/address": nothing is fetched; is "other.json#/a"

    {"params":{"properties":{"a":{"$ref":"#/$defs/missing"},"b":{"$ref":"#/properties/c/enum/0"},"c":{"enum":[{}]}}}}
        /params/properties/a/$ref  names a place that is not there; is "#/$defs/missing"
        /params/properties/b/$ref  names a place where no schema stands; is "#/properties/c/enum/0"

    {"params":{"$ref":"#"}}
        /params  has a "$ref" that leads back to params themselves: parameters have no endless depth

    {"params":{"$defs":{"node":{"properties":{"children":{"items":{"$ref":"#/$defs/node"}}}}},"properties":{"tree":{"$ref":"#/$defs/node"}}}}
        /params  has a "$ref" that leads back to "#/$defs/node": parameters have no endless depth

    {"params":{"$defs":{"a":{"$ref":"#/$defs/b"},"b":{"$ref":"#/$defs/a"}},"properties":{"a":{"$ref":"#/$defs/a"}}}}
        /params  has a "$ref" that leads back to "#/$defs/a": parameters have no endless depth

    {"params":{"$id":"https://example.org/x","properties":{"a":{"$anchor":"a"},"b":{"$dynamicRef":"#a"}}}}
        /params/$id  is not read here: refer to a place within params, with "$ref": "#/$defs/…"
        /params/properties/a/$anchor  is not read here: refer to a place within params, with "$ref": "#/$defs/…"
        /params/properties/b/$dynamicRef  is not read here: refer to a place within params, with "$ref": "#/$defs/…"

    {"params":{"$schema":"http://json-schema.org/draft-07/schema#","properties":{"a":{"$schema":"https://json-schema.org/draft/2020-12/schema"}}}}
        /params/$schema  must be "https://json-schema.org/draft/2020-12/schema", in params themselves, or left out
        /params/properties/a/$schema  must be "https://json-schema.org/draft/2020-12/schema", in params themselves, or left out

    {"params":{"$defs":{"a~b/c d":{"type":"integer"}},"$schema":"https://json-schema.org/draft/2020-12/schema","properties":{"a":{"$ref":"#/$defs/a~0b~1c%20d"}}}}
        is valid
    "##);
}

#[test]
fn schemas_that_stand_for_too_many() {
    // Thirty levels, each of which names the next one twice: a billion.
    let defs: serde_json::Map<_, _> = (0..30)
        .map(|level| {
            let next = json!({"$ref": format!("#/$defs/l{}", level + 1)});
            (format!("l{level}"), json!({"anyOf": [next, next]}))
        })
        .chain([("l30".to_owned(), json!({"type": "integer"}))])
        .collect();
    let twice = json!({"properties": {"a": {"$ref": "#/$defs/l0"}}, "$defs": defs});
    // Each names the next, so that they lie within each other: in the order of their names and against it.
    let chain = |next: fn(u32) -> u32| {
        let defs: serde_json::Map<_, _> = (1..5000)
            .map(|level| (format!("l{level:04}"), json!({"$ref": format!("#/$defs/l{:04}", next(level))})))
            .chain([("l0000".to_owned(), json!({})), ("l5000".to_owned(), json!({}))])
            .collect();
        json!({"$defs": defs})
    };
    for (params, detail) in [
        (twice, "stands for more than 10000 schemas, each \"$ref\" counted as what it names"),
        (
            chain(|level| level + 1),
            "has more than 64 schemas within each other, each \"$ref\" counted as what it names",
        ),
        (
            chain(|level| level - 1),
            "has more than 64 schemas within each other, each \"$ref\" counted as what it names",
        ),
    ] {
        let spec = json!({ "params": params });
        let found = runplane::dag::check(&spec, None);
        assert_eq!(
            found.iter().map(|fault| (fault.pointer.as_str(), fault.detail.as_str())).collect::<Vec<_>>(),
            [("/params", detail)]
        );
        // A version that was approved before this was checked creates no runs, and no endless ones.
        assert!(runplane::dag::Params::of(&spec).is_err());
    }
}

#[test]
fn defaults_that_their_own_schema_refuses() {
    assert_snapshot!(faults(of(json!([
        {"properties": {"a": {"type": "integer", "default": "1"}, "b": {"format": "date", "default": "tomorrow"}, "c": {"type": "null", "default": null}}},
        {"properties": {"a": {"properties": {"b": {"maximum": 5, "default": 6}}, "required": ["b", "c"], "default": {"b": 7}}}},
        {"properties": {"a": {"$ref": "#/$defs/small", "default": 11}}, "$defs": {"small": {"maximum": 10, "default": 10}}},
        {"default": {"a": 1}, "properties": {"a": {"type": "string"}}},
    ]))), @r##"
    {"params":{"properties":{"a":{"default":"1","type":"integer"},"b":{"default":"tomorrow","format":"date"},"c":{"default":null,"type":"null"}}}}
        /params/properties/a/default  does not satisfy its own schema: must be a whole number, is a string
        /params/properties/b/default  does not satisfy its own schema: must be a date such as 2026-11-24

    {"params":{"properties":{"a":{"default":{"b":7},"properties":{"b":{"default":6,"maximum":5}},"required":["b","c"]}}}}
        /params/properties/a/default/b  does not satisfy its own schema: must be at most 5
        /params/properties/a/default/c  does not satisfy its own schema: is required
        /params/properties/a/properties/b/default  does not satisfy its own schema: must be at most 5

    {"params":{"$defs":{"small":{"default":10,"maximum":10}},"properties":{"a":{"$ref":"#/$defs/small","default":11}}}}
        /params/properties/a/default  does not satisfy its own schema: must be at most 10

    {"params":{"default":{"a":1},"properties":{"a":{"type":"string"}}}}
        /params/default/a  does not satisfy its own schema: must be a string, is 1
    "##);
}

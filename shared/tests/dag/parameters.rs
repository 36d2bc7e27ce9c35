//! Parameters of runs against `params`.

use insta::assert_snapshot;
use runplane::dag::Params;
use serde_json::{Map, Value, json};

fn params(schema: Value) -> Params {
    Params::of(&json!({ "params": schema })).unwrap()
}

fn object(value: Value) -> Map<String, Value> {
    serde_json::from_value(value).unwrap()
}

/// What is wrong with each of the parameters.
fn faults(schema: Value, parameters: Value) -> String {
    let params = params(schema);
    let told = parameters.as_array().unwrap().iter().map(|parameters| {
        let lines = match params.apply(object(parameters.clone())) {
            Ok(filled) => format!("    {}\n", Value::Object(filled)),
            Err(faults) => {
                faults.iter().map(|fault| format!("    {}  {}\n", fault.pointer, fault.detail)).collect()
            }
        };
        format!("{parameters}\n{lines}")
    });
    told.collect()
}

#[test]
fn every_fault_has_a_place_and_a_sentence() {
    let schema = json!({
        "properties": {
            "since": {"type": "string", "format": "date"},
            "count": {"type": "integer", "minimum": 1, "maximum": 10},
            "mode": {"enum": ["fast", "slow", 3]},
            "name": {"type": "string", "minLength": 2, "maxLength": 4, "pattern": "^[a-z]+$"},
            "list": {"type": "array", "items": {"type": "number", "multipleOf": 0.5}, "minItems": 1, "maxItems": 2, "uniqueItems": true},
            "either": {"oneOf": [{"type": "string"}, {"required": ["x"]}]},
            "open": {"type": ["object", "null"], "properties": {"a/b": {"const": 1}}, "additionalProperties": {"exclusiveMinimum": 0}, "propertyNames": {"maxLength": 5}},
            "never": false,
        },
        "required": ["since", "count"],
        "additionalProperties": false,
    });
    assert_snapshot!(faults(schema, json!([
        {},
        {"since": "2026-02-30", "count": 0, "conut": 1, "mode": "fats", "other/one": 1},
        {"since": 1, "count": 1.5, "mode": 4, "name": "A", "list": [], "never": 1},
        {"since": "2026-11-24", "count": 11, "name": "abcde", "list": [1, 1, "x", 0.3], "either": {"x": 1}},
        {"since": "2026-11-24", "count": 10, "either": 5, "open": {"a/b": 2, "b": 0, "too long": 1}},
        {"since": "2026-11-24", "count": 10.0, "open": null},
    ])), @r#"
    {}
        /parameters/count  is required
        /parameters/since  is required
    {"conut":1,"count":0,"mode":"fats","other/one":1,"since":"2026-02-30"}
        /parameters/conut  is not described by the schema (did you mean "count"?)
        /parameters/count  must be at least 1
        /parameters/mode  must be one of "fast", "slow", 3
        /parameters/other~1one  is not described by the schema
        /parameters/since  must be a date such as 2026-11-24
    {"count":1.5,"list":[],"mode":4,"name":"A","never":1,"since":1}
        /parameters/count  must be a whole number, is 1.5
        /parameters/list  must have at least 1 item
        /parameters/mode  must be one of "fast", "slow", 3
        /parameters/name  must have at least 2 characters
        /parameters/name  must match the regular expression "^[a-z]+$"
        /parameters/never  is not allowed here
        /parameters/since  must be a string, is 1
    {"count":11,"either":{"x":1},"list":[1,1,"x",0.3],"name":"abcde","since":"2026-11-24"}
        /parameters/count  must be at most 10
        /parameters/list  may have at most 2 items
        /parameters/list  has an item that is there twice
        /parameters/list/2  must be a number, is a string
        /parameters/list/3  must be a multiple of 0.5
        /parameters/name  may have at most 4 characters
    {"count":10,"either":5,"open":{"a/b":2,"b":0,"too long":1},"since":"2026-11-24"}
        /parameters/open  has the name "too long", which may have at most 5 characters
        /parameters/open/a~1b  must be 1
        /parameters/open/b  must be more than 0
    {"count":10.0,"open":null,"since":"2026-11-24"}
        {"count":10.0,"open":null,"since":"2026-11-24"}
    "#);
}

#[test]
fn formats_are_asserted() {
    let names = [
        "date",
        "date-time",
        "time",
        "duration",
        "email",
        "uuid",
        "ipv4",
        "ipv6",
        "uri",
        "hostname",
        "regex",
        "json-pointer",
    ];
    let properties: Map<_, _> =
        names.iter().map(|name| ((*name).to_owned(), json!({ "format": name }))).collect();
    let wrong: Map<_, _> = names.iter().map(|name| ((*name).to_owned(), json!("[no"))).collect();
    assert_snapshot!(faults(json!({ "properties": properties }), json!([
        wrong,
        {"date": "2026-11-24", "date-time": "2026-11-24T18:00:00Z", "time": "18:00:00Z", "duration": "P1D", "email": "a@example.org",
         "uuid": "b31dbeba-3a2e-4fa9-a084-72c75f9f18a3", "ipv4": "10.0.0.1", "ipv6": "::1", "uri": "https://example.org", "hostname": "example.org",
         "regex": "[a-z]+", "json-pointer": "/a/0"},
    ])), @r#"
    {"date":"[no","date-time":"[no","duration":"[no","email":"[no","hostname":"[no","ipv4":"[no","ipv6":"[no","json-pointer":"[no","regex":"[no","time":"[no","uri":"[no","uuid":"[no"}
        /parameters/date  must be a date such as 2026-11-24
        /parameters/date-time  must be a time such as 2026-11-24T18:00:00Z
        /parameters/duration  must be a duration such as P1DT12H
        /parameters/email  must be an email address
        /parameters/hostname  must be of the format "hostname"
        /parameters/ipv4  must be of the format "ipv4"
        /parameters/ipv6  must be of the format "ipv6"
        /parameters/json-pointer  must be of the format "json-pointer"
        /parameters/regex  must be of the format "regex"
        /parameters/time  must be a time of day such as 18:00:00Z
        /parameters/uri  must be of the format "uri"
        /parameters/uuid  must be a UUID
    {"date":"2026-11-24","date-time":"2026-11-24T18:00:00Z","duration":"P1D","email":"a@example.org","hostname":"example.org","ipv4":"10.0.0.1","ipv6":"::1","json-pointer":"/a/0","regex":"[a-z]+","time":"18:00:00Z","uri":"https://example.org","uuid":"b31dbeba-3a2e-4fa9-a084-72c75f9f18a3"}
        {"date":"2026-11-24","date-time":"2026-11-24T18:00:00Z","duration":"P1D","email":"a@example.org","hostname":"example.org","ipv4":"10.0.0.1","ipv6":"::1","json-pointer":"/a/0","regex":"[a-z]+","time":"18:00:00Z","uri":"https://example.org","uuid":"b31dbeba-3a2e-4fa9-a084-72c75f9f18a3"}
    "#);
}

#[test]
fn defaults_are_filled_in_wherever_something_was_left_out() {
    let schema = json!({
        "properties": {
            "a": {"default": 1},
            "null": {"default": null},
            "object": {"properties": {"b": {"default": 2}, "deep": {"properties": {"c": {"default": 3}}, "default": {}}}},
            "whole": {"properties": {"d": {"default": 4}}, "default": {"e": 5}},
            "referred": {"$ref": "#/$defs/limits"},
            "sometimes": {"anyOf": [{"default": 6}]},
        },
        "allOf": [{"properties": {"also": {"default": 7}, "a": {"default": 8}}}],
        "$defs": {"limits": {"properties": {"rows": {"default": 9}}, "default": {}}},
    });
    assert_snapshot!(faults(schema, json!([
        {},
        {"a": 0, "null": 0, "object": {}, "whole": {}, "referred": {"rows": 0}, "also": 0},
        {"a": null, "object": {"b": 0, "deep": {"c": 0}}, "whole": 5, "sometimes": {}},
    ])), @r#"
    {}
        {"a":1,"also":7,"null":null,"referred":{"rows":9},"whole":{"d":4,"e":5}}
    {"a":0,"also":0,"null":0,"object":{},"referred":{"rows":0},"whole":{}}
        {"a":0,"also":0,"null":0,"object":{"b":2,"deep":{"c":3}},"referred":{"rows":0},"whole":{"d":4}}
    {"a":null,"object":{"b":0,"deep":{"c":0}},"sometimes":{},"whole":5}
        {"a":null,"also":7,"null":null,"object":{"b":0,"deep":{"c":0}},"referred":{"rows":9},"sometimes":{},"whole":5}
    "#);
}

#[test]
fn defaults_have_to_satisfy_the_whole_schema_too() {
    let schema = json!({"properties": {"a": {"default": 1}, "b": {}}, "not": {"required": ["a", "b"]}});
    assert_snapshot!(faults(schema, json!([{}, {"b": 1}])), @r#"
    {}
        {"a":1}
    {"b":1}
        /parameters  is what the schema excludes
    "#);
}

#[test]
fn defaults_do_not_make_parameters_larger_than_what_is_stored() {
    let long = "x".repeat(100 * 1024);
    let properties: Map<_, _> =
        (0..3).map(|number| (format!("p{number}"), json!({"$ref": "#/$defs/long"}))).collect();
    let params = params(json!({"properties": properties, "$defs": {"long": {"default": long}}}));
    let faults = params.apply(Map::new()).unwrap_err();
    assert_eq!(faults[0].pointer, "/parameters");
    assert_eq!(params.apply(object(json!({"p0": 1}))).unwrap().len(), 3);
}

#[test]
fn a_problem_names_no_more_faults_than_an_answer_may_hold() {
    let params = params(json!({"properties": {"one": {}}, "additionalProperties": false}));
    let many: Map<_, _> = (0..1000).map(|number| (format!("p{number}"), json!(1))).collect();
    assert_eq!(params.apply(many).unwrap_err().len(), 20);
}

#[test]
fn nothing_is_asked_where_there_are_no_params() {
    for spec in [json!({}), json!({"params": {}}), json!({"kind": "ours", "params": {"required": ["a"]}})] {
        let parameters = object(json!({"anything": [1]}));
        assert_eq!(Params::of(&spec).unwrap().apply(parameters.clone()).unwrap(), parameters);
    }
    assert!(Params::of(&json!({"params": 5})).is_err());
}

#[test]
fn hostile_parameters_are_answered() {
    let names =
        ["regex", "uri-template", "uri", "email", "json-pointer", "date-time", "duration", "hostname", "iri"];
    let properties: Map<_, _> = names
        .iter()
        .map(|name| ((*name).to_owned(), json!({ "format": name })))
        .chain([("pattern".to_owned(), json!({"pattern": "^(a|aa)+$"}))])
        .chain([(
            "unique".to_owned(),
            json!({"uniqueItems": true, "items": {"anyOf": [{"pattern": "(x+x+)+y"}, {"type": "array"}]}}),
        )])
        .collect();
    let params = params(json!({ "properties": properties }));
    for piece in ["(", "(?:", "[", "{", "(a*)*", "a", "\\", "x+", "%", ".", "/", "@", "\"", "((?!"] {
        let text = piece.repeat(200_000 / piece.len());
        let all: Map<_, _> =
            names.iter().chain(&["pattern"]).map(|name| ((*name).to_owned(), json!(text))).collect();
        let started = std::time::Instant::now();
        let _either_way = params.apply(all);
        assert!(started.elapsed().as_secs() < 10, "{piece} took {:?}", started.elapsed());
    }
    let items: Vec<_> =
        (0..20_000).map(|number| json!([number])).chain([json!("x".repeat(50_000))]).collect();
    let started = std::time::Instant::now();
    assert!(params.apply(object(json!({ "unique": items }))).is_err());
    assert!(started.elapsed().as_secs() < 10, "took {:?}", started.elapsed());
}

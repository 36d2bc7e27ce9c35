//! What would take too long to validate: it is refused, or told in fewer words, before anybody has tried.

use runplane::dag::{self, Params};
use serde_json::{Map, Value, json};

fn told(params: Value) -> Vec<String> {
    dag::check(&json!({ "params": params }), None)
        .into_iter()
        .map(|fault| format!("{}  {}", fault.pointer, fault.detail))
        .collect()
}

/// What the parameters are told.
fn applied(params: Value, parameters: Value) -> Result<(), Vec<(String, String)>> {
    let params = Params::of(&json!({ "params": params })).unwrap();
    let parameters: Map<_, _> = serde_json::from_value(parameters).unwrap();
    let faults =
        |faults: Vec<dag::Fault>| faults.into_iter().map(|fault| (fault.pointer, fault.detail)).collect();
    params.apply(parameters).map(drop).map_err(faults)
}

fn is_too_much(found: &Result<(), Vec<(String, String)>>) -> bool {
    matches!(found, Err(faults) if faults.len() == 1 && faults[0].0 == "/parameters" && faults[0].1.starts_with("are too much to validate"))
}

#[test]
fn unevaluated_within_unevaluated_doubles_the_work_and_is_refused() {
    let step = |keyword: &str, inner: Value| json!({keyword: [inner], "unevaluatedProperties": false});
    let seventeen = (0..17).fold(json!({"properties": {"a": true}}), |inner, _| step("allOf", inner));
    assert!(told(seventeen.clone())[0].contains("has \"unevaluatedProperties\" or"), "{:?}", told(seventeen));
    // One after the other, and each way of it.
    let leaf = json!({"properties": {"a": true}, "unevaluatedProperties": false});
    assert!(Params::of(&json!({"params": step("oneOf", leaf.clone())})).is_err());
    for params in [
        step("anyOf", leaf.clone()),
        step("oneOf", json!({"properties": {"b": leaf}})),
        json!({"$ref": "#/$defs/leaf", "unevaluatedProperties": false, "$defs": {"leaf": leaf}}),
        json!({"not": leaf, "unevaluatedProperties": false}),
        json!({"properties": {"l": {"contains": {"unevaluatedItems": false}, "unevaluatedItems": false}}}),
        json!({"dependentSchemas": {"a": {"allOf": [{"items": leaf}]}}, "unevaluatedProperties": false}),
    ] {
        assert_eq!(told(params.clone()).len(), 1, "{params}");
    }
    // What lies in a field or an item is validated once.
    for params in [
        json!({"properties": {"a": leaf, "l": {"items": leaf}}, "unevaluatedProperties": false}),
        json!({"properties": {"a": {"$ref": "#/$defs/leaf"}}, "unevaluatedProperties": false, "$defs": {"leaf": leaf}}),
        json!({"allOf": [{"properties": {"a": true}}], "unevaluatedProperties": false}),
        json!({"anyOf": [leaf, {"properties": {"c": true}, "unevaluatedProperties": false}]}),
    ] {
        assert_eq!(told(params.clone()), [""; 0], "{params}");
    }
}

#[test]
fn booleans_are_schemas_too() {
    let all = vec![json!({"additionalProperties": true, "items": false}); 4000];
    assert!(told(json!({ "allOf": all }))[0].contains("stands for more than 10000 schemas"));
}

#[test]
fn too_many_values_for_so_many_schemas_are_refused() {
    let one_of = |count: usize| {
        let any: Vec<_> = (0..count).map(|number| json!({ "const": number })).collect();
        json!({"properties": {"list": {"items": {"anyOf": any}}}})
    };
    let list = |count: usize| json!({"list": vec![json!(1); count]});
    assert!(is_too_much(&applied(one_of(2000), list(2000))));
    assert_eq!(applied(one_of(200), list(200)), Ok(()));
    // Each way to meet one schema often.
    for (keyword, given, value) in [
        ("enum", json!((0..10_000).collect::<Vec<_>>()), json!(vec![json!(1); 2000])),
        (
            "required",
            json!((0..2000).map(|name| format!("n{name}")).collect::<Vec<_>>()),
            json!(vec![json!({}); 2000]),
        ),
        ("const", json!(vec![0; 2000]), json!(vec![json!(0); 2000])),
    ] {
        let params = json!({"properties": {"list": {"items": {keyword: given}}}});
        assert!(is_too_much(&applied(params, json!({"list": value}))), "{keyword}");
    }
    let names: Vec<_> = (0..1500).map(|name| json!({"const": format!("n{name}")})).collect();
    let fields: Map<_, _> = (0..1500).map(|name| (format!("n{name}"), json!(0))).collect();
    let by_name = json!({"propertyNames": {"anyOf": names}});
    assert!(is_too_much(&applied(by_name, Value::Object(fields))));
}

#[test]
fn a_default_that_is_too_much_for_its_schema_is_refused() {
    let any: Vec<_> = (0..2000).map(|number| json!({ "const": number })).collect();
    let params = json!({"properties": {"list": {"items": {"anyOf": any}, "default": vec![0; 2000]}}});
    let found = told(params);
    assert_eq!(found.len(), 1);
    assert!(
        found[0].starts_with("/params/properties/list/default  ")
            && found[0].contains("too much to validate"),
        "{found:?}"
    );
}

#[test]
fn ordinary_parameters_stay_far_below_the_bounds() {
    let column = json!({"type": ["string", "number", "null"], "maxLength": 100});
    let columns: Map<_, _> = (0..10).map(|name| (format!("c{name}"), column.clone())).collect();
    let row: Map<_, _> = (0..10).map(|name| (format!("c{name}"), json!("value"))).collect();
    let params = json!({"properties": {
        "rows": {"items": {"properties": columns, "required": ["c1", "c2"], "additionalProperties": false}, "maxItems": 10_000},
        "mails": {"items": {"format": "email", "pattern": "^[\\w.+-]{1,64}@[\\w-]{1,63}\\.[\\w.-]+$"}},
        "countries": {"items": {"enum": (0..250).map(|name| format!("x{name}")).collect::<Vec<_>>()}},
    }});
    let parameters = json!({"rows": vec![row; 2000], "mails": vec!["someone@example.org"; 500], "countries": vec!["x249"; 1000]});
    assert!(parameters.to_string().len() > 240 * 1024);
    assert_eq!(applied(params, parameters), Ok(()));
}

#[test]
fn of_parameters_that_are_much_work_the_first_fault_is_told() {
    let list = |count: usize| json!({"list": vec![json!("x"); count]});
    let params = json!({"properties": {"list": {"items": {"type": "integer"}}}});
    assert_eq!(applied(params.clone(), list(1000)).unwrap_err().len(), 20);
    let found = applied(params, list(60_000)).unwrap_err();
    assert_eq!(found, [("/parameters/list/0".to_owned(), "must be a whole number, is a string".to_owned())]);
}

#[test]
fn regular_expressions_that_people_write_are_accepted_and_huge_ones_are_not() {
    let of = |pattern: &str| told(json!({"properties": {"a": {"pattern": pattern}}}));
    for pattern in [
        "^\\w{1,255}$",
        "^.{1,1024}$",
        "\\p{L}+",
        "^[\\w.+-]{1,64}@[\\w-]{1,63}\\.[\\w.-]+$",
        "^[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?(\\.[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?)*$",
        "^s3://[a-z0-9.-]{3,63}/.+$",
        "^\\d{4}-\\d{2}-\\d{2}$",
    ] {
        assert_eq!(of(pattern), [""; 0]);
    }
    assert!(of("[ab]*a[ab]{2000}c")[0].contains("not too large"));
}

#[test]
fn a_long_text_counts_for_each_large_regular_expression_that_it_is_matched_against() {
    let params = json!({"properties": {"a": {"pattern": "[ab]*a[ab]{400}c"}, "b": {"pattern": "^[a-z ]+$"}}});
    let text = |bytes: usize| "ab".repeat(bytes / 2);
    assert!(is_too_much(&applied(params.clone(), json!({"a": text(100_000)}))));
    assert_eq!(applied(params.clone(), json!({"b": text(200_000)})), Ok(()));
    assert_eq!(applied(params, json!({"a": text(1000)})).unwrap_err()[0].0, "/parameters/a");
}

#[test]
fn a_default_is_checked_as_a_run_gets_it() {
    let inner = json!({"properties": {"x": {"type": "integer", "default": 1}}, "required": ["x"]});
    let params = |default: Value| json!({"properties": {"a": {"$ref": "#/$defs/inner", "default": default}}, "$defs": {"inner": inner}});
    assert_eq!(told(params(json!({}))), [""; 0]);
    assert_eq!(
        told(params(json!({"x": "1"}))),
        [
            "/params/properties/a/default/x  does not satisfy its own schema: must be a whole number, is a string"
        ]
    );
}

//! What was probably meant, and how often that is asked.

use runplane::dag::{self, Params};
use serde_json::{Map, Value, json};

use crate::support::with_expression;

fn told(spec: &Value) -> Vec<String> {
    dag::check(spec, None).into_iter().map(|fault| format!("{}  {}", fault.pointer, fault.detail)).collect()
}

fn told_of_expression(expression: &str) -> Vec<String> {
    dag::check(&with_expression(expression), None).into_iter().map(|fault| fault.detail).collect()
}

#[test]
fn notes_of_an_author_in_params_are_no_misspelt_keywords() {
    let notes = [
        "note",
        "notes",
        "cost",
        "comment",
        "comments",
        "unit",
        "label",
        "order",
        "types",
        "title",
        "group",
        "hidden",
        "format_hint",
    ];
    let schema: Map<_, _> = notes.iter().map(|note| ((*note).to_owned(), json!("x"))).collect();
    assert_eq!(told(&json!({ "params": schema })), [""; 0]);
    for (word, meant) in [
        ("maxlength", "maxLength"),
        ("max_length", "maxLength"),
        ("additional_properties", "additionalProperties"),
        ("property-names", "propertyNames"),
        ("requird", "required"),
        ("requireds", "required"),
        ("propertys", "properties"),
        ("minimun", "minimum"),
        ("patterns", "pattern"),
    ] {
        let found = told(&json!({"params": {word: 1}}));
        let expected = format!("/params/{word}  is not a keyword of JSON Schema (did you mean {meant:?}?)");
        assert_eq!(found, [expected]);
    }
}

#[test]
fn nullable_is_told_how_json_schema_says_it() {
    let found = told(&json!({"params": {"properties": {"a": {"type": "string", "nullable": true}}}}));
    assert_eq!(
        found,
        [
            "/params/properties/a/nullable  is not a keyword of JSON Schema: allow null as a type, as in \"type\": [\"string\", \"null\"]"
        ]
    );
}

#[test]
fn of_one_expression_twenty_faults_are_told_and_each_name_once() {
    let reads: Vec<_> = (0..100).map(|number| format!(".steps.n{number}")).collect();
    assert_eq!(told_of_expression(&format!("[{}]", reads.join(","))).len(), 20);
    let calls: Vec<_> = (0..100).map(|number| format!("f{number}")).collect();
    assert_eq!(told_of_expression(&format!("[{}]", calls.join(","))).len(), 20);
    assert_eq!(told_of_expression(&format!("[{}]", "lenght,lenght(1),".repeat(50) + "1")).len(), 1);
    assert_eq!(told_of_expression(&format!("[{}]", ".steps.othr,".repeat(50) + "1")).len(), 1);
}

#[test]
fn of_very_many_names_none_is_suggested() {
    let params = |count: usize| {
        let properties: Map<_, _> = (0..count).map(|number| (format!("name_{number}"), json!({}))).collect();
        Params::of(&json!({"params": {"properties": properties, "additionalProperties": false}})).unwrap()
    };
    let misspelt = |params: Params| {
        let parameters: Map<_, _> = [("nmae_5".to_owned(), json!(1))].into_iter().collect();
        params.apply(parameters).unwrap_err()[0].detail.clone()
    };
    assert!(misspelt(params(200)).ends_with("(did you mean \"name_5\"?)"));
    assert_eq!(misspelt(params(201)), "is not described by the schema");
}

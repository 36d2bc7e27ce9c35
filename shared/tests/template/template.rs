//! Reading the template.

use std::collections::BTreeMap;
use std::path::Path;

use serde_json::{Map, Value, json};
use yaml_serde::Value as Yaml;

/// The template as JSON, with `!Ref x` written as `{"Ref": "x"}` and `!Sub x` as `{"Fn::Sub": "x"}`.
#[derive(Debug)]
pub struct Template {
    /// All of it.
    pub whole: Value,
}

impl Template {
    /// The repository's.
    pub fn read() -> Self {
        Self::of_file("template.yaml")
    }

    /// Another one, by its path in the repository.
    pub fn of_file(name: &str) -> Self {
        let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("..").join(name);
        let text = std::fs::read_to_string(path).unwrap();
        Self { whole: json_of(yaml_serde::from_str(&text).unwrap()) }
    }

    /// The properties of the resources of this type, by their names.
    pub fn of_type(&self, kind: &str) -> BTreeMap<&str, &Value> {
        let resources = self.whole["Resources"].as_object().unwrap().iter();
        let found = resources.filter(|(_, resource)| resource["Type"] == kind);
        found.map(|(name, resource)| (name.as_str(), &resource["Properties"])).collect()
    }

    /// The one resource of this type: its name and properties.
    pub fn only(&self, kind: &str) -> (&str, &Value) {
        let found = self.of_type(kind);
        assert_eq!(found.len(), 1, "{kind}: {:?}", found.keys());
        found.into_iter().next().unwrap()
    }

    /// Name and properties of the Lambda function that is built from this binary.
    pub fn function(&self, binary: &str) -> (&str, &Value) {
        let functions = self.of_type("AWS::Serverless::Function");
        let mut found = functions.into_iter().filter(|(name, _)| self.binary(name) == binary);
        let function = found.next().unwrap_or_else(|| panic!("the template has no function {binary}"));
        assert!(found.next().is_none(), "two functions are built from {binary}");
        function
    }

    /// What a function is built from.
    pub fn binary(&self, name: &str) -> &str {
        let metadata = &self.whole["Resources"][name]["Metadata"];
        assert_eq!(metadata["BuildMethod"], "rust-cargolambda", "{name}");
        metadata["BuildProperties"]["Binary"].as_str().unwrap_or_else(|| panic!("{name} names no Binary"))
    }

    /// A property of a function, or else what Globals say.
    pub fn property<'a>(&'a self, function: &'a Value, name: &str) -> &'a Value {
        function.get(name).unwrap_or(&self.whole["Globals"]["Function"][name])
    }
}

/// `!Ref name`.
pub fn reference(name: &str) -> Value {
    json!({ "Ref": name })
}

/// `!GetAtt name.attribute`.
pub fn attribute(name: &str, attribute: &str) -> Value {
    json!({ "Fn::GetAtt": format!("{name}.{attribute}") })
}

/// `!Sub text`.
pub fn substitution(text: &str) -> Value {
    json!({ "Fn::Sub": text })
}

fn json_of(yaml: Yaml) -> Value {
    match yaml {
        Yaml::Null => Value::Null,
        Yaml::Bool(value) => value.into(),
        Yaml::Number(number) => json!(number),
        Yaml::String(text) => text.into(),
        Yaml::Sequence(items) => items.into_iter().map(json_of).collect(),
        Yaml::Mapping(entries) => {
            let named = |(name, value): (Yaml, Yaml)| (name.as_str().unwrap().to_owned(), json_of(value));
            entries.into_iter().map(named).collect::<Map<_, _>>().into()
        }
        Yaml::Tagged(tagged) => {
            let tag = tagged.tag.to_string();
            let name = tag.trim_start_matches('!');
            let name = if name == "Ref" { name.to_owned() } else { format!("Fn::{name}") };
            json!({ name: json_of(tagged.value) })
        }
    }
}

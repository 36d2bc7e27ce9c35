//! What CloudFormation makes of the template with parameters that somebody has given: conditions, and properties that depend on them.

use std::collections::BTreeMap;

use serde_json::{Value, json};

use crate::template::{Template, reference};

/// The template with the values of its parameters.
#[derive(Debug)]
pub struct Deployment<'a> {
    template: &'a Template,
    parameters: BTreeMap<&'a str, Value>,
}

impl<'a> Deployment<'a> {
    /// With each parameter's default, or nothing where it has none, but for these.
    pub fn with(template: &'a Template, given: &[(&'a str, Value)]) -> Self {
        let all = template.whole["Parameters"].as_object().unwrap().iter();
        let mut parameters: BTreeMap<_, _> =
            all.map(|(name, parameter)| (name.as_str(), parameter["Default"].clone())).collect();
        for (name, value) in given {
            assert!(parameters.insert(name, value.clone()).is_some(), "there is no parameter {name}");
        }
        Self { template, parameters }
    }

    /// Whether a condition of the template holds.
    pub fn holds(&self, condition: &str) -> bool {
        self.is_true(&self.template.whole["Conditions"][condition])
    }

    /// Whether a function of conditions, or of rules, is true.
    pub fn is_true(&self, function: &Value) -> bool {
        let (name, of) = function.as_object().and_then(|function| function.iter().next()).unwrap();
        let each = || of.as_array().into_iter().flatten();
        match name.as_str() {
            "Fn::Equals" => self.text(&of[0]) == self.text(&of[1]),
            "Fn::Not" => !self.is_true(&of[0]),
            "Fn::And" => each().all(|one| self.is_true(one)),
            "Fn::Or" => each().any(|one| self.is_true(one)),
            "Fn::Condition" => self.holds(of.as_str().unwrap()),
            other => panic!("{other} is no condition"),
        }
    }

    /// A value with the branches of `Fn::If` that are taken, the values of parameters, and `null` for what is not there. Other functions, and references to
    /// resources, stay as they stand.
    pub fn value(&self, of: &Value) -> Value {
        match of {
            Value::Object(fields) => {
                if let Some([condition, then, otherwise]) = of["Fn::If"].as_array().map(Vec::as_slice) {
                    let holds = self.holds(condition.as_str().unwrap());
                    return self.value(if holds { then } else { otherwise });
                }
                if *of == reference("AWS::NoValue") {
                    return Value::Null;
                }
                if let Some(value) = of["Ref"].as_str().and_then(|name| self.parameters.get(name)) {
                    return value.clone();
                }
                if let Some(text) = of["Fn::Sub"].as_str() {
                    let texts = self.parameters.iter();
                    let filled = texts.fold(text.to_owned(), |text, (name, value)| {
                        text.replace(&format!("${{{name}}}"), &plain(value))
                    });
                    return json!({ "Fn::Sub": filled });
                }
                fields.iter().map(|(name, value)| (name.clone(), self.value(value))).collect()
            }
            Value::Array(items) => items.iter().map(|item| self.value(item)).collect(),
            other => other.clone(),
        }
    }

    /// What CloudFormation compares: a number as it is written.
    fn text(&self, of: &Value) -> String {
        plain(&self.value(of))
    }
}

fn plain(value: &Value) -> String {
    value.as_str().map_or_else(|| value.to_string(), str::to_owned)
}

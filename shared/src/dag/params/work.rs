//! How much work it is to validate a value: a list of a thousand items against a thousand schemas is a million pairs.
//!
//! Nothing is validated here. Each schema is taken to each value that it would be asked about, branches that would not be tried included, until
//! the budget is spent: so this ends soon, and what it lets through does too.

use std::collections::HashMap;

use serde_json::{Map, Value};

use super::refs::{self, UNEVALUATED};
use crate::dag::limits::MAX_WORK;

/// What each regular expression takes for a byte, by its text.
pub(super) type Patterns = HashMap<String, u64>;

/// A budget for values against the schemas of one document, whose references have been checked.
pub(super) struct Work<'a> {
    root: &'a Value,
    patterns: &'a Patterns,
    left: u64,
}

/// It takes more than [`MAX_WORK`].
#[derive(Debug)]
pub(super) struct TooMuch;

/// How often a schema is asked about a value.
#[derive(Clone, Copy)]
struct Passes {
    times: u64,
    /// Within a schema with `unevaluated…` each level asks as often again.
    again: u64,
}

impl<'a> Work<'a> {
    pub(super) fn new(root: &'a Value, patterns: &'a Patterns) -> Self {
        Self { root, patterns, left: MAX_WORK }
    }

    /// What has been spent, in pairs of a schema and a value or what takes as long.
    pub(super) fn spent(&self) -> u64 {
        MAX_WORK - self.left
    }

    /// Spends what `value` against `schema` takes.
    pub(super) fn spend_on(&mut self, schema: &Value, value: &Value) -> Result<(), TooMuch> {
        self.pair(schema, value, Passes { times: 1, again: 0 })
    }

    fn spend(&mut self, units: usize, passes: Passes) -> Result<(), TooMuch> {
        let units = u64::try_from(units).unwrap_or(u64::MAX).saturating_mul(passes.times);
        self.left = self.left.checked_sub(units).ok_or(TooMuch)?;
        Ok(())
    }

    fn pair(&mut self, schema: &Value, value: &Value, mut passes: Passes) -> Result<(), TooMuch> {
        self.spend(1, passes)?;
        let Some(keywords) = schema.as_object() else { return Ok(()) };
        if UNEVALUATED.iter().any(|keyword| keywords.contains_key(*keyword)) {
            passes.again = passes.times;
        }
        let beside = Passes { times: passes.times + passes.again, ..passes };
        let below = Passes { again: 0, ..passes };
        if let Some(target) = refs::target(schema, self.root) {
            self.pair(target, value, beside)?;
        }
        for (keyword, given) in keywords {
            match (keyword.as_str(), given) {
                ("allOf" | "anyOf" | "oneOf", Value::Array(all)) => {
                    all.iter().try_for_each(|one| self.pair(one, value, beside))?;
                }
                ("not" | "if" | "then" | "else", one) => self.pair(one, value, beside)?,
                ("dependentSchemas" | "dependencies", Value::Object(all)) => {
                    all.values().try_for_each(|one| self.pair(one, value, beside))?;
                }
                ("enum", given) => self.spend(1 + values(given) / 8, passes)?,
                ("const", given) => self.spend(values(given), passes)?,
                _ => match value {
                    Value::Object(fields) => self.fields(keyword, given, keywords, fields, below)?,
                    Value::Array(items) => self.items(keyword, given, items, below)?,
                    Value::String(text) => self.text(keyword, given, text, below)?,
                    Value::Null | Value::Bool(_) | Value::Number(_) => {}
                },
            }
        }
        Ok(())
    }

    fn fields(
        &mut self,
        keyword: &str,
        given: &Value,
        keywords: &Map<String, Value>,
        fields: &Map<String, Value>,
        passes: Passes,
    ) -> Result<(), TooMuch> {
        match (keyword, given) {
            ("properties", Value::Object(properties)) => {
                self.spend(properties.len(), passes)?;
                properties
                    .iter()
                    .filter_map(|(name, one)| Some((one, fields.get(name)?)))
                    .try_for_each(|(one, field)| self.pair(one, field, passes))
            }
            ("patternProperties", Value::Object(patterns)) => {
                for (pattern, one) in patterns {
                    for (name, field) in fields {
                        self.matched(pattern, name, passes)?;
                        self.pair(one, field, passes)?;
                    }
                }
                Ok(())
            }
            ("additionalProperties" | "unevaluatedProperties", one) => {
                let described = keywords.get("properties").and_then(Value::as_object);
                let other = |name: &String| !described.is_some_and(|described| described.contains_key(name));
                let mut others = fields.iter().filter(|(name, _)| other(name));
                others.try_for_each(|(_, field)| self.pair(one, field, passes))
            }
            ("propertyNames", one) => {
                fields.keys().try_for_each(|name| self.pair(one, &Value::String(name.clone()), passes))
            }
            ("required" | "dependentRequired", given) => self.spend(values(given), passes),
            _ => Ok(()),
        }
    }

    fn items(
        &mut self,
        keyword: &str,
        given: &Value,
        items: &[Value],
        passes: Passes,
    ) -> Result<(), TooMuch> {
        match (keyword, given) {
            ("items" | "contains" | "unevaluatedItems", one) => {
                items.iter().try_for_each(|item| self.pair(one, item, passes))
            }
            ("prefixItems", Value::Array(all)) => {
                all.iter().zip(items).try_for_each(|(one, item)| self.pair(one, item, passes))
            }
            ("uniqueItems", Value::Bool(true)) => {
                items.iter().try_for_each(|item| self.spend(values(item), passes))
            }
            _ => Ok(()),
        }
    }

    fn text(&mut self, keyword: &str, given: &Value, text: &str, passes: Passes) -> Result<(), TooMuch> {
        match (keyword, given) {
            ("pattern", Value::String(pattern)) => self.matched(pattern, text, passes),
            ("format" | "minLength" | "maxLength" | "contentEncoding" | "contentMediaType", _) => {
                self.spend(text.len() / 64, passes)
            }
            _ => Ok(()),
        }
    }

    fn matched(&mut self, pattern: &str, text: &str, passes: Passes) -> Result<(), TooMuch> {
        let for_a_byte = self.patterns.get(pattern).copied().unwrap_or(1);
        let units = for_a_byte.saturating_mul(text.len() as u64);
        self.spend(usize::try_from(units).unwrap_or(usize::MAX), passes)
    }
}

/// How many values a value is, itself included.
fn values(value: &Value) -> usize {
    match value {
        Value::Array(items) => 1 + items.iter().map(values).sum::<usize>(),
        Value::Object(fields) => 1 + fields.values().map(values).sum::<usize>(),
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) => 1,
    }
}

//! What a dag_spec says of its steps, as far as their results are concerned: ids, types, dependencies. Read leniently: a spec may have been approved
//! in SQL, and what cannot be read is as if it were not there.

use std::collections::HashMap;

use serde_json::Value;

/// The steps of a spec in their order.
#[derive(Debug, Default)]
pub(crate) struct Outline<'a> {
    /// Each id once.
    pub(crate) steps: Vec<OutlineStep<'a>>,
}

/// One step.
#[derive(Debug)]
pub(crate) struct OutlineStep<'a> {
    /// Its id.
    pub(crate) id: &'a str,
    /// Its type; None: it is a string, and does nothing.
    pub(crate) r#type: Option<&'a str>,
    /// Whether it runs once for each item.
    pub(crate) for_each: bool,
    /// What it waits for, by their places in the list.
    pub(crate) dependencies: Vec<usize>,
    definition: &'a Value,
}

/// Whether a spec is read by its own workers only.
pub(crate) fn is_opaque(dag_spec: &Value) -> bool {
    dag_spec.get("kind").is_some_and(|kind| !kind.is_null() && kind != "dag_v1")
}

impl<'a> Outline<'a> {
    /// Of a spec; of an opaque one nothing.
    pub(crate) fn of(dag_spec: &'a Value) -> Self {
        if is_opaque(dag_spec) {
            return Self::default();
        }
        let all = dag_spec.get("steps").and_then(Value::as_array).map(Vec::as_slice).unwrap_or_default();
        let mut places = HashMap::new();
        let mut steps = Vec::new();
        for definition in all {
            let Some(id) = definition.as_str().or_else(|| definition.get("id")?.as_str()) else { continue };
            if places.contains_key(id) {
                continue;
            }
            places.insert(id, steps.len());
            steps.push(OutlineStep {
                id,
                r#type: definition.get("type").and_then(Value::as_str),
                for_each: definition.get("for_each").is_some_and(Value::is_object),
                dependencies: Vec::new(),
                definition,
            });
        }
        for (place, step) in steps.iter_mut().enumerate() {
            step.dependencies = if step.definition.is_string() {
                place.checked_sub(1).into_iter().collect()
            } else {
                let named = step.definition.get("depends_on").and_then(Value::as_array);
                let ids = named.into_iter().flatten().filter_map(Value::as_str);
                ids.filter_map(|id| places.get(id).copied()).collect()
            };
        }
        Self { steps }
    }

    /// What each step waits for.
    pub(crate) fn dependencies(&self) -> Vec<Vec<usize>> {
        self.steps.iter().map(|step| step.dependencies.clone()).collect()
    }

    /// Whether the step at this place does the same as the one of its id in another spec: all of its definition but the description, and for a
    /// string the step before it.
    pub(crate) fn is_same(&self, place: usize, other: &Outline<'_>) -> bool {
        let step = &self.steps[place];
        let Some(twin) = other.steps.iter().find(|twin| twin.id == step.id) else { return false };
        match (step.definition.as_object(), twin.definition.as_object()) {
            (Some(one), Some(two)) => {
                let of_one = one.iter().filter(|(field, _)| *field != "description");
                let count = |fields: &serde_json::Map<String, Value>| {
                    fields.keys().filter(|field| *field != "description").count()
                };
                count(one) == count(two) && { of_one }.all(|(field, value)| two.get(field) == Some(value))
            }
            (None, None) => self.before(step) == other.before(twin),
            _ => false,
        }
    }

    fn before(&self, step: &OutlineStep<'_>) -> Option<&str> {
        step.dependencies.first().map(|&place| self.steps[place].id)
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn ids_types_and_dependencies_are_read_from_strings_and_objects() {
        let spec = json!({ "steps": [
            "a", "b", { "id": "c", "type": "wait", "depends_on": ["d", "a", "x"], "for_each": { "items": [] } },
            { "id": "d", "type": "fail" }, "e", { "id": "a" }, 7,
        ] });
        let outline = Outline::of(&spec);
        let read: Vec<_> = outline.steps.iter().map(|step| (step.id, step.r#type, step.for_each)).collect();
        assert_eq!(
            read,
            [
                ("a", None, false),
                ("b", None, false),
                ("c", Some("wait"), true),
                ("d", Some("fail"), false),
                ("e", None, false),
            ]
        );
        assert_eq!(outline.dependencies(), [vec![], vec![0], vec![3, 0], vec![], vec![3]]);
    }

    #[test]
    fn what_is_no_list_of_steps_has_none() {
        for spec in [json!({}), json!([]), json!({ "steps": 3 }), json!({ "kind": "ours", "steps": ["a"] })] {
            assert!(Outline::of(&spec).steps.is_empty(), "{spec}");
        }
        assert!(is_opaque(&json!({ "kind": 3 })) && !is_opaque(&json!({ "kind": "dag_v1" })));
    }

    #[test]
    fn a_step_is_the_same_if_nothing_but_its_description_has_changed() {
        let one = json!({ "steps": ["a", "b", { "id": "c", "type": "wait", "with": { "seconds": 1 }, "description": "x" }, "d"] });
        for (other, same) in [
            (one.clone(), [true; 4]),
            (
                json!({ "steps": ["a", "b", { "id": "c", "type": "wait", "with": { "seconds": 1 } }, "d"] }),
                [true; 4],
            ),
            (
                json!({ "steps": ["a", "b", { "id": "c", "type": "wait", "with": { "seconds": 2 } }, "d"] }),
                [true, true, false, true],
            ),
            (
                json!({ "steps": ["a", "b", { "id": "c", "type": "wait", "with": { "seconds": 1 }, "if": "${ true }" }] }),
                [true, true, false, false],
            ),
            // The order of strings is what they wait for.
            (json!({ "steps": ["b", "a", "c", "d"] }), [false, false, false, true]),
        ] {
            let (one, other) = (Outline::of(&one), Outline::of(&other));
            let found: Vec<_> = (0..4).map(|place| one.is_same(place, &other)).collect();
            assert_eq!(found, same, "{other:?}");
        }
    }
}

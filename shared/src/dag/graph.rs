//! Which step runs after which.

use std::collections::HashMap;

use serde_json::Value;

use super::at::At;
use super::faults::Faults;
use super::shape::is_id;
use super::words::{meant, quoted};

/// Steps as bits: at most 200 of them.
type Bits = [u64; 4];

/// The steps of a spec, and what each one waits for.
pub(crate) struct Graph<'a> {
    steps: Vec<Step<'a>>,
    /// By id, the first of that id.
    index: HashMap<&'a str, usize>,
    /// For each step, those that have ended when it starts.
    before: Vec<Bits>,
}

struct Step<'a> {
    /// None if it has none that can be read.
    id: Option<&'a str>,
    /// The steps that it waits for directly.
    dependencies: Vec<Dependency>,
}

struct Dependency {
    on: usize,
    /// Its place in `depends_on`; None: the step is a string, which runs after the one before it.
    place: Option<usize>,
}

impl<'a> Graph<'a> {
    /// Reads what can be read of at most 200 steps; what else is there the shape has complained about.
    pub(crate) fn of(steps: &'a [Value], faults: &mut Faults) -> Self {
        let root = At::Root.key("steps");
        let mut index = HashMap::new();
        for (number, step) in steps.iter().enumerate() {
            let Some(id) = id(step) else { continue };
            if let Some(first) = index.get(id) {
                let at = root.index(number);
                let at = if step.is_string() { at } else { at.key("id") };
                faults.add(
                    &at,
                    format!(
                        "{} is the id of /steps/{first} already: each step needs one of its own",
                        quoted(id)
                    ),
                );
            } else {
                index.insert(id, number);
            }
        }
        let steps = steps
            .iter()
            .enumerate()
            .map(|(number, step)| {
                let at = root.index(number);
                Step { id: id(step), dependencies: dependencies(step, number, &index, &at, faults) }
            })
            .collect();
        let mut graph = Self { steps, index, before: Vec::new() };
        let ends = graph.find_cycles(faults);
        graph.fill_before(&ends);
        graph
    }

    /// Where the step of this id stands.
    pub(crate) fn index(&self, id: &str) -> Option<usize> {
        self.index.get(id).copied()
    }

    /// The ids of all steps.
    pub(crate) fn ids(&self) -> impl Iterator<Item = &'a str> {
        self.steps.iter().filter_map(|step| step.id)
    }

    /// Whether `step` has ended whenever `other` starts.
    pub(crate) fn is_before(&self, step: usize, other: usize) -> bool {
        has(&self.before[other], step)
    }

    /// Reports each cycle once, where its last dependency stands. Returns the steps in an order in which each comes after what it waits for,
    /// but for the cycles.
    fn find_cycles(&self, faults: &mut Faults) -> Vec<usize> {
        let mut search =
            Search { graph: self, seen: vec![false; self.steps.len()], path: Vec::new(), ends: Vec::new() };
        (0..self.steps.len()).for_each(|step| search.visit(step, faults));
        search.ends
    }

    /// Passes on what is before each step until nothing changes: once, and once more for each cycle within a cycle.
    fn fill_before(&mut self, ends: &[usize]) {
        self.before = vec![Bits::default(); self.steps.len()];
        let mut changed = true;
        while changed {
            changed = false;
            for &step in ends {
                let mut all = self.before[step];
                for dependency in &self.steps[step].dependencies {
                    all[dependency.on / 64] |= 1 << (dependency.on % 64);
                    all.iter_mut().zip(self.before[dependency.on]).for_each(|(bits, more)| *bits |= more);
                }
                changed |= all != self.before[step];
                self.before[step] = all;
            }
        }
    }
}

/// A search that goes from each step to those it waits for.
struct Search<'a> {
    graph: &'a Graph<'a>,
    seen: Vec<bool>,
    /// From the first step to the one that is being looked at.
    path: Vec<usize>,
    /// The steps that are done with, in that order.
    ends: Vec<usize>,
}

impl Search<'_> {
    fn visit(&mut self, step: usize, faults: &mut Faults) {
        if std::mem::replace(&mut self.seen[step], true) {
            return;
        }
        self.path.push(step);
        for dependency in &self.graph.steps[step].dependencies {
            match self.path.iter().position(|passed| *passed == dependency.on) {
                Some(first) => self.report(first, dependency, faults),
                None => self.visit(dependency.on, faults),
            }
        }
        self.path.pop();
        self.ends.push(step);
    }

    /// The cycle from `path[first]` to the end of the path and back.
    fn report(&self, first: usize, last: &Dependency, faults: &mut Faults) {
        let cycle = &self.path[first..];
        let ids = cycle.iter().chain(&cycle[..1]).filter_map(|step| self.graph.steps[*step].id);
        let path = ids.collect::<Vec<_>>().join(" → ");
        let steps = At::Root.key("steps");
        let step = steps.index(self.path[self.path.len() - 1]);
        let list = step.key("depends_on");
        let at = last.place.map_or(step, |place| list.index(place));
        let detail = if cycle.len() == 1 {
            "a step cannot wait for itself"
        } else {
            "these steps wait for each other for ever"
        };
        faults.add(&at, format!("{detail}: {path} (each depends on the next)"));
    }
}

fn has(bits: &Bits, step: usize) -> bool {
    bits[step / 64] & (1 << (step % 64)) != 0
}

/// The id of a step, if it can be read.
fn id(step: &Value) -> Option<&str> {
    step.as_str().or_else(|| step.get("id")?.as_str())
}

fn dependencies(
    step: &Value,
    number: usize,
    index: &HashMap<&str, usize>,
    at: &At<'_>,
    faults: &mut Faults,
) -> Vec<Dependency> {
    if step.is_string() {
        return number.checked_sub(1).map(|on| Dependency { on, place: None }).into_iter().collect();
    }
    let list = step.get("depends_on").and_then(Value::as_array).map(Vec::as_slice).unwrap_or_default();
    let mut dependencies = Vec::new();
    for (place, id) in list.iter().enumerate() {
        // What is no id is a fault of shape.
        let Some(id) = id.as_str().filter(|id| is_id(id)) else { continue };
        match index.get(id) {
            // Named twice is a fault of shape, and one cycle.
            Some(&on) if dependencies.iter().all(|known: &Dependency| known.on != on) => {
                dependencies.push(Dependency { on, place: Some(place) });
            }
            Some(_) => {}
            None if faults.is_full() => {}
            None => {
                let hint = meant(id, index.keys().copied().collect::<std::collections::BTreeSet<_>>());
                faults.add(
                    &at.key("depends_on").index(place),
                    format!("there is no step {}{hint}", quoted(id)),
                );
            }
        }
    }
    dependencies
}

use jaq_core::load::{Arena, File, Loader};
use jaq_core::{Compiler, data};

use super::allowed::ALLOWED;

/// What the worker's jaq knows: its core, its standard library, and what belongs to JSON.
fn jaq_knows(expression: &str) -> bool {
    type Data = data::JustLut<jaq_json::Val>;
    let defs = jaq_core::defs().chain(jaq_std::defs()).chain(jaq_json::defs());
    let funs = jaq_core::funs::<Data>().chain(jaq_std::funs::<Data>()).chain(jaq_json::funs::<Data>());
    let arena = Arena::default();
    let file = File { code: expression, path: () };
    let Ok(modules) = Loader::new(defs).load(&arena, file) else { return false };
    Compiler::default().with_funs(funs).compile(modules).is_ok()
}

#[test]
fn jaq_has_every_function_that_is_allowed() {
    let unknown: Vec<_> = ALLOWED
        .iter()
        .filter(|row| {
            let arguments = vec!["."; row.arguments.len()].join("; ");
            let call =
                if arguments.is_empty() { row.name.to_owned() } else { format!("{}({arguments})", row.name) };
            !jaq_knows(&call)
        })
        .map(|row| format!("{}/{}", row.name, row.arguments.len()))
        .collect();
    assert_eq!(unknown, [""; 0]);
    assert!(!jaq_knows("lenght"));
}

#[test]
fn every_function_stands_in_the_list_once_and_in_the_document() {
    let document = include_str!("../../../../docs/dag_spec.md");
    let mut seen = std::collections::BTreeSet::new();
    for row in ALLOWED {
        assert!(seen.insert((row.name, row.arguments.len())), "{} is there twice", row.name);
        let named = match row.arguments.len() {
            0 => format!("`{}`", row.name),
            count => format!("`{}/{count}`", row.name),
        };
        assert!(document.contains(&named), "docs/dag_spec.md does not list {named}");
    }
}

//! Every statement of the domain crate and the functions: those that `.sqlx` knows, but for those of the command line, whose import runs
//! before anything is distributed.

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};

use super::not_ready::STATEMENTS;
use super::statement::{Reach, read};
use super::tenant_of;

fn root() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR")).parent().unwrap()
}

fn files(folder: &Path, ending: &str) -> Vec<PathBuf> {
    let mut found = Vec::new();
    for entry in std::fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            found.extend(files(&path, ending));
        } else if path.extension().is_some_and(|extension| extension == ending) {
            found.push(path);
        }
    }
    found.sort();
    found
}

fn in_one_line(text: &str) -> String {
    text.split_whitespace().collect::<Vec<_>>().join(" ")
}

/// Text of each statement, with its name: that of its file, or the path of the Rust file that it stands in.
fn statements() -> Vec<(String, String)> {
    let sql = files(&root().join("shared/sql"), "sql").into_iter();
    let sql = sql.map(|path| (std::fs::read_to_string(&path).unwrap(), path));
    let import = files(&root().join("cli/sql"), "sql").into_iter();
    let import: Vec<String> = import.map(|path| std::fs::read_to_string(path).unwrap()).collect();
    let by_text: BTreeMap<String, PathBuf> = sql.collect();
    let rust = ["shared/src", "functions", "cli/src"]
        .into_iter()
        .flat_map(|folder| files(&root().join(folder), "rs"));
    let rust = rust.map(|path| (in_one_line(&std::fs::read_to_string(&path).unwrap()), path));
    let rust: Vec<(String, PathBuf)> = rust.collect();
    let mut found = Vec::new();
    for path in files(&root().join(".sqlx"), "json") {
        let query: serde_json::Value = serde_json::from_slice(&std::fs::read(path).unwrap()).unwrap();
        let query = query["query"].as_str().unwrap();
        let line = in_one_line(query);
        let name = match by_text.get(query) {
            Some(path) => path.file_stem().unwrap().to_string_lossy().into_owned(),
            None if import.iter().any(|text| text == query) => continue,
            None => {
                let stands = rust.iter().find(|(text, _)| text.contains(&line));
                let (_, path) = stands.unwrap_or_else(|| panic!("where does this stand? {query}"));
                path.strip_prefix(root()).unwrap().to_string_lossy().into_owned()
            }
        };
        if name.starts_with("cli/") {
            continue;
        }
        found.push((name, query.to_owned()));
    }
    found
}

#[test]
fn every_statement_names_a_tenant_or_is_known_not_to() {
    let mut found: BTreeMap<String, BTreeSet<String>> = BTreeMap::new();
    for (name, sql) in statements() {
        let read = read(&sql, &tenant_of);
        found.entry(name).or_default().extend(read.reached(Reach::Nobody).into_iter().map(str::to_owned));
    }
    found.retain(|_, tables| !tables.is_empty());
    let known = STATEMENTS.iter().map(|(name, tables, _)| {
        ((*name).to_owned(), tables.iter().map(|&table| table.to_owned()).collect::<BTreeSet<_>>())
    });
    let known: BTreeMap<_, _> = known.collect();
    let unknown: Vec<_> = found.iter().filter(|(name, tables)| known.get(*name) != Some(tables)).collect();
    assert!(
        unknown.is_empty(),
        "these name no tenant: let them, or say in not_ready.rs why not: {unknown:#?}"
    );
    let over: Vec<_> = known.keys().filter(|name| !found.contains_key(*name)).collect();
    assert!(over.is_empty(), "these are ready now: take them out of not_ready.rs: {over:#?}");
}

#[test]
fn the_document_counts_them() {
    let mut counts = [0; 3];
    for (_, sql) in statements() {
        let reach = read(&sql, &tenant_of).tables.into_iter().map(|(_, reach)| reach).min();
        counts[reach.unwrap_or(Reach::Tenant) as usize] += 1;
    }
    let [nobody, scope, tenant] = counts;
    let sentence = format!(
        "Of {} statements {tenant} are ready, {scope} are with a caller that has a tenant, and {nobody} are not.",
        counts.iter().sum::<i32>()
    );
    let document = std::fs::read_to_string(root().join("docs/scaling.md")).unwrap();
    assert!(document.contains(&sentence), "docs/scaling.md does not say: {sentence}");
}

#[test]
fn every_statement_has_a_name() {
    let names: BTreeSet<String> = statements().into_iter().map(|(name, _)| name).collect();
    let without = files(&root().join("shared/sql"), "sql").into_iter();
    let without = without.map(|path| path.file_stem().unwrap().to_string_lossy().into_owned());
    let without: Vec<_> = without.filter(|name| !names.contains(name)).collect();
    assert!(without.is_empty(), "`.sqlx` lacks {without:?}");
    // One in Rust, too.
    assert!(names.contains("shared/src/catalog/connections/get.rs"), "{names:?}");
}

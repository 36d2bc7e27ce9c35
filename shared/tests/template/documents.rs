//! docs/operations.md beside the template and the code: what it lists is all there is.

use std::path::Path;

use runplane::functions::{FUNCTIONS, Trigger};

use crate::template::Template;

/// A file of the repository.
pub fn text(name: &str) -> String {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("..").join(name);
    std::fs::read_to_string(path).unwrap()
}

/// The cells of a row of a table; none: the line is no row.
pub fn cells(line: &str) -> Vec<&str> {
    let row = line.trim().strip_prefix('|').and_then(|line| line.strip_suffix('|'));
    row.map(|row| row.split('|').map(str::trim).collect()).unwrap_or_default()
}

/// A line between two rows ends a table: what comes after it is no table any more.
#[test]
fn a_table_has_its_heading_and_no_gap() {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../docs");
    let mut tables = 0;
    for file in std::fs::read_dir(folder).unwrap().map(|file| file.unwrap().path()) {
        if file.extension().is_none_or(|extension| extension != "md") {
            continue;
        }
        let text = std::fs::read_to_string(&file).unwrap();
        // Examples are no tables.
        let written = text.split("```").step_by(2);
        for block in written.flat_map(|part| part.split("\n\n")) {
            let mut rows = block.lines().skip_while(|line| !line.starts_with("| "));
            let (Some(first), second) = (rows.next(), rows.next()) else { continue };
            let second = second.unwrap_or_default();
            assert!(second.starts_with("|---"), "{}: {first} is below no heading", file.display());
            tables += 1;
        }
    }
    assert!(tables > 50, "{tables}");
}

#[test]
fn time_and_memory_of_what_nobody_calls_are_as_the_template_says() {
    let (template, document) = (Template::read(), text("docs/operations.md"));
    let mut found = 0;
    for row in FUNCTIONS.iter().filter(|row| !matches!(row.trigger, Trigger::Routes(_))) {
        let (_, function) = template.function(row.name);
        let of = |property: &str| template.property(function, property).as_u64().unwrap();
        let expected = format!("| {} | {} s | {} MB | ", row.name, of("Timeout"), of("MemorySize"));
        assert!(document.contains(&expected), "docs/operations.md lacks {expected}");
        found += 1;
    }
    assert_eq!(found, 4, "worker, sweep, deliver, migrate");
}

#[test]
fn environments_that_are_reserved_beside_those_of_the_parameters_are_counted() {
    let template = Template::read();
    let (mut always, mut migrating) = (0, 0);
    for row in &FUNCTIONS {
        let (_, function) = template.function(row.name);
        let reserved = template.property(function, "ReservedConcurrentExecutions");
        // A number, and no parameter.
        let reserved = reserved["Fn::If"][1].as_u64().unwrap_or(0);
        let of = if row.trigger == Trigger::Deployment { &mut migrating } else { &mut always };
        *of += reserved;
    }
    let both = always + migrating;
    let sentence = format!(
        "`WorkerConcurrency` and {always} ({both} where the stack migrates its database) are reserved"
    );
    assert!(text("docs/operations.md").contains(&sentence), "docs/operations.md lacks: {sentence}");
}

//! The policy, as docs/security.md shows it.

#![allow(
    clippy::unwrap_used,
    reason = "a test may panic; clippy.toml allows it only in functions marked as tests"
)]

use std::path::Path;

use runplane::auth::{Role, policy};
use runplane::functions::{FUNCTIONS, Trigger};

const BEGIN: &str = "RUNPLANE_WRITE_POLICY=1 cargo test -p runplane --test policy` -->\n";
const END: &str = "<!-- /policy -->";

#[test]
fn the_document_shows_the_policy_of_the_code() {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../docs/security.md");
    let document = std::fs::read_to_string(&path).unwrap();
    let (head, rest) = document.split_once(BEGIN).unwrap();
    let (shown, tail) = rest.split_once(END).unwrap();
    if std::env::var_os("RUNPLANE_WRITE_POLICY").is_some() {
        std::fs::write(path, format!("{head}{BEGIN}{}{END}{tail}", policy::table())).unwrap();
        return;
    }
    assert_eq!(shown, policy::table(), "see the comment above the table");
}

#[test]
fn operators_may_make_each_request() {
    for route in FUNCTIONS.iter().flat_map(|function| function.routes()) {
        assert!(route.roles.contains(Role::Operator), "{} {}", route.method, route.path);
    }
}

#[test]
fn who_only_reads_changes_nothing() {
    for route in FUNCTIONS.iter().flat_map(|function| function.routes()) {
        let reads = route.roles.contains(Role::Viewer);
        assert!(route.method == "GET" || !reads, "{} {}", route.method, route.path);
    }
}

/// A handler that named a wider scope than its caller's would let one tenant see another's things.
#[test]
fn handlers_have_their_scope_from_the_caller_and_from_nowhere_else() {
    let mut read = 0;
    for function in FUNCTIONS.iter().filter(|function| matches!(function.trigger, Trigger::Routes(_))) {
        let folder =
            Path::new(env!("CARGO_MANIFEST_DIR")).join("../functions").join(function.name).join("src");
        for entry in std::fs::read_dir(folder).unwrap() {
            let path = entry.unwrap().path();
            if path.is_dir() || path.ends_with("tests.rs") {
                continue;
            }
            let source = std::fs::read_to_string(&path).unwrap();
            for wider in ["Scope::All", "Scope::Tenant", "Scope::from", "None::<Scope>"] {
                assert!(!source.contains(wider), "{} says {wider}", path.display());
            }
            read += 1;
        }
    }
    assert!(read > FUNCTIONS.len(), "{read} files");
}

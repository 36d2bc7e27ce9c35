//! `template.yaml` beside the table of functions: what a function reads or calls, it is given, and no more.
//!
//! The template is read as it stands, before SAM and CloudFormation make anything of it, so that a test names what a reader would have to
//! mend. Whether AWS understands it the same way is for cfn-lint and for `cargo xtask rehearse` to say.

#![allow(
    clippy::unwrap_used,
    reason = "a test may panic; clippy.toml allows it only in functions marked as tests"
)]

mod alarms;
mod checks;
mod costs;
mod database;
mod deploy;
mod deployer;
mod documents;
mod evaluate;
mod functions;
mod keys;
mod known;
mod migrate;
mod network;
mod permissions;
mod queue;
mod routes;
mod template;

use template::Template;

/// Parameters are what an operator sees first.
#[test]
fn every_parameter_is_in_the_operators_document() {
    let document = include_str!("../../../docs/operations.md");
    let template = Template::read();
    let parameters = template.whole["Parameters"].as_object().unwrap();
    assert!(parameters.len() > 5, "{parameters:?}");
    for name in parameters.keys() {
        assert!(
            document.contains(&format!("| `{name}` |")),
            "docs/operations.md does not say what {name} is"
        );
    }
}

#[test]
fn every_output_is_in_the_operators_document() {
    let document = include_str!("../../../docs/operations.md");
    let template = Template::read();
    for name in template.whole["Outputs"].as_object().unwrap().keys() {
        assert!(document.contains(&format!("`{name}`")), "docs/operations.md does not say what {name} is");
    }
}

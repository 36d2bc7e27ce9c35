//! docs/deploy.md and samconfig.toml beside the template: what they name is there.

use std::path::Path;

use crate::template::Template;

fn text(name: &str) -> String {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("..").join(name);
    std::fs::read_to_string(path).unwrap()
}

/// Words such as `Database=NEW`: what stands before the sign.
fn assigned(text: &str) -> impl Iterator<Item = &str> {
    let words = text.split(|char: char| char.is_whitespace() || "`'\"(),;:".contains(char));
    let names = words.filter_map(|word| word.split_once('=').map(|(name, _)| name));
    names.filter(|name| {
        let camel = name.starts_with(|char: char| char.is_ascii_uppercase());
        camel
            && name.contains(|char: char| char.is_ascii_lowercase())
            && name.chars().all(char::is_alphanumeric)
    })
}

#[test]
fn every_parameter_that_the_documents_set_is_one() {
    let mut parameters = Vec::new();
    for file in ["template.yaml", "deployer.yaml"] {
        parameters.extend(Template::of_file(file).whole["Parameters"].as_object().unwrap().keys().cloned());
    }
    let mut found = 0;
    for document in ["docs/deploy.md", "docs/costs.md", "docs/operations.md"] {
        let text = text(document);
        // Of a unit of systemd, and of a log.
        let others = ["Environment", "ExecStart", "Restart", "TimeoutStopSec"];
        for name in assigned(&text).filter(|name| !others.contains(name)) {
            assert!(
                parameters.iter().any(|parameter| parameter == name),
                "{document}: there is no parameter {name}"
            );
            found += 1;
        }
    }
    assert!(found > 30, "{found}");
}

#[test]
fn sam_asks_before_it_changes_anything_and_knows_no_secret() {
    let config: toml::Table = text("samconfig.toml").parse().unwrap();
    let deploy = config["default"]["deploy"]["parameters"].as_table().unwrap();
    assert_eq!(deploy["confirm_changeset"].as_bool(), Some(true));
    assert_eq!(deploy["capabilities"].as_str(), Some("CAPABILITY_IAM CAPABILITY_AUTO_EXPAND"));
    assert!(!deploy.contains_key("parameter_overrides"), "connection strings have passwords");
}

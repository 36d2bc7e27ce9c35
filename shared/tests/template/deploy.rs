//! docs/deploy.md and samconfig.toml beside the template: what they name is there.

use crate::documents::text;
use crate::template::Template;

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

/// What sam has cut at a space or a quotation mark (docs/deploy.md): CloudFormation compares the whole of a value with the pattern.
#[test]
fn what_was_cut_on_its_way_is_refused() {
    let template = Template::read();
    for (name, pattern) in [
        ("DatabaseUrl", "(postgres(ql)?://[^ ]+/[^ ]+)?"),
        ("OwnerDatabaseUrl", "(postgres(ql)?://[^ ]+/[^ ]+)?"),
        ("OidcJwks", r#"(\{.*"keys".*\})?"#),
    ] {
        assert_eq!(template.whole["Parameters"][name]["AllowedPattern"], pattern, "{name}");
    }
    let heading = "\n### Values that are no plain words\n";
    assert!(text("docs/deploy.md").contains(heading), "OidcJwks says that it is explained there");
}

/// A restore is looked at before the clock goes on.
#[test]
fn a_restore_closes_before_it_begins_and_opens_in_a_deployment_of_its_own() {
    let document = text("docs/deploy.md");
    let deployments: Vec<_> =
        document.lines().filter(|line| line.starts_with("sam deploy --parameter-overrides")).collect();
    let place = |words: &[&str]| {
        let found = deployments.iter().position(|line| words.iter().all(|word| line.contains(word)));
        found.unwrap_or_else(|| panic!("docs/deploy.md does not deploy with {words:?}: {deployments:?}"))
    };
    let close = place(&["SweepState=DISABLED", "DeliverState=DISABLED"]);
    let restore = place(&["DatabaseSnapshot=", "DatabaseRevision="]);
    let open = place(&["SweepState=ENABLED", "DeliverState=ENABLED"]);
    assert!(close < restore && restore < open, "{deployments:?}");
    assert!(!deployments[restore].contains("State="), "{}", deployments[restore]);
}

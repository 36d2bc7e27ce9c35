//! What others know to be wrong with a template: cfn-lint, and checkov.

use std::ffi::OsString;
use std::path::{Path, PathBuf};
use std::process::Stdio;

use anyhow::{Context, Result, ensure};
use tokio::process::Command;

use super::aws;
use crate::paths::Dirs;
use crate::{python, venv};

/// The template of the roles that may deploy the other one, seen from the repository.
const DEPLOYER: &str = "deployer.yaml";

/// A template with some of its parameters' defaults changed, by the name of its file. Checkov passes over what conditions keep away by default.
type Variant = (&'static str, &'static [(&'static str, &'static str)]);

const VARIANTS: [Variant; 2] = [
    (
        "template-closed.yaml",
        &[("Database", "NEW"), ("StepFunctionArns", "arn:aws:lambda:us-east-1:000000000000:function:f")],
    ),
    (
        "template-open.yaml",
        &[
            ("Database", "NEW"),
            ("DatabaseProxy", "ENABLED"),
            ("NatGateways", "EACH_ZONE"),
            ("NetworkZones", "3"),
            ("Tracing", "ENABLED"),
            ("AlarmTopic", "arn:aws:sns:us-east-1:000000000000:alarms"),
            ("OutputBucket", "outputs"),
        ],
    ),
];

/// Checks a template (seen from the repository) with cfn-lint, as it is written and as SAM expands it, and with checkov, as it is written and with a
/// database of its own; and what may deploy it as well. Fails on every finding, which it has printed.
pub async fn lint(dirs: &Dirs, template: &Path) -> Result<()> {
    let data = dirs.dev()?.join("data");
    std::fs::create_dir_all(&data)?;
    let (written, deployer) = (dirs.root().join(template), dirs.root().join(DEPLOYER));
    let expanded = data.join("template-expanded.json");
    std::fs::write(&expanded, expand(dirs, &written).await?)?;
    let cfn_lint = aws::programs(dirs).await?.join("cfn-lint");
    check(cfn_lint, &[], vec![written.clone(), expanded, deployer.clone()]).await?;

    let text = std::fs::read_to_string(&written)?;
    let mut templates = vec![written, deployer];
    for (name, defaults) in VARIANTS {
        let variant = data.join(name);
        std::fs::write(&variant, with_defaults(&text, defaults)?)?;
        templates.push(variant);
    }
    // In an environment of its own: it pins what the AWS command line has otherwise.
    let checkov = venv::ensure(dirs, "checkov", &python::find()?).await?.join("bin/checkov");
    // Nothing is looked up: the same template has the same findings, with a network and without.
    check(checkov, &["--quiet", "--compact", "--skip-download", "--file"], templates).await
}

/// What SAM makes of a template.
async fn expand(dirs: &Dirs, template: &Path) -> Result<Vec<u8>> {
    let python = venv::ensure(dirs, "ministack", &python::find()?).await?.join("bin/python");
    let expand = [dirs.root().join("localstack/expand_template.py"), template.to_owned()];
    let output = Command::new(python).args(expand).stdin(Stdio::null()).kill_on_drop(true).output().await?;
    ensure!(
        output.status.success(),
        "SAM cannot read it: {}",
        String::from_utf8_lossy(&output.stderr).trim()
    );
    Ok(output.stdout)
}

async fn check(program: PathBuf, options: &[&str], templates: Vec<PathBuf>) -> Result<()> {
    let mut command = Command::new(&program);
    command.args(options).args(templates.into_iter().map(OsString::from));
    command.env("CKV_SKIP_PACKAGE_UPDATE_CHECK", "True").stdin(Stdio::null()).kill_on_drop(true);
    let name = program.file_name().unwrap_or_default().to_string_lossy();
    let status = command.status().await.with_context(|| format!("cannot start {name}"))?;
    ensure!(status.success(), "{name} finds fault with the template or {DEPLOYER}: see above.");
    Ok(())
}

/// The text of a template with other defaults of some of its parameters. Fails when there is no such parameter, or it has no default.
fn with_defaults(template: &str, defaults: &[(&str, &str)]) -> Result<String> {
    let mut lines: Vec<_> = template.lines().map(str::to_owned).collect();
    for (name, value) in defaults {
        let heading = format!("  {name}:");
        let begin = lines.iter().position(|line| *line == heading);
        let begin = begin.with_context(|| format!("the template has no parameter {name}"))? + 1;
        let rest = lines.iter_mut().skip(begin).take_while(|line| line.starts_with("    "));
        let mut default = rest.filter(|line| line.starts_with("    Default:"));
        let default = default.next().with_context(|| format!("{name} has no default"))?;
        *default = format!("    Default: \"{value}\"");
    }
    Ok(lines.join("\n") + "\n")
}

#[cfg(test)]
mod tests {
    use super::*;

    const TEMPLATE: &str = "\
Parameters:
  One:
    Type: String
    Default: a
  Two:
    Type: String
  Three:
    Default: a
";

    #[test]
    fn a_parameter_gets_another_default_and_the_others_keep_theirs() {
        let changed = with_defaults(TEMPLATE, &[("Three", "b")]).unwrap();
        assert_eq!(changed, TEMPLATE.replace("  Three:\n    Default: a", "  Three:\n    Default: \"b\""));
    }

    #[test]
    fn a_parameter_that_there_is_not_and_one_without_a_default_are_refused() {
        let error = |name| with_defaults(TEMPLATE, &[(name, "b")]).unwrap_err().to_string();
        assert_eq!(error("Four"), "the template has no parameter Four");
        assert_eq!(error("Two"), "Two has no default");
    }

    #[test]
    fn the_template_has_what_its_variants_change() {
        let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("..").join(super::super::TEMPLATE);
        let template = std::fs::read_to_string(path).unwrap();
        for (_, defaults) in VARIANTS {
            with_defaults(&template, defaults).unwrap();
        }
    }
}

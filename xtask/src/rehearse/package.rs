//! The template as it is deployed: `template.yaml`, byte for byte, but for where the code of each function lies. That much `sam package`
//! changes too.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};

use anyhow::{Context, Result, bail, ensure};

use crate::paths::short_hash;
use crate::release::Release;

/// The bucket of the zips.
pub const BUCKET: &str = "runplane-code";

/// What is uploaded and deployed.
#[derive(Debug)]
pub struct Package {
    /// A folder with one zip per function, named by its content: what has not changed keeps its name, and is neither uploaded nor
    /// deployed again.
    pub zips: PathBuf,
    /// The template.
    pub template: PathBuf,
}

/// Writes both into the empty or missing folder `folder`. Fails when a function of the template was not built, or one that was built is
/// not in the template.
pub fn package(template: &Path, release: &Release, folder: &Path) -> Result<Package> {
    let text =
        std::fs::read_to_string(template).with_context(|| format!("cannot read {}", template.display()))?;
    let zips = folder.join("zips");
    if folder.exists() {
        std::fs::remove_dir_all(folder)?;
    }
    std::fs::create_dir_all(&zips)?;
    let mut keys = Vec::new();
    for function in &release.functions {
        let zip =
            std::fs::read(&function.zip).with_context(|| format!("{} is missing", function.zip.display()))?;
        let key = format!("{}-{}.zip", function.name, short_hash(&zip));
        std::fs::write(zips.join(&key), zip)?;
        keys.push((function.name.clone(), key));
    }
    let packaged = with_code(&text, &keys)?;
    let template = folder.join("template.yaml");
    std::fs::write(&template, packaged)?;
    Ok(Package { zips, template })
}

impl Package {
    /// [`Package::renew`] of every function. Returns how many there are.
    pub fn renew_all(&self) -> Result<usize> {
        let names = self.functions()?;
        names.iter().try_for_each(|name| self.renew(name))?;
        Ok(names.len())
    }

    /// The functions that the template has code of.
    fn functions(&self) -> Result<BTreeSet<String>> {
        let template = std::fs::read_to_string(&self.template)?;
        let place = format!("s3://{BUCKET}/");
        let keys = template.split(&place).skip(1);
        let name = |key: &str| key.split_once('-').map(|(name, _)| name.to_owned());
        keys.map(|key| name(key).context("the code of a function has no name")).collect()
    }

    /// Puts the code of the function `name` under another name, as a new build of it would be. Fails when there is no such function.
    pub fn renew(&self, name: &str) -> Result<()> {
        let template = std::fs::read_to_string(&self.template)?;
        let (_, rest) = template
            .split_once(&format!("/{name}-"))
            .with_context(|| format!("there is no function {name}"))?;
        let hash = rest.split_once(".zip").map(|(hash, _)| hash).context("a zip")?;
        let (old, new) = (format!("{name}-{hash}.zip"), format!("{name}-{hash}-again.zip"));
        std::fs::copy(self.zips.join(&old), self.zips.join(&new))?;
        std::fs::write(&self.template, template.replace(&old, &new))?;
        Ok(())
    }
}

/// The template, with `CodeUri: .` of each function replaced by the place of its zip; `keys` are names of functions and of objects.
fn with_code(template: &str, keys: &[(String, String)]) -> Result<String> {
    let mut found = Vec::new();
    let mut binary = None;
    let mut lines = Vec::new();
    for line in template.lines() {
        if let Some((_, name)) = line.split_once("Binary: ") {
            binary = Some(name.trim_end_matches([' ', '}']));
        }
        let Some((indentation, "")) = line.split_once("CodeUri: .") else {
            lines.push(line.to_owned());
            continue;
        };
        let name =
            binary.take().context("a function of the template has no Metadata that names its Binary")?;
        let key = keys.iter().find(|(function, _)| function == name);
        let (_, key) =
            key.with_context(|| format!("the template has a function {name}, functions/ has none"))?;
        lines.push(format!("{indentation}CodeUri: s3://{BUCKET}/{key}"));
        found.push(name);
    }
    ensure!(!found.is_empty(), "the template has no function");
    if let Some((name, _)) = keys.iter().find(|(name, _)| !found.contains(&name.as_str())) {
        bail!("functions/ has a function {name}, the template has none");
    }
    Ok(lines.join("\n") + "\n")
}

#[cfg(test)]
mod tests {
    use super::*;

    const TEMPLATE: &str = "\
Resources:
  CreateFunction:
    Metadata: { BuildMethod: rust-cargolambda, BuildProperties: { Binary: create } }
    Properties:
      CodeUri: .
";

    fn keys(names: &[&str]) -> Vec<(String, String)> {
        names.iter().map(|name| (name.to_string(), format!("{name}-1.zip"))).collect()
    }

    #[test]
    fn nothing_but_the_place_of_the_code_is_changed() {
        let packaged = with_code(TEMPLATE, &keys(&["create"])).unwrap();
        assert_eq!(packaged, TEMPLATE.replace("CodeUri: .", "CodeUri: s3://runplane-code/create-1.zip"));
    }

    #[test]
    fn the_code_of_every_function_gets_another_name() {
        let folder = tempfile::tempdir().unwrap();
        let package =
            Package { zips: folder.path().to_owned(), template: folder.path().join("template.yaml") };
        let names = ["claim-1.zip", "worker-2.zip", "workers-3.zip"];
        let code = |name: &str| format!("      CodeUri: s3://{BUCKET}/{name}\n");
        std::fs::write(&package.template, names.map(code).concat()).unwrap();
        names.iter().for_each(|name| std::fs::write(package.zips.join(name), name).unwrap());
        assert_eq!(package.renew_all().unwrap(), 3);
        let again = names.map(|name| name.replace(".zip", "-again.zip"));
        assert_eq!(
            std::fs::read_to_string(&package.template).unwrap(),
            again.each_ref().map(|name| code(name)).concat()
        );
        let copied = again.map(|name| std::fs::read_to_string(package.zips.join(name)).unwrap());
        assert_eq!(copied, names);
    }

    #[test]
    fn a_function_that_only_one_side_has_is_named() {
        let missing = with_code(TEMPLATE, &keys(&["claim"])).unwrap_err().to_string();
        assert_eq!(missing, "the template has a function create, functions/ has none");
        let more = with_code(TEMPLATE, &keys(&["claim", "create"])).unwrap_err().to_string();
        assert_eq!(more, "functions/ has a function claim, the template has none");
    }

    #[test]
    fn a_function_that_does_not_say_what_it_is_built_from_is_refused() {
        assert!(with_code("      CodeUri: .\n", &keys(&["create"])).is_err());
    }
}

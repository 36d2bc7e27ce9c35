//! Packages of Debian and Ubuntu, downloaded and unpacked into a folder: nothing is installed, and root is not needed.

use std::path::{Path, PathBuf};
use std::process::Stdio;
use std::time::Duration;

use anyhow::{Context, Result, bail};
use tokio::process::Command;

/// What one call may take: a mirror out of reach is no reason to hang.
const LIMIT: Duration = Duration::from_secs(180);

/// The system's apt, with folders of our own where the system's do not do.
#[derive(Debug)]
pub(super) struct Apt {
    folder: PathBuf,
    options: Vec<String>,
}

impl Apt {
    /// Whether this system has what it takes.
    pub fn is_there() -> bool {
        let path = std::env::var_os("PATH").unwrap_or_default();
        let is_on_path = |name| std::env::split_paths(&path).any(|folder| folder.join(name).is_file());
        ["apt-get", "apt-cache", "dpkg-deb", "dpkg-query"].into_iter().all(is_on_path)
    }

    /// Makes `folder` for its downloads. Where the system knows no pgbouncer (images come without lists of packages), the
    /// lists are fetched into that folder. Fails when that does.
    pub async fn new(folder: &Path) -> Result<Self> {
        std::fs::create_dir_all(folder.join("lists/partial"))?;
        let set = |option: &str| ["-o".to_owned(), option.to_owned()];
        // Whoever runs this may write into the folder; apt's own user may not.
        let options = [set("APT::Sandbox::User=root"), set("Acquire::Retries=2")].concat();
        let mut apt = Self { folder: folder.to_owned(), options };
        let known = apt.output("apt-cache", &["show", "--no-all-versions", "pgbouncer"]).await;
        if known.is_err() {
            apt.options.extend(set(&format!("Dir::State::lists={}", folder.join("lists").display())));
            apt.options.extend(set(&format!("Dir::Cache={}", folder.display())));
            apt.output("apt-get", &["update", "-q"]).await?;
        }
        Ok(apt)
    }

    /// Downloads packages and unpacks them into `target`. Fails when one is not to be had.
    pub async fn unpack(&self, packages: &[String], target: &Path) -> Result<()> {
        if packages.is_empty() {
            return Ok(());
        }
        let mut arguments = vec!["download", "-q"];
        arguments.extend(packages.iter().map(String::as_str));
        self.output("apt-get", &arguments).await?;
        for file in std::fs::read_dir(&self.folder)?.flatten().map(|entry| entry.path()) {
            if file.extension().is_some_and(|extension| extension == "deb") {
                let [file_name, target] = [file.to_string_lossy(), target.to_string_lossy()];
                self.run(Command::new("dpkg-deb").args(["-x", &file_name, &target])).await?;
                std::fs::remove_file(&file)?;
            }
        }
        Ok(())
    }

    /// The packages of libraries that `package` depends on and that are not installed.
    pub async fn missing_libraries_of(&self, package: &str) -> Result<Vec<String>> {
        let mut missing = Vec::new();
        for name in libraries(&self.output("apt-cache", &["depends", package]).await?) {
            let mut asked = Command::new("dpkg-query");
            let status = self.run(asked.args(["-W", "-f", "${Status}", &name])).await;
            if !status.is_ok_and(|status| status.ends_with("ok installed")) {
                missing.push(name);
            }
        }
        Ok(missing)
    }

    async fn output(&self, program: &str, arguments: &[&str]) -> Result<String> {
        self.run(Command::new(program).args(&self.options).args(arguments)).await
    }

    /// Runs a command in the folder; what it prints. Fails with the end of what it says.
    async fn run(&self, command: &mut Command) -> Result<String> {
        command.current_dir(&self.folder).env("LC_ALL", "C").stdin(Stdio::null()).kill_on_drop(true);
        let program = command.as_std().get_program().to_string_lossy().into_owned();
        let output = tokio::time::timeout(LIMIT, command.output()).await;
        let output = output.with_context(|| format!("`{program}` took more than {} s", LIMIT.as_secs()))?;
        let output = output.with_context(|| format!("cannot run `{program}`"))?;
        if !output.status.success() {
            let said = String::from_utf8_lossy(&output.stderr);
            bail!("`{program}` failed: {}", said.trim().lines().last().unwrap_or("it does not say why"));
        }
        Ok(String::from_utf8_lossy(&output.stdout).into_owned())
    }
}

/// The libraries among the dependencies that `apt-cache depends` prints, each once. The C library is the system's own.
fn libraries(depends: &str) -> Vec<String> {
    let names =
        depends.lines().filter_map(|line| line.trim().trim_start_matches('|').strip_prefix("Depends: "));
    let mut names: Vec<String> =
        names.filter(|name| name.starts_with("lib") && *name != "libc6").map(str::to_owned).collect();
    names.sort();
    names.dedup();
    names
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn libraries_are_picked_from_what_a_package_depends_on() {
        let depends = "pgbouncer\n  PreDepends: init-system-helpers\n |Depends: lsb-base\n    sysvinit-utils\n  \
                       Depends: libc6\n  Depends: libevent-2.1-7t64\n |Depends: libcares2\n    libelogind0\n  Suggests: libx\n";
        assert_eq!(libraries(depends), ["libcares2", "libevent-2.1-7t64"]);
    }
}

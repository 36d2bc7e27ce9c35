//! Finding a Python. The newest LocalStack that needs no account wants 3.13 or later; everything else runs from 3.10 on.

use std::env;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::sync::OnceLock;

use anyhow::{Result, anyhow};

/// A Python that can make virtual environments and speak TLS.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Python {
    /// The program.
    pub program: PathBuf,
    /// Such as (3, 13).
    pub version: (u32, u32),
}

/// The version the pinned requirements are tried with most; preferred where there is a choice.
const PREFERRED: (u32, u32) = (3, 13);
const OLDEST: (u32, u32) = (3, 10);

/// Prints the version if everything needed is there. Debian's python3 without python3-venv lacks `ensurepip`.
const PROBE: &str = "import sys, ssl, venv, ensurepip; print(*sys.version_info[:2])";

/// Looks on PATH, then in pyenv's folder of versions. `RUNPLANE_PYTHON`, if set, is the only one that is looked at.
/// Fails, with one sentence that says what to install, when there is none from 3.10 on.
pub fn find() -> Result<Python> {
    // Each look starts a program; the answer does not change while this one runs.
    static FOUND: OnceLock<Option<Python>> = OnceLock::new();
    FOUND.get_or_init(look).clone().ok_or_else(|| {
        anyhow!(
            "Install Python 3.13 with its venv module (Debian and Ubuntu: `apt install python3 python3-venv`, macOS: \
             `brew install python@3.13`), or set DATABASE_URL and AWS_ENDPOINT_URL, or start Docker."
        )
    })
}

fn look() -> Option<Python> {
    if let Some(program) = env::var_os("RUNPLANE_PYTHON") {
        return probe(Path::new(&program)).filter(|python| python.version >= OLDEST);
    }
    let mut found = Vec::new();
    for python in candidates().iter().filter_map(|program| probe(program)) {
        if python.version == PREFERRED {
            return Some(python);
        }
        found.push(python);
    }
    choose(&found).cloned()
}

/// Of those found the preferred version, else the newest; `None` when all are too old.
pub fn choose(found: &[Python]) -> Option<&Python> {
    let preferred = found.iter().find(|python| python.version == PREFERRED);
    // Of several with the newest version the first one, which stands first on PATH.
    let newest =
        || found.iter().filter(|python| python.version >= OLDEST).rev().max_by_key(|python| python.version);
    preferred.or_else(newest)
}

fn candidates() -> Vec<PathBuf> {
    let mut names: Vec<String> = (10..=15).rev().map(|minor| format!("python3.{minor}")).collect();
    // The preferred one first: it ends the search.
    names.sort_by_key(|name| name != "python3.13");
    names.extend(["python3".to_owned(), "python".to_owned()]);
    let path = env::var_os("PATH").unwrap_or_default();
    let folders: Vec<PathBuf> = env::split_paths(&path).collect();
    let on_path = names.iter().flat_map(|name| folders.iter().map(move |folder| folder.join(name)));
    let mut found: Vec<PathBuf> = on_path.filter(|program| program.is_file()).collect();
    let pyenv = env::var_os("PYENV_ROOT").map(PathBuf::from);
    let pyenv = pyenv.or_else(|| Some(PathBuf::from(env::var_os("HOME")?).join(".pyenv")));
    let versions = pyenv.and_then(|root| std::fs::read_dir(root.join("versions")).ok());
    found.extend(versions.into_iter().flatten().flatten().map(|entry| entry.path().join("bin/python3")));
    found
}

/// `None` when it does not run, as pyenv's shims of versions that are not selected.
fn probe(program: &Path) -> Option<Python> {
    let output =
        Command::new(program).args(["-c", PROBE]).stdin(Stdio::null()).stderr(Stdio::null()).output().ok()?;
    let version = parse_version(&String::from_utf8_lossy(&output.stdout))?;
    output.status.success().then(|| Python { program: program.to_owned(), version })
}

fn parse_version(text: &str) -> Option<(u32, u32)> {
    let (major, minor) = text.trim().split_once(' ')?;
    Some((major.parse().ok()?, minor.parse().ok()?))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn python(minor: u32, program: &str) -> Python {
        Python { program: program.into(), version: (3, minor) }
    }

    #[test]
    fn the_tried_version_is_preferred_to_newer_ones() {
        let found = [python(11, "a"), python(14, "b"), python(13, "c")];
        assert_eq!(choose(&found), Some(&found[2]));
    }

    #[test]
    fn without_it_the_newest_is_taken_and_of_equal_ones_the_first() {
        let found = [python(11, "a"), python(12, "b"), python(12, "c")];
        assert_eq!(choose(&found), Some(&found[1]));
    }

    #[test]
    fn a_python_that_is_too_old_is_no_python() {
        assert_eq!(choose(&[python(9, "a"), Python { program: "b".into(), version: (2, 7) }]), None);
    }

    #[test]
    fn a_version_is_read_and_rubbish_is_not() {
        assert_eq!(parse_version("3 13\n"), Some((3, 13)));
        assert_eq!(parse_version("pyenv: python3.13: command not found"), None);
    }
}

//! Virtual environments under `.dev/venv/`, each from one fully pinned requirements file of `localstack/`.

use std::fs::{File, TryLockError};
use std::path::{Path, PathBuf};
use std::process::Stdio;

use anyhow::{Context, Result, bail};
use sha2::{Digest, Sha256};
use tokio::process::Command;

use crate::paths::Dirs;
use crate::progress::say;
use crate::python::Python;

/// The environment `.dev/venv/<name>` with `localstack/<name>.txt` installed; returns its folder. One that is complete is
/// left as it is; a half-made one, or one of other requirements, is made anew. A second caller waits for the first.
/// pip gets the caller's environment, so the user's own pip configuration counts. Fails when pip does.
pub async fn ensure(dirs: &Dirs, name: &str, python: &Python) -> Result<PathBuf> {
    let requirements = dirs.root().join(format!("localstack/{name}.txt"));
    let text =
        std::fs::read(&requirements).with_context(|| format!("cannot read {}", requirements.display()))?;
    let folder = dirs.dev()?.join("venv").join(name);
    let wanted = fingerprint(&text, &folder);
    std::fs::create_dir_all(dirs.dev()?.join("venv"))?;
    let _lock = lock(
        &folder.with_extension("lock"),
        &format!("Another command is installing {name}; waiting for it"),
    )
    .await?;
    let marker = folder.join("complete");
    if std::fs::read_to_string(&marker).is_ok_and(|found| found == wanted) && runs(&folder).await {
        return Ok(folder);
    }
    say(format_args!("Installing {name} into {} (once)", folder.display()));
    if folder.exists() {
        std::fs::remove_dir_all(&folder).with_context(|| format!("cannot remove {}", folder.display()))?;
    }
    run(Command::new(&python.program).args(["-m", "venv"]).arg(&folder)).await?;
    let pip = ["-m", "pip", "install", "--no-input", "--disable-pip-version-check", "--progress-bar", "on"];
    run(Command::new(folder.join("bin/python")).args(pip).arg("--requirement").arg(&requirements)).await?;
    // Last, so that what was interrupted is never taken for complete.
    std::fs::write(&marker, wanted)?;
    Ok(folder)
}

/// The folder of an environment that [`ensure`] has made before, if it is complete (whatever its requirements).
pub fn existing(dirs: &Dirs, name: &str) -> Option<PathBuf> {
    let folder = dirs.root().join(".dev/venv").join(name);
    folder.join("complete").exists().then_some(folder)
}

/// The folder of the installed package `package`, which holds its data files.
pub fn package(venv: &Path, package: &str) -> Result<PathBuf> {
    let versions = std::fs::read_dir(venv.join("lib"))?.flatten();
    let mut folders = versions.map(|version| version.path().join("site-packages").join(package));
    folders
        .find(|folder| folder.is_dir())
        .with_context(|| format!("{} lacks the package {package}", venv.display()))
}

/// A lock on `path` for as long as the returned file is open; says `waiting` once when somebody else holds it. The
/// system lets go of it when its holder is killed.
pub async fn lock(path: &Path, waiting: &str) -> Result<File> {
    let file = File::create(path).with_context(|| format!("cannot write {}", path.display()))?;
    let mut said = false;
    loop {
        match file.try_lock() {
            Ok(()) => return Ok(file),
            Err(TryLockError::Error(error)) => {
                return Err(error).with_context(|| format!("cannot lock {}", path.display()));
            }
            Err(TryLockError::WouldBlock) if !said => {
                say(waiting);
                said = true;
            }
            Err(TryLockError::WouldBlock) => tokio::time::sleep(std::time::Duration::from_millis(200)).await,
        }
    }
}

/// What an environment is made of: other requirements or another folder (it cannot be moved) make another environment. The
/// Python it was made with may differ from today's, as long as it still runs.
fn fingerprint(requirements: &[u8], folder: &Path) -> String {
    let mut hash = Sha256::new();
    hash.update(requirements);
    hash.update(folder.as_os_str().as_encoded_bytes());
    hex::encode(hash.finalize())
}

/// The Python that an environment was made with may be gone, or its folder may have moved.
async fn runs(folder: &Path) -> bool {
    let mut python = Command::new(folder.join("bin/python"));
    python.args(["-c", ""]).stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null());
    python.status().await.is_ok_and(|status| status.success())
}

async fn run(command: &mut Command) -> Result<()> {
    let status = command.stdin(Stdio::null()).kill_on_drop(true).status().await;
    let shown = command.as_std().get_program().to_string_lossy().into_owned();
    let status = status.with_context(|| format!("cannot start {shown}"))?;
    if !status.success() {
        bail!("`{shown}` failed ({status}); what it printed above says why. The next start tries again.");
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn other_requirements_or_another_folder_make_another_environment() {
        let folder = Path::new("/repo/.dev/venv/a");
        let one = fingerprint(b"a==1", folder);
        assert_eq!(one, fingerprint(b"a==1", folder));
        assert_ne!(one, fingerprint(b"a==2", folder));
        assert_ne!(one, fingerprint(b"a==1", Path::new("/moved/.dev/venv/a")));
    }

    #[test]
    fn an_environment_without_its_marker_does_not_exist() {
        let folder = tempfile::tempdir().unwrap();
        let dirs = Dirs::new(folder.path());
        let venv = folder.path().join(".dev/venv/a");
        std::fs::create_dir_all(&venv).unwrap();
        assert_eq!(existing(&dirs, "a"), None);
        std::fs::write(venv.join("complete"), "").unwrap();
        assert_eq!(existing(&dirs, "a"), Some(venv));
    }
}

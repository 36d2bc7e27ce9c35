//! Where the program comes from: this system, or, on Debian and Ubuntu, their package, unpacked but not installed.

use std::ffi::OsString;
use std::path::{Path, PathBuf};
use std::process::Stdio;

use anyhow::{Context, Result, bail};
use tokio::process::Command;

use super::apt::Apt;
use crate::nobody;
use crate::paths::Dirs;
use crate::progress::say;
use crate::venv;

/// Where systems put it that not everybody has on PATH.
const USUAL: [&str; 2] = ["/usr/sbin", "/usr/local/sbin"];

/// pgbouncer, and where its libraries lie.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Program {
    /// The program.
    pub path: PathBuf,
    /// Folders of libraries beside those of the system; none for an installed program.
    pub libraries: Vec<PathBuf>,
}

impl Program {
    /// What `LD_LIBRARY_PATH` has to be; `None` where it may not be set. Fails when a folder has a colon in its name.
    pub fn library_path(&self) -> Result<Option<OsString>> {
        if self.libraries.is_empty() {
            return Ok(None);
        }
        Ok(Some(std::env::join_paths(&self.libraries)?))
    }

    /// The program of a package that was unpacked in `folder`.
    fn unpacked(folder: &Path) -> Self {
        let roots = ["usr/lib", "lib"].map(|root| folder.join(root));
        let found = roots.iter().filter_map(|root| std::fs::read_dir(root).ok()).flatten().flatten();
        let of_machine = |path: &PathBuf| path.to_string_lossy().ends_with("-linux-gnu");
        let libraries = found.map(|entry| entry.path()).filter(of_machine).collect();
        Self { path: folder.join("usr/sbin/pgbouncer"), libraries }
    }

    /// Whether it starts on this system.
    async fn runs(&self) -> bool {
        let Ok(mut command) = self.command(&self.path) else { return false };
        command.arg("--version").output().await.is_ok_and(|output| output.status.success())
    }

    /// The libraries that nobody has.
    async fn missing_libraries(&self) -> Result<Vec<String>> {
        let output = self.command(Path::new("ldd"))?.arg(&self.path).output().await;
        let output = output.context("cannot run `ldd`")?;
        Ok(not_found(&String::from_utf8_lossy(&output.stdout)))
    }

    fn command(&self, program: &Path) -> Result<Command> {
        let mut command = Command::new(program);
        command.env("LC_ALL", "C").env_remove("LD_LIBRARY_PATH").stdin(Stdio::null()).kill_on_drop(true);
        if let Some(path) = self.library_path()? {
            command.env("LD_LIBRARY_PATH", path);
        }
        Ok(command)
    }
}

/// The installed pgbouncer, else the package of a system that has `apt-get`, downloaded once and unpacked into
/// `.dev/pgbouncer`. Nothing is installed, and nobody has to be root.
///
/// Fails, with a reason, where there is none and none can be had.
pub async fn find(dirs: &Dirs) -> Result<Program> {
    let path = std::env::var_os("PATH").unwrap_or_default();
    let folders = std::env::split_paths(&path).chain(USUAL.map(PathBuf::from));
    if let Some(path) = folders.map(|folder| folder.join("pgbouncer")).find(|path| path.is_file()) {
        return Ok(Program { path, libraries: Vec::new() });
    }
    // Under a folder that whoever runs it can enter.
    let folder = nobody::folder(dirs, nobody::user()?, "pgbouncer")?.join("unpacked");
    let _lock =
        venv::lock(&folder.with_extension("lock"), "Another command is unpacking pgbouncer; waiting for it")
            .await?;
    let unpacked = Program::unpacked(&folder);
    if unpacked.runs().await {
        return Ok(unpacked);
    }
    if !Apt::is_there() {
        bail!("it is not on PATH, and this system has no apt-get to get it with");
    }
    say(format_args!("Unpacking pgbouncer into {} (once)", folder.display()));
    unpack(&folder).await?;
    Ok(Program::unpacked(&folder))
}

/// Downloads the package and those of its libraries that this system lacks.
async fn unpack(folder: &Path) -> Result<()> {
    let next = folder.with_extension("new");
    for folder in [next.as_path(), folder] {
        if folder.exists() {
            std::fs::remove_dir_all(folder).with_context(|| format!("cannot remove {}", folder.display()))?;
        }
    }
    std::fs::create_dir_all(&next)?;
    let apt = Apt::new(&next.join("apt")).await?;
    apt.unpack(&["pgbouncer".to_owned()], &next).await?;
    if !Program::unpacked(&next).missing_libraries().await?.is_empty() {
        apt.unpack(&apt.missing_libraries_of("pgbouncer").await?, &next).await?;
    }
    let program = Program::unpacked(&next);
    let missing = program.missing_libraries().await?;
    if !missing.is_empty() {
        bail!("its package needs {}, which no package it names has", missing.join(", "));
    }
    if !program.runs().await {
        bail!("the program of its package does not run here");
    }
    std::fs::remove_dir_all(next.join("apt"))?;
    std::fs::rename(&next, folder).with_context(|| format!("cannot write {}", folder.display()))
}

/// The names in lines such as `libcares.so.2 => not found`.
fn not_found(ldd: &str) -> Vec<String> {
    let missing = ldd.lines().filter(|line| line.contains("=> not found"));
    missing.filter_map(|line| Some(line.split_whitespace().next()?.to_owned())).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn libraries_that_are_not_found_are_named() {
        let ldd = "\tlinux-vdso.so.1 (0x00007ffd)\n\tlibcares.so.2 => not found\n\tlibc.so.6 => /lib/libc.so.6 (0x7f)\n";
        assert_eq!(not_found(ldd), ["libcares.so.2"]);
    }

    #[test]
    fn an_unpacked_program_brings_its_libraries() {
        let folder = tempfile::tempdir().unwrap();
        let libraries = folder.path().join("usr/lib/x86_64-linux-gnu");
        std::fs::create_dir_all(&libraries).unwrap();
        std::fs::create_dir_all(folder.path().join("lib/systemd")).unwrap();
        let program = Program::unpacked(folder.path());
        assert_eq!(program.library_path().unwrap(), Some(libraries.clone().into()));
        assert_eq!(program.libraries, [libraries]);
    }
}

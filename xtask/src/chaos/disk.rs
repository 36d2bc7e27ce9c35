//! A small disk for Postgres, which can be filled up: a file system in memory, in a namespace of this process. Nobody else sees it, and it is gone
//! with the process.

use std::fs::File;
use std::os::unix::process::CommandExt as _;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use anyhow::{Context as _, Result};
use rustix::fs::FallocateFlags;

/// Says to the program, when it is started again, that it has a namespace of its own.
const INSIDE: &str = "RUNPLANE_CHAOS_NAMESPACE";

/// What a file grows by, in bytes.
const PAGE: u64 = 4096;

/// A mounted file system.
#[derive(Debug, Clone)]
pub struct Disk {
    /// Where it is mounted.
    pub folder: PathBuf,
}

/// Starts this program again in a namespace where it may mount, and does not return then. Returns whether it is in one already; where the system allows
/// none (it is no Linux, or forbids it), it is not.
pub fn enter_namespace() -> bool {
    if std::env::var_os(INSIDE).is_some() {
        return true;
    }
    let arguments: &[&str] = match rustix::process::geteuid().is_root() {
        true => &["--mount"],
        // Postgres runs as the caller, who keeps his id and may mount all the same.
        false => &["--user", "--map-current-user", "--keep-caps", "--mount"],
    };
    let mut probe = Command::new("unshare");
    probe.args(arguments).arg("true").stdout(Stdio::null()).stderr(Stdio::null());
    if !probe.status().is_ok_and(|status| status.success()) {
        return false;
    }
    let Ok(program) = std::env::current_exe() else { return false };
    // Returns only if it fails.
    let _ = Command::new("unshare")
        .args(arguments)
        .arg(program)
        .args(std::env::args_os().skip(1))
        .env(INSIDE, "1")
        .exec();
    false
}

impl Disk {
    /// Mounts one of so many MiB at `folder`, which is made. Fails outside of a namespace ([`enter_namespace`]).
    #[cfg(target_os = "linux")]
    pub fn mount(folder: &Path, mebibytes: u64) -> Result<Self> {
        std::fs::create_dir_all(folder).with_context(|| format!("cannot create {}", folder.display()))?;
        let options = std::ffi::CString::new(format!("size={mebibytes}m,mode=0755"))?;
        let flags = rustix::mount::MountFlags::empty();
        rustix::mount::mount("tmpfs", folder, "tmpfs", flags, options.as_c_str())
            .with_context(|| format!("cannot mount {}", folder.display()))?;
        Ok(Self { folder: folder.to_owned() })
    }

    /// There is none elsewhere, and nobody asks for one: [`enter_namespace`] says so before.
    #[cfg(not(target_os = "linux"))]
    pub fn mount(folder: &Path, mebibytes: u64) -> Result<Self> {
        anyhow::bail!("cannot mount {mebibytes} MiB at {}: this is no Linux", folder.display())
    }

    /// Takes all the room that is left. Fails when that cannot be done.
    pub fn fill(&self) -> Result<()> {
        let file = File::create(self.filler()).context("cannot fill the disk")?;
        // Others write meanwhile. All that is left at once would be taken, found to be too much, and given back, again and again: so bit by bit,
        // and in smaller ones when the room gets scarce, until not even a page is left.
        let (mut length, mut bytes) = (0, 64 << 20);
        while bytes >= PAGE {
            match rustix::fs::fallocate(&file, FallocateFlags::empty(), length, bytes) {
                Ok(()) => length += bytes,
                Err(rustix::io::Errno::NOSPC) => bytes /= 2,
                Err(error) => return Err(error).context("cannot fill the disk"),
            }
        }
        Ok(())
    }

    /// Gives the room back. Fails when the disk was not filled.
    pub fn clear(&self) -> Result<()> {
        std::fs::remove_file(self.filler()).context("cannot clear the disk")
    }

    fn filler(&self) -> PathBuf {
        self.folder.join("filler")
    }
}

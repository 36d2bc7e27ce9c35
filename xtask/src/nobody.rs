//! Postgres refuses to run as root, and so does pgbouncer. There they run as the system's user `nobody`, who has to be able
//! to reach their programs and to own their data: in a checkout under a closed folder (such as /root) both lie under
//! /var/tmp instead.

use std::os::unix::fs::{DirBuilderExt, MetadataExt};
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use anyhow::{Context, Result, bail};

use crate::paths::{Dirs, short_hash};
use crate::progress::say;

/// User and group id of whom Postgres runs as; `None` when that is the caller.
pub type User = Option<(u32, u32)>;

/// `nobody` for root, else `None`. Fails where the system has no such user.
pub fn user() -> Result<User> {
    if !rustix::process::geteuid().is_root() {
        return Ok(None);
    }
    Ok(Some((id("-u")?, id("-g")?)))
}

fn id(which: &str) -> Result<u32> {
    let output = Command::new("id").args([which, "nobody"]).output().context("cannot run `id`")?;
    let text = String::from_utf8_lossy(&output.stdout);
    // macOS prints nobody's id as a signed number.
    let id: i64 = text.trim().parse().context("this system has no user `nobody` to run Postgres as")?;
    Ok(u32::try_from(id).unwrap_or(u32::MAX - 1))
}

/// The folder that holds the data folders of Postgres servers: `.dev/data`, or where `user` cannot reach that one,
/// `/var/tmp/runplane-<hash of the checkout's path>/data`. Created, and known to be reachable, when this returns.
pub fn data_root(dirs: &Dirs, user: User) -> Result<PathBuf> {
    folder(dirs, user, "data")
}

/// A folder that `user` can read: `.dev/<name>`, or where that one cannot be reached,
/// `/var/tmp/runplane-<hash of the checkout's path>/<name>`. Created, and known to be reachable, when this returns.
pub fn folder(dirs: &Dirs, user: User, name: &str) -> Result<PathBuf> {
    let usual = dirs.dev()?.join(name);
    std::fs::create_dir_all(&usual)?;
    if reaches(&usual, user)? { Ok(usual) } else { made(outside(dirs)?.join(name)) }
}

/// The folder of Postgres's programs as `user` can run them: `bin` itself, or a copy of the installation that it is part
/// of (`<package>/pginstall/bin` with the package's own libraries beside it in `<package>.libs`).
pub fn programs(dirs: &Dirs, bin: &Path, user: User) -> Result<PathBuf> {
    if reaches(bin, user)? {
        return Ok(bin.to_owned());
    }
    let package = bin.ancestors().nth(2).context("unexpected layout of the Postgres package")?;
    let site = package.parent().context("unexpected layout of the Postgres package")?;
    let name = package
        .file_name()
        .context("unexpected layout of the Postgres package")?
        .to_string_lossy()
        .into_owned();
    // The marker of the environment changes with every installation, and with it the copy.
    let marker = site.ancestors().nth(3).map(|venv| std::fs::read(venv.join("complete")).unwrap_or_default());
    let target = made(outside(dirs)?.join("postgres"))?.join(short_hash(&marker.unwrap_or_default()));
    let copied = target.join(&name).join("pginstall/bin");
    if !target.exists() {
        say(format_args!(
            "Copying Postgres to {}, since `nobody` cannot enter {}",
            target.display(),
            bin.display()
        ));
        let next = target.with_extension(format!("new{}", std::process::id()));
        std::fs::create_dir_all(&next)?;
        for part in [name.clone(), format!("{name}.libs")] {
            if site.join(&part).exists() {
                copy(&site.join(&part), &next)?;
            }
        }
        // Two at once: whoever is later finds the first one's copy, which is as good.
        if std::fs::rename(&next, &target).is_err() {
            std::fs::remove_dir_all(&next)?;
        }
    }
    Ok(copied)
}

fn copy(from: &Path, into: &Path) -> Result<()> {
    let status = Command::new("cp").arg("-R").arg(from).arg(into).status().context("cannot run `cp`")?;
    if !status.success() {
        bail!("cannot copy {} to {}", from.display(), into.display());
    }
    let status =
        Command::new("chmod").args(["-R", "a+rX"]).arg(into).status().context("cannot run `chmod`")?;
    if status.success() { Ok(()) } else { bail!("cannot open {} to other users", into.display()) }
}

/// A folder under /var/tmp that belongs to this user and checkout alone. Fails when somebody else made it.
fn outside(dirs: &Dirs) -> Result<PathBuf> {
    let user = rustix::process::geteuid().as_raw();
    let folder = outside_path(dirs.root(), user);
    let folder = made(folder)?;
    let found = std::fs::symlink_metadata(&folder)?;
    if !found.is_dir() || found.uid() != user || found.mode() & 0o022 != 0 {
        bail!("{} belongs to somebody else; remove it", folder.display());
    }
    Ok(folder)
}

/// Where [`data_root`] and [`programs`] put what cannot lie in the checkout.
pub fn outside_path(root: &Path, user: u32) -> PathBuf {
    PathBuf::from(format!("/var/tmp/runplane-{user}-{}", short_hash(root.to_string_lossy().as_bytes())))
}

fn made(folder: PathBuf) -> Result<PathBuf> {
    let made = std::fs::DirBuilder::new().recursive(true).mode(0o755).create(&folder);
    made.with_context(|| format!("cannot create {}", folder.display()))?;
    Ok(folder)
}

/// Asks the system, as that user, so that every kind of permission counts.
fn reaches(folder: &Path, user: User) -> Result<bool> {
    use std::os::unix::process::CommandExt;
    let Some((user, group)) = user else { return Ok(true) };
    let mut test = Command::new("/bin/sh");
    test.args(["-c", "cd \"$1\" && test -r .", "sh"]).arg(folder).current_dir("/").uid(user).gid(group);
    let status = test
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .status()
        .context("cannot run /bin/sh as `nobody`")?;
    Ok(status.success())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_checkout_and_user_has_a_folder_of_its_own_outside() {
        let one = outside_path(Path::new("/root/a"), 0);
        assert_ne!(one, outside_path(Path::new("/root/b"), 0));
        assert_ne!(one, outside_path(Path::new("/root/a"), 1));
        assert_eq!(one, outside_path(Path::new("/root/a"), 0));
    }

    #[test]
    fn the_caller_itself_reaches_its_own_folders() {
        let folder = tempfile::tempdir().unwrap();
        assert!(reaches(folder.path(), None).unwrap());
    }
}

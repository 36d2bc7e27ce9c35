//! Running cargo: nothing on its input, its output on the terminal, ended in order when the run is interrupted.

use std::ffi::OsString;
use std::io::{IsTerminal as _, Write as _};
use std::path::PathBuf;
use std::process::{ExitStatus, Stdio};
use std::time::Duration;

use anyhow::{Context as _, Result, bail};
use rustix::process::Signal;
use tokio::io::{AsyncBufReadExt as _, AsyncRead, BufReader};
use tokio::process::{Child, Command};
use tokio_util::sync::CancellationToken;

use super::report::plain;
use crate::cargo_lambda;
use crate::paths::Dirs;
use crate::process::signal_process;

/// How long cargo and a test runner may take to end their own children.
const GRACE: Duration = Duration::from_secs(15);

/// How cargo is called.
#[derive(Debug, Clone)]
pub(super) struct Cargo {
    root: PathBuf,
    stop: CancellationToken,
    env: Vec<(String, OsString)>,
}

impl Cargo {
    /// Cargo in the repository, compiling queries from `.sqlx`.
    pub fn new(dirs: &Dirs, stop: &CancellationToken) -> Self {
        let env = vec![("SQLX_OFFLINE".to_owned(), "true".into())];
        Self { root: dirs.root().to_owned(), stop: stop.clone(), env }
    }

    /// The same with one more variable.
    pub fn env(&self, name: &str, value: impl Into<OsString>) -> Self {
        let mut cargo = self.clone();
        cargo.env.push((name.to_owned(), value.into()));
        cargo
    }

    /// The same with more variables.
    pub fn envs(&self, more: impl IntoIterator<Item = (String, OsString)>) -> Self {
        let mut cargo = self.clone();
        cargo.env.extend(more);
        cargo
    }

    /// Where it puts what it has built.
    pub fn target(&self) -> PathBuf {
        self.root.join(std::env::var_os("CARGO_TARGET_DIR").unwrap_or_else(|| "target".into()))
    }

    /// Whether `cargo <args>` succeeds; it says nothing.
    pub async fn succeeds(&self, args: &[&str]) -> bool {
        let mut command = self.command(args);
        command.stdout(Stdio::null()).stderr(Stdio::null());
        command.status().await.is_ok_and(|status| status.success())
    }

    /// Runs `cargo <args>`. Fails, naming the command, when it fails.
    pub async fn run(&self, args: &[&str]) -> Result<()> {
        let child = self.command(args).spawn().context("cannot start cargo")?;
        self.judge(args, self.wait(child).await?)
    }

    /// Runs tests with `cargo <args>`. The runner's closing lines, which begin with `closing`, are added to `lines`, also
    /// when it fails.
    pub async fn test(&self, args: &[&str], closing: &str, lines: &mut Vec<String>) -> Result<()> {
        let mut command = self.command(args);
        if std::io::stderr().is_terminal() {
            command.env("CARGO_TERM_COLOR", "always");
        }
        let mut child =
            command.stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().context("cannot start cargo")?;
        let (out, err) = (child.stdout.take(), child.stderr.take());
        let (status, from_out, from_err) = tokio::join!(
            self.wait(child),
            pass_on(out, closing, |line| std::io::stdout().lock().write_all(line)),
            pass_on(err, closing, |line| std::io::stderr().lock().write_all(line)),
        );
        lines.extend(from_out.into_iter().chain(from_err));
        self.judge(args, status?)
    }

    fn command(&self, args: &[&str]) -> Command {
        let mut command = Command::new(std::env::var_os("CARGO").unwrap_or_else(|| "cargo".into()));
        command.args(args).current_dir(&self.root).stdin(Stdio::null()).kill_on_drop(true);
        // Build scripts that watch these would take them for a change.
        for name in cargo_lambda::package_variables() {
            command.env_remove(name);
        }
        command.envs(self.env.iter().cloned());
        command
    }

    async fn wait(&self, mut child: Child) -> Result<ExitStatus> {
        tokio::select! {
            status = child.wait() => return Ok(status?),
            () = self.stop.cancelled() => {}
        }
        if let Some(pid) = child.id() {
            signal_process(pid, Signal::TERM);
        }
        // What does not end in time is killed when `child` is dropped.
        let _ = tokio::time::timeout(GRACE, child.wait()).await;
        bail!("Interrupted.")
    }

    fn judge(&self, args: &[&str], status: ExitStatus) -> Result<()> {
        if self.stop.is_cancelled() {
            bail!("Interrupted.");
        }
        if !status.success() {
            bail!("`cargo {}` failed ({status}).", args.join(" "));
        }
        Ok(())
    }
}

/// Hands on what comes from a pipe, line by line, and returns the lines that begin with `wanted`, colours aside.
async fn pass_on(
    pipe: Option<impl AsyncRead + Unpin>,
    wanted: &str,
    mut write: impl FnMut(&[u8]) -> std::io::Result<()>,
) -> Vec<String> {
    let Some(pipe) = pipe else { return Vec::new() };
    let (mut reader, mut line, mut found) = (BufReader::new(pipe), Vec::new(), Vec::new());
    while reader.read_until(b'\n', &mut line).await.is_ok_and(|read| read > 0) {
        // A closed terminal is no reason to stop testing.
        let _ = write(&line);
        let text = plain(&String::from_utf8_lossy(&line));
        if text.starts_with(wanted) {
            found.push(text);
        }
        line.clear();
    }
    found
}

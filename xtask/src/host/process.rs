//! The process of an environment, in a group of its own that dies with this value.

use std::process::Stdio;
use std::sync::Arc;

use rustix::process::Signal;
use tokio::process::{Child, Command};

use super::function::Function;
use crate::process::signal_group;

/// What an environment inherits of this process's variables: what concerns the machine or the build, not the functions.
const INHERITED: [&str; 6] =
    ["HOME", "LD_LIBRARY_PATH", "LLVM_PROFILE_FILE", "PATH", "RUST_BACKTRACE", "TMPDIR"];

/// A running function. Dropping it kills its process group.
#[derive(Debug)]
pub(super) struct Process {
    child: Child,
    /// Of the process, which leads its group.
    pub pid: u32,
    /// What it finds in `AWS_LAMBDA_LOG_STREAM_NAME`: no two processes have the same.
    pub log_stream: String,
}

impl Process {
    /// Starts the binary of `function`, which finds the Runtime API at `runtime_api` (`host:port`).
    pub fn start(function: &Arc<Function>, runtime_api: &str) -> std::io::Result<Self> {
        let inherited = INHERITED.iter().filter_map(|name| Some((*name, std::env::var_os(name)?)));
        let log_stream = uuid::Uuid::new_v4().simple().to_string();
        let mut child = Command::new(&function.binary)
            .env_clear()
            .envs(inherited)
            .env("AWS_LAMBDA_RUNTIME_API", runtime_api)
            .env("AWS_LAMBDA_FUNCTION_NAME", &function.name)
            .env("AWS_LAMBDA_FUNCTION_MEMORY_SIZE", "256")
            .env("AWS_LAMBDA_FUNCTION_VERSION", "$LATEST")
            .env("AWS_LAMBDA_INITIALIZATION_TYPE", "on-demand")
            .env("AWS_LAMBDA_LOG_GROUP_NAME", format!("/aws/lambda/{}", function.name))
            .env("AWS_LAMBDA_LOG_STREAM_NAME", &log_stream)
            .env("TZ", ":UTC")
            .envs(&function.env)
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .process_group(0)
            .kill_on_drop(true)
            .spawn()?;
        if let Some(pipe) = child.stdout.take() {
            let function = function.clone();
            tokio::spawn(async move { function.logs.follow(pipe).await });
        }
        if let Some(pipe) = child.stderr.take() {
            let function = function.clone();
            tokio::spawn(async move { function.logs.follow(pipe).await });
        }
        let pid = child.id().unwrap_or_default();
        Ok(Self { child, pid, log_stream })
    }

    /// Waits for the end of the process and says in words how it ended. Safe to cancel.
    pub async fn wait(&mut self) -> String {
        match self.child.wait().await {
            Ok(status) => status.to_string(),
            Err(error) => error.to_string(),
        }
    }
}

impl Drop for Process {
    fn drop(&mut self) {
        kill_group(self.pid);
    }
}

/// Sends SIGKILL to a process group. One that is gone already is no error.
pub(super) fn kill_group(pid: u32) {
    signal_group(pid, Signal::KILL);
}

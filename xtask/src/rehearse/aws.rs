//! The AWS command line, which an operator would use too, on the emulator.

use std::path::PathBuf;
use std::process::Stdio;

use anyhow::{Context, Result, bail};
use serde_json::Value;
use tokio::process::Command;

use crate::paths::Dirs;
use crate::{python, queues, venv};

/// The virtual environment of the AWS command line and cfn-lint: its folder of programs, installed if need be.
pub async fn programs(dirs: &Dirs) -> Result<PathBuf> {
    Ok(venv::ensure(dirs, "aws", &python::find()?).await?.join("bin"))
}

/// `aws`, told where the emulator is.
#[derive(Debug, Clone)]
pub struct Aws {
    program: PathBuf,
    endpoint_url: String,
}

impl Aws {
    /// Installs it if need be.
    pub async fn on(dirs: &Dirs, endpoint_url: &str) -> Result<Self> {
        Ok(Self { program: programs(dirs).await?.join("aws"), endpoint_url: endpoint_url.to_owned() })
    }

    /// What `aws <args>` prints. Fails, with what it says, when it fails.
    pub async fn run(&self, args: &[&str]) -> Result<String> {
        let mut command = Command::new(&self.program);
        // For SQS the variable alone does not count with it.
        command
            .args(args)
            .args(["--endpoint-url", &self.endpoint_url])
            .stdin(Stdio::null())
            .kill_on_drop(true);
        // No profile of the user has a say here.
        for name in ["AWS_PROFILE", "AWS_SESSION_TOKEN"] {
            command.env_remove(name);
        }
        command.envs([
            ("AWS_ENDPOINT_URL", self.endpoint_url.as_str()),
            ("AWS_ACCESS_KEY_ID", "test"),
            ("AWS_SECRET_ACCESS_KEY", "test"),
            ("AWS_DEFAULT_REGION", queues::REGION),
            ("AWS_REGION", queues::REGION),
            ("AWS_CONFIG_FILE", "/dev/null"),
            ("AWS_SHARED_CREDENTIALS_FILE", "/dev/null"),
            ("AWS_PAGER", ""),
            ("NO_PROXY", "127.0.0.1,localhost"),
        ]);
        let output = command.output().await.context("cannot start the AWS command line")?;
        if !output.status.success() {
            let said = String::from_utf8_lossy(&output.stderr);
            // What was asked for may hold a password.
            bail!(
                "`aws {}` failed: {}",
                args.iter().take(2).copied().collect::<Vec<_>>().join(" "),
                said.trim()
            );
        }
        Ok(String::from_utf8_lossy(&output.stdout).into_owned())
    }

    /// The same as JSON; null if it prints nothing.
    pub async fn json(&self, args: &[&str]) -> Result<Value> {
        let text = self.run(&[args, &["--output", "json"]].concat()).await?;
        if text.trim().is_empty() {
            return Ok(Value::Null);
        }
        serde_json::from_str(&text).with_context(|| format!("`aws {}` printed no JSON", args.join(" ")))
    }
}

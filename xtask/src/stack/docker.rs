//! Postgres and SQS in Docker, as `localstack/compose.yaml` has them.

use std::process::Stdio;
use std::time::Duration;

use anyhow::{Context, Result, bail};
use tokio::process::Command;

use crate::paths::Dirs;
use crate::ports::Ports;

/// Whether there is an engine that answers, not just a client, and the compose plugin.
pub async fn available() -> bool {
    // A client whose engine is on a host that is gone would wait for minutes.
    answers(&["info", "--format", "{{.ServerVersion}}"]).await
        && answers(&["compose", "version", "--short"]).await
}

async fn answers(args: &[&str]) -> bool {
    let mut docker = Command::new("docker");
    let call = docker.args(args).stdin(Stdio::null()).stderr(Stdio::null()).kill_on_drop(true).output();
    let output = tokio::time::timeout(Duration::from_secs(5), call).await;
    matches!(output, Ok(Ok(output)) if output.status.success() && !output.stdout.trim_ascii().is_empty())
}

/// Starts `services` of the compose file on `ports` and waits until they are healthy.
pub async fn up(dirs: &Dirs, ports: &Ports, services: &[&str]) -> Result<()> {
    let mut args = vec!["up", "--detach", "--wait"];
    args.extend(services);
    compose(dirs, Some(ports), &args).await
}

/// Stops and removes the containers; with `data`, their data too.
pub async fn down(dirs: &Dirs, data: bool) -> Result<()> {
    let volumes: &[&str] = if data { &["--volumes"] } else { &[] };
    compose(dirs, None, &[&["down", "--timeout", "20"], volumes].concat()).await
}

async fn compose(dirs: &Dirs, ports: Option<&Ports>, args: &[&str]) -> Result<()> {
    let file = dirs.root().join("localstack/compose.yaml");
    let mut command = Command::new("docker");
    command.args(["compose", "--project-name", &project(dirs), "--file"]).arg(file).args(args);
    if let Some(ports) = ports {
        command.env("RUNPLANE_POSTGRES_PORT", ports.postgres.to_string());
        command.env("RUNPLANE_SQS_PORT", ports.sqs.to_string());
    }
    let status =
        command.stdin(Stdio::null()).kill_on_drop(true).status().await.context("cannot start docker")?;
    if status.success() { Ok(()) } else { bail!("`docker compose {}` failed: see above.", args.join(" ")) }
}

/// Each checkout has containers of its own.
fn project(dirs: &Dirs) -> String {
    format!("runplane-{}", crate::paths::short_hash(dirs.root().to_string_lossy().as_bytes()))
}

//! One start of a function: until it asks the Runtime API for its first event. Lambda calls that time init.

use std::path::Path;
use std::process::Stdio;
use std::time::{Duration, Instant};

use anyhow::{Context, Result, bail};
use tokio::io::AsyncReadExt;
use tokio::net::{TcpListener, TcpStream};
use tokio::process::Command;

/// Lambda's own limit.
const LIMIT: Duration = Duration::from_secs(10);
/// What a function asks for when it is ready.
const NEXT: &[u8] = b"GET /2018-06-01/runtime/invocation/next ";

/// How a function started.
#[derive(Debug, Clone, Copy)]
pub struct Start {
    /// From before the process was started to its first request for an event.
    pub init: Duration,
    /// The most memory it has had until then, in bytes.
    pub peak_bytes: u64,
}

/// Starts `program`, waits for its first request for an event, which is never answered, and kills it. Fails when it
/// ends, or asks for something else, or takes 10 s.
pub async fn start(program: &Path, environment: &[(String, String)]) -> Result<Start> {
    let listener = TcpListener::bind("127.0.0.1:0").await?;
    let mut command = Command::new(program);
    command.env_clear().envs(environment.iter().cloned());
    command
        .env("AWS_LAMBDA_RUNTIME_API", listener.local_addr()?.to_string())
        .env("AWS_LAMBDA_FUNCTION_NAME", "bench")
        .env("AWS_LAMBDA_FUNCTION_MEMORY_SIZE", "256")
        .env("AWS_LAMBDA_FUNCTION_VERSION", "$LATEST")
        .env("AWS_LAMBDA_LOG_GROUP_NAME", "/aws/lambda/bench")
        .env("AWS_LAMBDA_LOG_STREAM_NAME", "bench")
        .stdin(Stdio::null())
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .kill_on_drop(true);
    let started = Instant::now();
    let mut child = command.spawn().with_context(|| format!("cannot start {}", program.display()))?;
    let asked = tokio::select! {
        asked = tokio::time::timeout(LIMIT, first_request(&listener)) => asked,
        status = child.wait() => bail!("{} ended while it started: {}", program.display(), status?),
    };
    let init = started.elapsed();
    // Its connection stays open until here: a function that loses it ends.
    let _open = asked.with_context(|| format!("{} did not start within 10 s", program.display()))??;
    let pid = child.id().context("it has ended")?;
    let peak_bytes = peak_bytes(pid)?;
    child.kill().await?;
    Ok(Start { init, peak_bytes })
}

async fn first_request(listener: &TcpListener) -> Result<TcpStream> {
    let (mut stream, _) = listener.accept().await?;
    let mut request = vec![0; NEXT.len()];
    stream.read_exact(&mut request).await?;
    if request != NEXT {
        bail!("its first request was {:?}", String::from_utf8_lossy(&request));
    }
    Ok(stream)
}

/// The most memory the process has had so far, in bytes (the kernel's `VmHWM`).
pub fn peak_bytes(pid: u32) -> Result<u64> {
    let status = std::fs::read_to_string(format!("/proc/{pid}/status"))
        .context("cannot read /proc: this part of the benchmark runs on Linux only")?;
    parse_peak(&status).context("/proc does not say how much memory the process has had")
}

fn parse_peak(status: &str) -> Option<u64> {
    let kib = status.lines().find_map(|line| line.strip_prefix("VmHWM:")?.trim().strip_suffix(" kB"))?;
    Some(1024 * kib.parse::<u64>().ok()?)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_peak_is_read_in_bytes() {
        assert_eq!(parse_peak("VmPeak:\t  9 kB\nVmHWM:\t   13520 kB\nVmRSS:\t 1 kB\n"), Some(13520 * 1024));
        assert_eq!(parse_peak("VmRSS:\t 1 kB\n"), None);
    }
}

//! Plays EventBridge Scheduler between the clock and a function on the local stack. On AWS the real one invokes the
//! sweep, and what delivers events, every hour, as a net below the messages that have them come; here they are invoked more often, so that nobody waits for them.
//!
//! It invokes the function through Lambda's invoke API with the event `{}` and waits for the answer before it looks at the
//! clock again, so that no two ticks are under way at once. A tick that fails is not repeated: the next one does its work.

use std::time::Duration;

use tokio::time::MissedTickBehavior;
use tokio_util::sync::CancellationToken;

/// How often `cargo xtask up` sweeps, and delivers events.
pub const LOCAL: Duration = Duration::from_secs(5);
/// How often a sweep comes on AWS while something is in flight.
pub const AWS: Duration = Duration::from_secs(40);
/// How long a tick may take: `cargo lambda watch` may have to compile the function first.
const TICK_LIMIT: Duration = Duration::from_secs(300);

/// What is invoked, and when.
#[derive(Debug, Clone)]
pub struct Schedule {
    /// The base URL of Lambda's invoke API, without a slash at the end: that of `cargo lambda watch`, or of the
    /// [`Host`](crate::host::Host).
    pub invoke_url: String,
    /// The function to invoke.
    pub function: String,
    /// From the beginning of one tick to the beginning of the next, unless that one has to wait for an answer.
    pub every: Duration,
}

/// Invokes the function, at once and then again and again, until `stop` says so. A tick under way is given up then.
///
/// When ticks begin to fail, and when they succeed again, it says so on stderr with one line. Fails only when no HTTP client
/// can be made.
pub async fn run(schedule: Schedule, stop: CancellationToken) -> anyhow::Result<()> {
    let http = reqwest::Client::builder().no_proxy().timeout(TICK_LIMIT).build()?;
    let Schedule { invoke_url, function, every } = schedule;
    let url = format!("{invoke_url}/2015-03-31/functions/{function}/invocations");
    let ticks = async {
        let mut clock = tokio::time::interval(every);
        clock.set_missed_tick_behavior(MissedTickBehavior::Delay);
        let mut fails = false;
        loop {
            clock.tick().await;
            if let Some(line) = change(&function, &mut fails, tick(&http, &url).await) {
                eprintln!("schedule: {line}");
            }
        }
    };
    tokio::select! {
        () = stop.cancelled() => {}
        () = ticks => {}
    }
    Ok(())
}

/// Invokes the function once; what is wrong, in words, when it did not succeed.
async fn tick(http: &reqwest::Client, url: &str) -> Result<(), String> {
    let request = http.post(url).header("content-type", "application/json").body("{}");
    let in_words = |error: reqwest::Error| format!("{:#}", anyhow::Error::from(error));
    let response = request.send().await.map_err(in_words)?;
    let status = response.status();
    let failed = response.headers().contains_key("x-amz-function-error");
    let body = response.bytes().await.map_err(in_words)?;
    if failed || !status.is_success() {
        let text: String = String::from_utf8_lossy(&body).chars().take(500).collect();
        return Err(format!("{status}: {}", text.replace('\n', " ")));
    }
    Ok(())
}

/// The line that is due when `outcome` differs from what went before, which `fails` keeps.
fn change(function: &str, fails: &mut bool, outcome: Result<(), String>) -> Option<String> {
    let before = std::mem::replace(fails, outcome.is_err());
    match (before, outcome) {
        (false, Err(reason)) => Some(format!("{function} fails, and is tried again all the while: {reason}")),
        (true, Ok(())) => Some(format!("{function} succeeds again")),
        (true, Err(_)) | (false, Ok(())) => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_failure_is_said_when_it_begins_and_when_it_is_over() {
        let (mut fails, failed) = (false, || Err("503".to_owned()));
        let mut said = |outcome| change("sweep", &mut fails, outcome);
        assert_eq!(said(Ok(())), None);
        assert_eq!(said(failed()).unwrap(), "sweep fails, and is tried again all the while: 503");
        assert_eq!(said(failed()), None);
        assert_eq!(said(Ok(())).unwrap(), "sweep succeeds again");
        assert_eq!(said(Ok(())), None);
    }
}

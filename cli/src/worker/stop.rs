//! Signals: the first one ends claiming, and gives running runs some time; a second one hands them back at once; a third one ends the program.

use std::time::Duration;

use tokio_util::sync::CancellationToken;

use super::Worker;
use super::work::LET_GO;
use crate::failure::Failure;

/// Listens from now on. The token that is returned is cancelled by the first signal. When `drain` is over after it, or by the second signal, the worker
/// leaves its runs, and gives up some seconds later.
///
/// # Errors
/// [`Failure::Usage`] if nobody may listen for signals here.
pub fn on_signals(worker: &Worker, drain: Duration) -> Result<CancellationToken, Failure> {
    let mut signals =
        Signals::new().map_err(|error| Failure::Usage(format!("cannot listen for signals: {error}")))?;
    let stop = CancellationToken::new();
    let (stopped, log) = (stop.clone(), worker.log);
    let (leave, give_up) = (worker.leave.clone(), worker.give_up.clone());
    tokio::spawn(async move {
        signals.next().await;
        let sentence = format!(
            "told to end: claims nothing more; what runs has {} s, or until the next signal",
            drain.as_secs()
        );
        log.worker("draining", &sentence);
        stopped.cancel();
        tokio::select! {
            () = tokio::time::sleep(drain) => log.worker("leaving", "the time is over: hands back what runs"),
            () = signals.next() => log.worker("leaving", "told again: hands back what runs"),
        }
        leave.cancel();
        tokio::select! {
            // For the executor to let go, and for the API to be told.
            () = tokio::time::sleep(LET_GO * 2) => {
                give_up.cancel();
                signals.next().await;
            }
            () = signals.next() => {}
        }
        log.worker("ended", "told once more: what is under way is left to its leases");
        std::process::exit(130);
    });
    Ok(stop)
}

#[cfg(unix)]
struct Signals {
    terminate: tokio::signal::unix::Signal,
    interrupt: tokio::signal::unix::Signal,
}

#[cfg(unix)]
impl Signals {
    fn new() -> std::io::Result<Self> {
        use tokio::signal::unix::{SignalKind, signal};
        Ok(Self { terminate: signal(SignalKind::terminate())?, interrupt: signal(SignalKind::interrupt())? })
    }

    async fn next(&mut self) {
        tokio::select! {
            _ = self.terminate.recv() => {}
            _ = self.interrupt.recv() => {}
        }
    }
}

#[cfg(not(unix))]
struct Signals;

#[cfg(not(unix))]
impl Signals {
    fn new() -> std::io::Result<Self> {
        Ok(Self)
    }

    async fn next(&mut self) {
        if tokio::signal::ctrl_c().await.is_err() {
            std::future::pending::<()>().await;
        }
    }
}

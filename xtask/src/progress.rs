//! What the commands say while they work: plain lines, so that they read the same on a terminal, in CI and in a log.

use std::io::Write;

/// Prints one line of progress at once. Errors of the output are ignored: a closed pipe is no reason to stop.
pub fn say(line: impl std::fmt::Display) {
    let mut out = std::io::stdout().lock();
    // An error here means that nobody reads any more.
    let _ = writeln!(out, "{line}").and_then(|()| out.flush());
}

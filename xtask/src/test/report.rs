//! What a run says: a headline and a time for each step, and the closing lines of the test runners at the end.

use std::future::Future;
use std::time::Instant;

use anyhow::Result;

use crate::progress::say;

/// The steps so far.
#[derive(Debug)]
pub(super) struct Report {
    since: Instant,
    closing_lines: Vec<(String, String)>,
    notes: Vec<String>,
}

impl Report {
    pub fn new() -> Self {
        Self { since: Instant::now(), closing_lines: Vec::new(), notes: Vec::new() }
    }

    /// Runs a step under a headline. Hands on what it returns.
    pub async fn step<T>(&self, headline: &str, step: impl Future<Output = Result<T>>) -> Result<T> {
        say(format_args!("\n=== {headline}"));
        let since = Instant::now();
        let result = step.await;
        let how = if result.is_ok() { "done" } else { "failed" };
        say(format_args!("=== {headline}: {how} in {:.1} s", since.elapsed().as_secs_f64()));
        result
    }

    /// Keeps the closing lines of a test runner for the end, but for those of programs without tests.
    pub fn keep(&mut self, suite: &str, mut lines: Vec<String>) {
        lines.retain(|line| !line.starts_with("test result: ok. 0 passed; 0 failed; 0 ignored"));
        self.closing_lines.extend(lines.into_iter().map(|line| (suite.to_owned(), line)));
    }

    /// Keeps a sentence for the end.
    pub fn note(&mut self, sentence: &str) {
        self.notes.push(sentence.to_owned());
    }

    /// Prints the end: how it went, what there is to note, and last of all the closing lines.
    pub fn close(&self, result: &Result<()>) {
        let seconds = self.since.elapsed().as_secs();
        match result {
            Ok(()) => say(format_args!("\n=== Everything passed, after {seconds} s")),
            Err(error) => say(format_args!("\n=== Stopped after {seconds} s: {error:#}")),
        }
        self.notes.iter().for_each(say);
        for (suite, line) in &self.closing_lines {
            say(format_args!("{suite}: {line}"));
        }
    }
}

/// A line without terminal colours and outer blanks.
pub(super) fn plain(line: &str) -> String {
    let mut plain = String::with_capacity(line.len());
    let mut rest = line;
    while let Some((before, after)) = rest.split_once("\u{1b}[") {
        plain.push_str(before);
        rest = after.trim_start_matches(|c: char| !c.is_ascii_alphabetic()).get(1..).unwrap_or_default();
    }
    plain.push_str(rest);
    plain.trim().to_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_closing_line_is_read_without_its_colours() {
        let coloured = "\u{1b}[32;1m     Summary\u{1b}[0m [   0.1s] \u{1b}[1m2\u{1b}[0m tests run: 2 passed, 0 skipped\n";
        let line = plain(coloured);
        assert_eq!(line, "Summary [   0.1s] 2 tests run: 2 passed, 0 skipped");
    }
}

//! The receiver in Python.

use std::process::Stdio;
use std::time::Duration;

use serde_json::Value;
use tokio::io::{AsyncBufReadExt as _, BufReader, Lines};
use tokio::process::{Child, ChildStdout, Command};

/// A receiver that knows these secrets, until it is dropped.
pub struct Receiver {
    pub port: u16,
    lines: Lines<BufReader<ChildStdout>>,
    _process: Child,
}

impl Receiver {
    pub async fn start(secrets: &[&str]) -> Self {
        let mut process = Command::new("python3")
            .arg(concat!(env!("CARGO_MANIFEST_DIR"), "/tests/receiver.py"))
            .args(secrets)
            .stdout(Stdio::piped())
            .kill_on_drop(true)
            .spawn()
            .expect("python3 is there");
        let mut lines = BufReader::new(process.stdout.take().unwrap()).lines();
        let port = lines.next_line().await.unwrap().unwrap().parse().unwrap();
        Self { port, lines, _process: process }
    }

    pub fn url(&self, path: &str) -> String {
        format!("http://127.0.0.1:{}{path}", self.port)
    }

    /// The next request that it has seen.
    pub async fn seen(&mut self) -> Value {
        let line = tokio::time::timeout(Duration::from_secs(20), self.lines.next_line());
        serde_json::from_str(&line.await.expect("it has seen a request").unwrap().unwrap()).unwrap()
    }
}

//! The receiver in Python.

use std::process::Stdio;
use std::time::Duration;

use serde_json::Value;
use tokio::io::{AsyncBufReadExt as _, BufReader};
use tokio::process::{Child, Command};
use tokio::sync::mpsc::{UnboundedReceiver, unbounded_channel};

/// A receiver that knows these secrets, until it is dropped.
pub struct Receiver {
    pub port: u16,
    requests: UnboundedReceiver<Value>,
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
        let (tell, requests) = unbounded_channel();
        // Read at once: a pipe that is full would keep it from answering.
        tokio::spawn(async move {
            while let Ok(Some(line)) = lines.next_line().await {
                tell.send(serde_json::from_str(&line).expect("a line of JSON")).ok();
            }
        });
        Self { port, requests, _process: process }
    }

    pub fn url(&self, path: &str) -> String {
        format!("http://127.0.0.1:{}{path}", self.port)
    }

    /// The next request that it has seen.
    pub async fn seen(&mut self) -> Value {
        let next = tokio::time::timeout(Duration::from_secs(20), self.requests.recv());
        next.await.expect("it has seen a request").expect("it is there")
    }
}

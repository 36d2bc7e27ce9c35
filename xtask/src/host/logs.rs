//! What functions write to stdout and stderr.

use std::collections::VecDeque;
use std::fs::{File, OpenOptions};
use std::io::Write as _;
use std::path::Path;
use std::sync::Mutex;

use anyhow::Context;
use tokio::io::{AsyncBufReadExt as _, AsyncRead, BufReader};

use super::lock;

const KEPT_LINES: usize = 20_000;

/// The newest lines of one function, and, where wanted, a file with all of them.
#[derive(Debug, Default)]
pub(super) struct Logs {
    lines: Mutex<VecDeque<String>>,
    file: Option<Mutex<File>>,
}

impl Logs {
    /// Keeps lines in memory, and appends them to `<folder>/<name>.log` if a folder is given.
    pub fn new(folder: Option<&Path>, name: &str) -> anyhow::Result<Self> {
        let Some(folder) = folder else { return Ok(Self::default()) };
        std::fs::create_dir_all(folder).with_context(|| format!("cannot create {}", folder.display()))?;
        let path = folder.join(format!("{name}.log"));
        let file = OpenOptions::new().create(true).append(true).open(&path);
        let file = file.with_context(|| format!("cannot write {}", path.display()))?;
        Ok(Self { file: Some(Mutex::new(file)), ..Self::default() })
    }

    /// A copy of the lines, oldest first.
    pub fn lines(&self) -> Vec<String> {
        lock(&self.lines).iter().cloned().collect()
    }

    /// Takes lines from a pipe until it closes.
    pub async fn follow(&self, pipe: impl AsyncRead + Unpin) {
        let mut reader = BufReader::new(pipe);
        let mut line = Vec::new();
        // Bytes, not `lines()`: one character that is not UTF-8 must not end the log.
        while reader.read_until(b'\n', &mut line).await.is_ok_and(|read| read > 0) {
            self.add(String::from_utf8_lossy(&line).trim_end().to_owned());
            line.clear();
        }
    }

    fn add(&self, line: String) {
        if let Some(file) = &self.file {
            // A full disk must not stop the function; the lines in memory remain.
            let _ = writeln!(lock(file), "{line}");
        }
        let mut lines = lock(&self.lines);
        if lines.len() == KEPT_LINES {
            lines.pop_front();
        }
        lines.push_back(line);
    }
}

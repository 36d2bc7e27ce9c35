//! One child, as its worker sees it.

use std::collections::VecDeque;
use std::ffi::OsString;
use std::io::{Error, ErrorKind};
use std::path::Path;
use std::process::Stdio;

use serde_json::value::RawValue;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::process::{Child as Process, ChildStdin, ChildStdout, Command};

use super::evaluators::Ask;
use super::protocol::{Answer, MAX_MESSAGE_BYTES, Question};

/// Contexts that a child remembers take so many bytes of JSON at most; the last one is always remembered.
const REMEMBERED_BYTES: usize = 4 * 1024 * 1024;

/// A process that evaluates. Ends when it is dropped, whatever it is at.
#[derive(Debug)]
pub(super) struct Child {
    stdin: ChildStdin,
    stdout: ChildStdout,
    /// The contexts that it remembers, the one that was used last at the end, and how long they are.
    known: VecDeque<(u64, usize)>,
    /// Killed when this is dropped.
    _process: Process,
}

impl Child {
    /// Starts one. It inherits nothing but the standard error.
    pub(super) fn start(program: &Path, arguments: &[OsString], memory_bytes: u64) -> std::io::Result<Self> {
        let mut process = Command::new(program)
            .args(arguments)
            .arg(memory_bytes.to_string())
            .env_clear()
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .kill_on_drop(true)
            .spawn()?;
        let pipes = process.stdin.take().zip(process.stdout.take());
        let (stdin, stdout) = pipes.ok_or_else(|| Error::from(ErrorKind::BrokenPipe))?;
        Ok(Self { stdin, stdout, known: VecDeque::new(), _process: process })
    }

    /// Whether it remembers this context.
    pub(super) fn knows(&self, context: u64) -> bool {
        self.known.iter().any(|(known, _)| *known == context)
    }

    /// Asks, and waits for the answer for as long as it takes.
    ///
    /// # Errors
    /// [`Error`]: it has ended, or makes no sense any more. It is of no use then.
    pub(super) async fn ask(&mut self, ask: &Ask<'_>) -> std::io::Result<Answer> {
        let message = self.question(ask)?;
        if message.len() > MAX_MESSAGE_BYTES {
            return Ok(Answer::Failed("the context of the run is too large".to_owned()));
        }
        let length = u32::try_from(message.len()).map_err(|_| Error::from(ErrorKind::InvalidInput))?;
        self.stdin.write_all(&length.to_le_bytes()).await?;
        self.stdin.write_all(&message).await?;
        self.stdin.flush().await?;
        let length = self.stdout.read_u32_le().await? as usize;
        if length > MAX_MESSAGE_BYTES {
            return Err(ErrorKind::InvalidData.into());
        }
        let mut answer = vec![0; length];
        self.stdout.read_exact(&mut answer).await?;
        Ok(serde_json::from_slice(&answer)?)
    }

    /// The next question, and what will be remembered after it.
    fn question(&mut self, ask: &Ask<'_>) -> std::io::Result<Vec<u8>> {
        let (id, document) = (ask.context.id(), ask.context.document());
        let is_known = self.knows(id);
        self.known.retain(|(known, _)| *known != id);
        let mut forget = Vec::new();
        let bytes = document.get().len();
        while self.known.iter().map(|(_, bytes)| bytes).sum::<usize>() + bytes > REMEMBERED_BYTES {
            let Some((oldest, _)) = self.known.pop_front() else { break };
            forget.push(oldest);
        }
        self.known.push_back((id, bytes));
        let raw = |value| serde_json::value::to_raw_value(value);
        let beside = ask.beside.map(raw).transpose()?;
        let template: Box<RawValue> = raw(ask.template)?;
        let question = Question {
            forget,
            context: id,
            document: (!is_known).then_some(document),
            beside: beside.as_deref(),
            template: &template,
            max_bytes: ask.max_bytes,
        };
        Ok(serde_json::to_vec(&question)?)
    }
}

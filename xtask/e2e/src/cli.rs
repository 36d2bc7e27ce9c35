//! The command line, as a script would use it.

use std::process::Stdio;

use serde_json::Value;
use tokio::io::AsyncWriteExt as _;
use tokio::process::Command;
use uuid::Uuid;

use crate::setting;

/// The program `runplane`, speaking to the stack under test.
#[derive(Clone, Debug)]
pub struct Cli {
    program: String,
    url: String,
    tenant: Option<Uuid>,
}

/// How a command ended, and what it said.
#[derive(Clone, Debug)]
pub struct Said {
    /// The command's arguments.
    pub asked: String,
    /// Its exit code; none after a signal.
    pub code: Option<i32>,
    /// Its standard output.
    pub out: String,
    /// Its standard error.
    pub err: String,
}

impl Cli {
    /// The program and the stack that the environment names.
    ///
    /// # Panics
    /// When `RUNPLANE_CLI` or `RUNPLANE_URL` is missing.
    pub fn new() -> Self {
        Self { program: setting("RUNPLANE_CLI"), url: setting("RUNPLANE_URL"), tenant: None }
    }

    /// The same for a tenant.
    #[must_use]
    pub fn of(&self, tenant: Uuid) -> Self {
        Self { tenant: Some(tenant), ..self.clone() }
    }

    /// Runs a command whose arguments have no spaces.
    pub async fn run(&self, line: &str) -> Said {
        self.run_with_input(line, "").await
    }

    /// Runs a command with a text on its standard input.
    ///
    /// # Panics
    /// When the program cannot be started.
    pub async fn run_with_input(&self, line: &str, input: &str) -> Said {
        let mut command = Command::new(&self.program);
        command.args(line.split_whitespace()).env("RUNPLANE_URL", &self.url).env_remove("RUNPLANE_TENANT");
        if let Some(tenant) = self.tenant {
            command.env("RUNPLANE_TENANT", tenant.to_string());
        }
        command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped()).kill_on_drop(true);
        let started = command.spawn();
        let mut child = started.unwrap_or_else(|fault| panic!("RUNPLANE_CLI is {:?}: {fault}", self.program));
        // A command that reads nothing closes its input.
        let _ = child.stdin.take().expect("a pipe").write_all(input.as_bytes()).await;
        let output = child.wait_with_output().await.expect("an end");
        let text = |bytes: Vec<u8>| String::from_utf8(bytes).expect("UTF-8");
        Said {
            asked: line.to_owned(),
            code: output.status.code(),
            out: text(output.stdout),
            err: text(output.stderr),
        }
    }
}

impl Default for Cli {
    fn default() -> Self {
        Self::new()
    }
}

impl Said {
    /// Asserts the exit code.
    ///
    /// # Panics
    /// When it is another.
    #[track_caller]
    pub fn ends_with(self, code: i32) -> Self {
        assert_eq!(self.code, Some(code), "{self}");
        self
    }

    /// The standard output as JSON.
    ///
    /// # Panics
    /// When it is none.
    #[track_caller]
    pub fn json(&self) -> Value {
        serde_json::from_str(&self.out).unwrap_or_else(|fault| panic!("no JSON ({fault})\n{self}"))
    }

    /// The standard output as lines of JSON.
    ///
    /// # Panics
    /// When one of them is none.
    #[track_caller]
    pub fn json_lines(&self) -> Vec<Value> {
        let line =
            |line| serde_json::from_str(line).unwrap_or_else(|fault| panic!("no JSON ({fault})\n{self}"));
        self.out.lines().map(line).collect()
    }
}

impl std::fmt::Display for Said {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(
            f,
            "  runplane {}\n  ended:  {:?}\n  out: {}\n  err: {}",
            self.asked, self.code, self.out, self.err
        )
    }
}

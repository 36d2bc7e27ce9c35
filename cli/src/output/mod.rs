//! What is printed: results to standard output, everything else to standard error.

mod plain;
mod record;
mod table;

use std::io::Write as _;

use serde_json::{Value, json};

use crate::exit::Exit;
use crate::failure::Failure;
use crate::http::Answer;
use crate::source::SourceError;

pub use plain::{moment, plain, span};
pub use record::Record;
pub use table::table;

/// Where results go, and in which form.
#[derive(Clone, Copy, Debug)]
pub struct Output {
    json: bool,
    /// Of the terminal, in characters; None when there is none, and nothing is cut.
    width: Option<u16>,
}

impl Output {
    /// The process's own, for programs with `json`.
    pub fn new(json: bool) -> Self {
        let terminal = terminal_size::terminal_size_of(std::io::stdout());
        Self { json, width: terminal.map(|(width, _)| width.0) }
    }

    /// Whether a program reads it.
    pub fn is_json(self) -> bool {
        self.json
    }

    /// How many characters a line may have.
    pub fn width(self) -> Option<u16> {
        self.width
    }

    /// One answer: as it came for programs, else what `view` makes of its body.
    ///
    /// # Errors
    /// [`Failure::Output`].
    pub fn answer(self, answer: &Answer, view: impl FnOnce(&Value) -> String) -> Result<Exit, Failure> {
        if self.json { self.text(&answer.text) } else { self.text(&view(&answer.body)) }
    }

    /// A text, with a line break at its end; nothing if it is empty.
    ///
    /// # Errors
    /// [`Failure::Output`].
    pub fn text(self, text: &str) -> Result<Exit, Failure> {
        let mut out = std::io::stdout().lock();
        if !text.is_empty() {
            out.write_all(text.as_bytes())?;
            if !text.ends_with('\n') {
                out.write_all(b"\n")?;
            }
        }
        out.flush()?;
        Ok(Exit::Done)
    }

    /// A sentence beside the results. Not for programs: they find one document on standard error, or nothing.
    pub fn note(self, sentence: &str) {
        if !self.json {
            error_line(&plain(sentence));
        }
    }

    /// Why nothing came of it: the problem document for programs, else its sentences.
    pub fn failure(self, failure: &Failure) {
        if failure.exit() == Exit::Done {
            return;
        }
        if self.json {
            error_line(&document(failure).to_string());
            return;
        }
        match failure {
            Failure::Source(SourceError::Faults(faults)) | Failure::File(SourceError::Faults(faults)) => {
                for fault in faults {
                    error_line(&plain(&fault.to_string()));
                }
            }
            other => error_line(&format!("error: {other}")),
        }
    }
}

/// A failure as JSON: the API's own problem, else an object with a `detail`.
fn document(failure: &Failure) -> Value {
    match failure {
        Failure::Refused(refusal) => refusal.problem().clone(),
        Failure::Source(SourceError::Faults(faults)) | Failure::File(SourceError::Faults(faults)) => {
            json!({ "detail": failure.to_string(), "errors": faults })
        }
        other => json!({ "detail": other.to_string() }),
    }
}

/// Whoever has closed standard error does not want to know.
fn error_line(text: &str) {
    let _ = writeln!(std::io::stderr().lock(), "{text}");
}

//! An answer of the API, and what every answer has to look like.

use reqwest::header::HeaderMap;
use serde_json::Value;

/// Words that tell of the inside of the service. No client may see them.
const SECRETS: [&str; 6] = ["sqlx", "SQLSTATE", "panicked", "pipeline_runs", "stack backtrace", ".rs:"];

/// An answer, with the request that led to it for messages.
#[derive(Clone, Debug)]
pub struct Answer {
    /// The request in one line, its body cut.
    pub asked: String,
    /// The HTTP status.
    pub status: u16,
    /// The headers of the answer.
    pub headers: HeaderMap,
    /// The body as it came.
    pub text: String,
    /// The body as JSON; null when it is not JSON.
    pub body: Value,
}

impl Answer {
    /// The body of an answer with this status.
    ///
    /// # Panics
    /// When the status is another.
    #[track_caller]
    pub fn expect(&self, status: u16) -> &Value {
        assert_eq!(self.status, status, "{self}");
        assert_eq!(self.header("content-type"), "application/json", "{self}");
        &self.body
    }

    /// Asserts that this is a 204 with nothing in it.
    ///
    /// # Panics
    /// When it is not.
    #[track_caller]
    pub fn expect_nothing(&self) {
        assert_eq!((self.status, self.text.as_str()), (204, ""), "{self}");
    }

    /// Asserts that this is a well-formed problem with this status and code.
    ///
    /// # Panics
    /// When it is not.
    #[track_caller]
    pub fn expect_problem(&self, status: u16, code: &str) -> &Self {
        if let Err(fault) = self.problem(status, &[code]) {
            panic!("{fault}\n{self}");
        }
        self
    }

    /// Asserts that one of the problem's errors names `pointer`.
    ///
    /// # Panics
    /// When none does.
    #[track_caller]
    pub fn expect_pointer(&self, pointer: &str) -> &Self {
        assert!(self.pointers().contains(&pointer), "no error points to {pointer:?}\n{self}");
        self
    }

    /// Checks that this is a well-formed problem with this status and one of these codes.
    ///
    /// # Errors
    /// What is wrong with it, in one sentence.
    pub fn problem(&self, status: u16, codes: &[&str]) -> Result<(), String> {
        if self.status != status {
            return Err(format!("the status is {} instead of {status}", self.status));
        }
        self.any_problem()?;
        let code = self.code();
        if codes.contains(&code) {
            Ok(())
        } else {
            Err(format!("the code is {code:?} instead of one of {codes:?}"))
        }
    }

    /// Checks the shape of a problem, whatever its status and code.
    ///
    /// # Errors
    /// What is wrong with it, in one sentence.
    pub fn any_problem(&self) -> Result<(), String> {
        if self.header("content-type") != "application/problem+json" {
            return Err(format!("the content type is {:?}", self.header("content-type")));
        }
        for field in ["type", "title", "detail", "code", "request_id"] {
            if self.body[field].as_str().unwrap_or_default().is_empty() {
                return Err(format!("the problem has no {field}"));
            }
        }
        if self.body["status"] != self.status {
            return Err(format!("the problem's status is {}", self.body["status"]));
        }
        if let Some(secret) = SECRETS.iter().find(|secret| self.text.contains(**secret)) {
            return Err(format!("the problem tells of {secret:?}"));
        }
        let errors = match &self.body["errors"] {
            Value::Null => return Ok(()),
            Value::Array(errors) if !errors.is_empty() => errors,
            other => return Err(format!("`errors` is {other}")),
        };
        let complete = |error: &Value| {
            let pointer = error["pointer"].as_str();
            pointer.is_some_and(|at| at.is_empty() || at.starts_with('/'))
                && !error["detail"].as_str().unwrap_or_default().is_empty()
        };
        match errors.iter().find(|error| !complete(error)) {
            Some(error) => Err(format!("an entry of `errors` lacks a pointer or a detail: {error}")),
            None => Ok(()),
        }
    }

    /// The problem's `code`, or an empty string.
    #[must_use]
    pub fn code(&self) -> &str {
        self.body["code"].as_str().unwrap_or_default()
    }

    /// The problem's `detail`, or an empty string.
    #[must_use]
    pub fn detail(&self) -> &str {
        self.body["detail"].as_str().unwrap_or_default()
    }

    /// The places that the problem's `errors` name.
    #[must_use]
    pub fn pointers(&self) -> Vec<&str> {
        let errors = self.body["errors"].as_array().map(Vec::as_slice).unwrap_or_default();
        errors.iter().filter_map(|error| error["pointer"].as_str()).collect()
    }

    /// A header's value without parameters (`; charset=…`), or an empty string.
    #[must_use]
    pub fn header(&self, name: &str) -> &str {
        let value = self.headers.get(name).and_then(|value| value.to_str().ok()).unwrap_or_default();
        value.split(';').next().unwrap_or_default().trim()
    }
}

impl std::fmt::Display for Answer {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "  asked:    {}\n  answered: {} {}", self.asked, self.status, cut(&self.text, 1500))
    }
}

/// The first `most` characters of `text`, and how long it is when that is not all.
pub(crate) fn cut(text: &str, most: usize) -> String {
    match text.char_indices().nth(most) {
        Some((at, _)) => format!("{}… ({} bytes)", &text[..at], text.len()),
        None => text.to_owned(),
    }
}

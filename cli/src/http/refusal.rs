//! An answer that is no success.

use reqwest::StatusCode;
use serde_json::{Value, json};

use crate::exit::Exit;
use crate::output::plain;
use crate::source::{Located, Source};

/// What the API answered instead of what was asked for.
#[derive(Clone, Debug)]
pub struct Refusal {
    status: StatusCode,
    problem: Value,
    located: Vec<Located>,
    hint: Option<&'static str>,
}

impl Refusal {
    /// Reads a problem document, or what a gateway says in its own words.
    pub fn new(status: StatusCode, text: &str) -> Self {
        let document = serde_json::from_str(text).ok().filter(Value::is_object);
        let problem = match document {
            Some(problem) if problem["detail"].is_string() => problem,
            Some(other) if other["message"].is_string() => own(status, &other["message"]),
            _ => own(status, &json!(status.canonical_reason().unwrap_or("no success"))),
        };
        Self { status, problem, located: Vec::new(), hint: None }
    }

    /// With a sentence about what may help.
    pub fn with_hint(mut self, hint: Option<&'static str>) -> Self {
        self.hint = hint;
        self
    }

    /// With the places in the dag_spec that was sent, when that is at fault.
    pub fn located_in(mut self, source: &Source) -> Self {
        if self.code() == "invalid_dag_spec" {
            let errors = self.errors().map(|(pointer, detail)| (of_the_spec(pointer), detail));
            self.located = errors.map(|(pointer, detail)| source.locate(pointer, detail)).collect();
        }
        self
    }

    /// The problem as the API answered it; made up from what is known when it was none.
    pub fn problem(&self) -> &Value {
        &self.problem
    }

    /// The code to end with.
    pub fn exit(&self) -> Exit {
        match self.code() {
            "invalid_dag_spec" => Exit::InvalidSpec,
            _ if self.status.is_client_error() => Exit::Refused,
            _ => Exit::Unreachable,
        }
    }

    /// The status of the answer.
    pub fn status(&self) -> StatusCode {
        self.status
    }

    /// The problem's word for programs; empty if it has none.
    pub fn code(&self) -> &str {
        self.problem["code"].as_str().unwrap_or_default()
    }

    /// The problem's sentence for people.
    pub fn detail(&self) -> &str {
        self.problem["detail"].as_str().unwrap_or_default()
    }

    fn errors(&self) -> impl Iterator<Item = (&str, &str)> {
        let errors = self.problem["errors"].as_array().map(Vec::as_slice).unwrap_or_default();
        errors.iter().map(|error| {
            (error["pointer"].as_str().unwrap_or_default(), error["detail"].as_str().unwrap_or_default())
        })
    }
}

impl std::error::Error for Refusal {}

impl std::fmt::Display for Refusal {
    /// The sentence, the faults one a line, and by what the request is found in the logs.
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let detail = self.detail();
        // Where there is one fault, the sentence is about it.
        let told = self.errors().count() == 1 && self.errors().all(|(_, fault)| detail.ends_with(fault));
        match self.problem["title"].as_str().filter(|_| told && !self.located.is_empty()) {
            Some(title) => f.write_str(&plain(title))?,
            None => f.write_str(&plain(detail))?,
        }
        for fault in &self.located {
            write!(f, "\n{}", plain(&fault.to_string()))?;
        }
        if self.located.is_empty() && !told {
            for (pointer, detail) in self.errors() {
                write!(f, "\n  {}: {}", plain(pointer), plain(detail))?;
            }
        }
        if let Some(hint) = self.hint {
            write!(f, "\n  {hint}")?;
        }
        write!(f, "\n  {}", self.status.as_u16())?;
        if !self.code().is_empty() {
            write!(f, " {}", plain(self.code()))?;
        }
        match self.problem["request_id"].as_str() {
            Some(id) if !id.is_empty() => write!(f, ", request_id {}", plain(id)),
            _ => Ok(()),
        }
    }
}

/// A pointer into the body of a request as one into the dag_spec that it carries.
fn of_the_spec(pointer: &str) -> &str {
    match pointer.strip_prefix("/dag_spec") {
        Some(rest) if rest.is_empty() || rest.starts_with('/') => rest,
        _ => pointer,
    }
}

fn own(status: StatusCode, detail: &Value) -> Value {
    json!({ "status": status.as_u16(), "detail": detail })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_problem_says_what_where_and_how_to_find_it() {
        let problem = json!({
            "detail": "2 fields of the request are invalid", "code": "invalid_field", "status": 400, "request_id": "r-1",
            "errors": [{"pointer": "/name", "detail": "must have 1 to 200 characters, has 0"}, {"pointer": "/x", "detail": "unknown\u{1b}[2J"}]
        });
        let refusal = Refusal::new(StatusCode::BAD_REQUEST, &problem.to_string());
        insta::assert_snapshot!(refusal, @r"
        2 fields of the request are invalid
          /name: must have 1 to 200 characters, has 0
          /x: unknown\u{1b}[2J
          400 invalid_field, request_id r-1
        ");
        assert_eq!(refusal.exit(), Exit::Refused);
    }

    #[test]
    fn one_fault_is_told_once() {
        let detail = "/status: must be QUEUED, RUNNING, SUCCEEDED, FAILED or CANCELLED";
        let (pointer, fault) = detail.split_once(": ").unwrap();
        let problem = json!({
            "title": "Invalid dag_spec", "detail": detail, "code": "invalid_field",
            "errors": [{ "pointer": pointer, "detail": fault }]
        });
        let refusal = |code: &str| {
            let mut problem = problem.clone();
            problem["code"] = json!(code);
            Refusal::new(StatusCode::BAD_REQUEST, &problem.to_string())
        };
        assert_eq!(refusal("invalid_field").to_string(), format!("{detail}\n  400 invalid_field"));
        let source = Source::parse("d", b"{\"status\": 1}".to_vec()).unwrap();
        assert_eq!(
            refusal("invalid_dag_spec").located_in(&source).to_string(),
            format!("Invalid dag_spec\nd:1:12: {detail}\n  400 invalid_dag_spec")
        );
    }

    #[test]
    fn what_a_gateway_says_is_passed_on() {
        let refusal = |status, text: &str| Refusal::new(StatusCode::from_u16(status).unwrap(), text);
        assert_eq!(refusal(404, "{\"message\":\"Not Found\"}").to_string(), "Not Found\n  404");
        assert_eq!(refusal(502, "<html>").to_string(), "Bad Gateway\n  502");
        assert_eq!(refusal(502, "<html>").exit(), Exit::Unreachable);
        assert_eq!(refusal(301, "").exit(), Exit::Unreachable);
    }

    #[test]
    fn a_spec_that_was_sent_shows_its_faults_where_they_stand() {
        let source = Source::parse("dag.json", b"{\n \"steps\": [\n  {\"if\": 1}]}".to_vec()).unwrap();
        for prefix in ["", "/dag_spec"] {
            let problem = json!({
                "detail": "The dag_spec has 1 fault", "code": "invalid_dag_spec",
                "errors": [{"pointer": format!("{prefix}/steps/0/if"), "detail": "must be a boolean"}]
            });
            let refusal =
                Refusal::new(StatusCode::UNPROCESSABLE_ENTITY, &problem.to_string()).located_in(&source);
            let said = refusal.to_string();
            assert!(said.contains("\ndag.json:3:10: /steps/0/if: must be a boolean\n"), "{said}");
            assert_eq!(refusal.exit(), Exit::InvalidSpec);
        }
    }
}

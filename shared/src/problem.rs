//! Errors as clients see them: RFC 9457 `application/problem+json`.

use serde::Serialize;
use utoipa::ToSchema;

/// A stable word for programs. What each stands for is in docs/api.md.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum Code {
    /// The body is not JSON.
    MalformedJson,
    /// A field of the body, the path or the query is at fault; `errors` says which.
    InvalidField,
    /// The cursor is not one of ours, or belongs to other filters.
    InvalidCursor,
    /// The request has no valid credential.
    Unauthenticated,
    /// The credential is valid, and has no role that may do this.
    Forbidden,
    /// No such run.
    RunNotFound,
    /// No such version, or another tenant's.
    PipelineVersionNotFound,
    /// No such tenant.
    TenantNotFound,
    /// No such pipeline, or another tenant's.
    PipelineNotFound,
    /// No such connection, or another tenant's.
    ConnectionNotFound,
    /// No such schedule, or another tenant's.
    ScheduleNotFound,
    /// No such webhook, or another tenant's.
    WebhookNotFound,
    /// No such API key, or another tenant's.
    KeyNotFound,
    /// The body is larger than 1 MiB.
    PayloadTooLarge,
    /// The body's Content-Type is not JSON.
    UnsupportedMediaType,
    /// Nobody has this run, or it does not exist.
    RunNotRunning,
    /// The lease expired or is another worker's: stop working.
    LeaseLost,
    /// This run was claimed before, so its lease token has to be given.
    LeaseTokenRequired,
    /// The run has ended.
    AlreadyFinished,
    /// The run was cancelled.
    RunCancelled,
    /// Only APPROVED versions run.
    VersionNotApproved,
    /// The run does not stand where this is possible.
    InvalidTransition,
    /// The id is taken by somebody else.
    AlreadyExists,
    /// The tenant has as many of these as it may.
    LimitReached,
    /// More runs of the schedule are due than can be created at once.
    ScheduleBehind,
    /// The same Idempotency-Key came with another body.
    IdempotencyKeyReused,
    /// The dag_spec breaks a rule, or does not allow this.
    InvalidDagSpec,
    /// The parameters are not what the version's `params` ask for.
    InvalidParameters,
    /// The key has made as many requests as it may: try again after `Retry-After` seconds.
    RateLimited,
    /// A defect on our side.
    Internal,
    /// Out of reach for the moment: try again after `Retry-After` seconds.
    Unavailable,
}

impl Code {
    /// The HTTP status and the title that belong to the code.
    pub fn status_and_title(self) -> (u16, &'static str) {
        match self {
            Code::MalformedJson => (400, "Malformed JSON"),
            Code::InvalidField => (400, "Invalid field"),
            Code::InvalidCursor => (400, "Invalid cursor"),
            Code::Unauthenticated => (401, "Unauthenticated"),
            Code::Forbidden => (403, "Forbidden"),
            Code::RunNotFound => (404, "Run not found"),
            Code::PipelineVersionNotFound => (404, "Pipeline version not found"),
            Code::TenantNotFound => (404, "Tenant not found"),
            Code::PipelineNotFound => (404, "Pipeline not found"),
            Code::ConnectionNotFound => (404, "Connection not found"),
            Code::ScheduleNotFound => (404, "Schedule not found"),
            Code::WebhookNotFound => (404, "Webhook not found"),
            Code::KeyNotFound => (404, "Key not found"),
            Code::PayloadTooLarge => (413, "Payload too large"),
            Code::UnsupportedMediaType => (415, "Unsupported media type"),
            Code::RunNotRunning => (409, "Run not running"),
            Code::LeaseLost => (409, "Lease lost"),
            Code::LeaseTokenRequired => (409, "Lease token required"),
            Code::AlreadyFinished => (409, "Run already finished"),
            Code::RunCancelled => (409, "Run cancelled"),
            Code::VersionNotApproved => (409, "Pipeline version not approved"),
            Code::InvalidTransition => (409, "Invalid transition"),
            Code::AlreadyExists => (409, "Already exists"),
            Code::LimitReached => (409, "Limit reached"),
            Code::ScheduleBehind => (409, "Schedule behind"),
            Code::IdempotencyKeyReused => (422, "Idempotency key reused"),
            Code::InvalidDagSpec => (422, "Invalid dag_spec"),
            Code::InvalidParameters => (422, "Invalid parameters"),
            Code::RateLimited => (429, "Rate limited"),
            Code::Internal => (500, "Internal error"),
            Code::Unavailable => (503, "Unavailable"),
        }
    }
}

/// A problem names at most this many faults of a request.
pub const MAX_FAULTS: usize = 20;
/// A problem names at most this many faults of a dag_spec, which is a text that somebody mends in one go.
pub const MAX_DAG_FAULTS: usize = 100;

/// So many characters of a pointer or a detail are sent: both may repeat what the caller has sent, and written as JSON that can be eight times
/// as much as came, above what Lambda sends back.
pub const MAX_FAULT_CHARS: usize = 200;

/// One fault in a request.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, ToSchema)]
pub struct FieldError {
    /// JSON pointer into the body; for the path and the query, a slash and the parameter's name.
    pub pointer: String,
    /// What is wrong and how to mend it.
    pub detail: String,
}

impl FieldError {
    /// A fault at a pointer.
    pub fn new(pointer: impl Into<String>, detail: impl Into<String>) -> Self {
        Self { pointer: pointer.into(), detail: detail.into() }
    }

    /// The fault with no more of either text than an answer has room for; what is cut ends in `…`.
    fn cut(self) -> Self {
        Self { pointer: cut(self.pointer), detail: cut(self.detail) }
    }
}

fn cut(mut text: String) -> String {
    if let Some((end, _)) = text.char_indices().nth(MAX_FAULT_CHARS) {
        text.truncate(end);
        text.push('…');
    }
    text
}

/// An answer that is not the one the caller hoped for.
#[derive(Debug)]
pub struct Problem {
    /// What kind.
    pub code: Code,
    /// A sentence for people.
    pub detail: String,
    /// Where the request is at fault.
    pub errors: Vec<FieldError>,
    /// What the log says about it and the caller never sees.
    pub cause: Option<anyhow::Error>,
    /// Seconds after which the same request may succeed, if waiting is all that it takes.
    pub retry_after: Option<u32>,
}

/// The body of a [`Problem`] as it is sent.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = Problem)]
pub struct ProblemBody {
    /// Always `about:blank`: `code` tells kinds apart.
    pub r#type: &'static str,
    /// The kind in words, the same for every problem of this code.
    pub title: &'static str,
    /// The HTTP status.
    pub status: u16,
    /// What happened, in a sentence for people.
    pub detail: String,
    /// What happened, in a word for programs.
    pub code: Code,
    /// Find the request in the logs by this.
    pub request_id: String,
    /// Where the body, the path or the query is at fault.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub errors: Vec<FieldError>,
}

/// The problem of one item of a request: the request_id is that of all.
#[derive(Debug, Serialize, ToSchema)]
pub struct ItemProblem {
    /// Always `about:blank`: `code` tells kinds apart.
    pub r#type: &'static str,
    /// The kind in words, the same for every problem of this code.
    pub title: &'static str,
    /// The HTTP status that the single call would have had.
    pub status: u16,
    /// What happened, in a sentence for people.
    pub detail: String,
    /// What happened, in a word for programs.
    pub code: Code,
    /// Where the item is at fault; pointers are into the body.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub errors: Vec<FieldError>,
}

impl From<Problem> for ItemProblem {
    fn from(problem: Problem) -> Self {
        let ProblemBody { r#type, title, status, detail, code, request_id: _, errors } =
            problem.into_body("");
        Self { r#type, title, status, detail, code, errors }
    }
}

/// Seconds after which a caller may try again, when we are out of reach.
pub const RETRY_AFTER_SECONDS: u32 = 2;

impl Problem {
    /// A problem with a sentence of its own.
    pub fn new(code: Code, detail: impl Into<String>) -> Self {
        Self { code, detail: detail.into(), errors: Vec::new(), cause: None, retry_after: None }
    }

    /// `invalid_field` at the places given, at least one, each cut to [`MAX_FAULT_CHARS`].
    pub fn invalid(errors: Vec<FieldError>) -> Self {
        let errors = errors.into_iter().take(MAX_FAULTS).map(FieldError::cut).collect();
        Self::at_fields(Code::InvalidField, errors)
    }

    /// `invalid_dag_spec` with the faults of the spec, at least one; pointers are into the spec.
    pub fn invalid_dag_spec(mut faults: Vec<FieldError>) -> Self {
        faults.truncate(MAX_DAG_FAULTS);
        let detail = match faults.as_slice() {
            [one] if one.pointer.is_empty() => format!("the dag_spec {}", one.detail),
            [one] => format!("{} of the dag_spec: {}", one.pointer, one.detail),
            many => format!("the dag_spec breaks {} rules", many.len()),
        };
        Self { code: Code::InvalidDagSpec, detail, errors: faults, cause: None, retry_after: None }
    }

    /// `invalid_parameters` at the places given, at least one, below `/parameters`. Whoever collects them bounds them, as those of a
    /// dag_spec: what a schema allows may take more words than a field of ours.
    pub fn invalid_parameters(errors: Vec<FieldError>) -> Self {
        Self::at_fields(Code::InvalidParameters, errors)
    }

    fn at_fields(code: Code, mut errors: Vec<FieldError>) -> Self {
        errors.truncate(MAX_FAULTS);
        let detail = match errors.as_slice() {
            [one] if one.pointer.is_empty() => one.detail.clone(),
            [one] => format!("{}: {}", one.pointer, one.detail),
            many => format!("{} fields of the request are invalid", many.len()),
        };
        Self { code, detail, errors, cause: None, retry_after: None }
    }

    /// The problem with something that stands at this pointer of a larger body.
    pub fn below(mut self, pointer: &str) -> Self {
        let told = |errors: &[FieldError]| match errors {
            [one] => Some(format!("{}: {}", one.pointer, one.detail)),
            _ => None,
        };
        let names_its_place = self.errors.len() == 1
            && (self.errors[0].pointer.is_empty() || told(&self.errors).as_ref() == Some(&self.detail));
        for error in &mut self.errors {
            error.pointer.insert_str(0, pointer);
        }
        if let (true, Some(detail)) = (names_its_place, told(&self.errors)) {
            self.detail = detail;
        }
        self
    }

    /// `internal`: fixed text for the caller, the cause for the log.
    pub fn internal(cause: impl Into<anyhow::Error>) -> Self {
        let detail = "Something went wrong on our side; the request_id finds it in the logs".to_owned();
        Self { cause: Some(cause.into()), ..Self::new(Code::Internal, detail) }
    }

    /// `unavailable`: fixed text for the caller, the cause for the log.
    pub fn unavailable(cause: impl Into<anyhow::Error>) -> Self {
        let detail = "The service cannot be reached at the moment; try again".to_owned();
        let retry_after = Some(RETRY_AFTER_SECONDS);
        Self { cause: Some(cause.into()), retry_after, ..Self::new(Code::Unavailable, detail) }
    }

    /// The HTTP status.
    pub fn status(&self) -> u16 {
        self.code.status_and_title().0
    }

    /// The body as it is sent. `request_id` finds the request in the logs.
    pub fn into_body(self, request_id: &str) -> ProblemBody {
        let (status, title) = self.code.status_and_title();
        ProblemBody {
            r#type: "about:blank",
            title,
            status,
            detail: self.detail,
            code: self.code,
            request_id: request_id.to_owned(),
            errors: self.errors,
        }
    }
}

impl From<sqlx::Error> for Problem {
    /// `unavailable` if Postgres was out of reach, `internal` otherwise.
    fn from(error: sqlx::Error) -> Self {
        if crate::db::is_unavailable(&error) { Self::unavailable(error) } else { Self::internal(error) }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_a_caller_has_sent_is_repeated_in_part_only() {
        let long = |char: &str| char.repeat(1024 * 1024);
        let faults = (0..MAX_FAULTS).map(|_| FieldError::new(long("\\"), long("ä"))).collect();
        let body = Problem::invalid(faults).into_body("id");
        assert!(serde_json::to_string(&body).unwrap().len() < 32 * 1024);
        let FieldError { pointer, detail } = &body.errors[0];
        assert_eq!(*pointer, "\\".repeat(MAX_FAULT_CHARS) + "…");
        assert_eq!(*detail, "ä".repeat(MAX_FAULT_CHARS) + "…");
    }

    #[test]
    fn a_fault_of_an_ordinary_length_is_told_in_full() {
        let fault = FieldError::new("/".repeat(MAX_FAULT_CHARS), "ä".repeat(MAX_FAULT_CHARS));
        assert_eq!(Problem::invalid(vec![fault.clone()]).errors, [fault]);
        let listed = FieldError::new("/parameters/a", "x, ".repeat(MAX_FAULT_CHARS));
        assert_eq!(Problem::invalid_parameters(vec![listed.clone()]).errors, [listed]);
    }
}

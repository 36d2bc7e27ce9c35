//! What goes back to the caller.

use http::{HeaderName, HeaderValue, StatusCode, header};
use lambda_http::{Body, Response};
use serde::Serialize;

use crate::problem::{Code, Problem};

/// An answer: status, headers, JSON.
#[derive(Debug)]
pub struct Reply {
    status: StatusCode,
    headers: Vec<(HeaderName, HeaderValue)>,
    body: String,
}

impl Reply {
    /// 200 with a body.
    ///
    /// # Errors
    /// `internal` if the body cannot be written as JSON.
    pub fn ok(body: &impl Serialize) -> Result<Self, Problem> {
        let body = serde_json::to_string(body).map_err(Problem::internal)?;
        let headers = vec![(header::CONTENT_TYPE, HeaderValue::from_static("application/json"))];
        Ok(Self { status: StatusCode::OK, headers, body })
    }

    /// 201 with the path of what was created, and a body.
    ///
    /// # Errors
    /// `internal` if the path or the body cannot be written.
    pub fn created(location: &str, body: &impl Serialize) -> Result<Self, Problem> {
        let mut reply = Self::ok(body)?;
        reply.status = StatusCode::CREATED;
        reply.headers.push((header::LOCATION, HeaderValue::from_str(location).map_err(Problem::internal)?));
        Ok(reply)
    }

    /// 201 with a body: what was created has no path of its own.
    ///
    /// # Errors
    /// `internal` if the body cannot be written as JSON.
    pub fn added(body: &impl Serialize) -> Result<Self, Problem> {
        Ok(Self { status: StatusCode::CREATED, ..Self::ok(body)? })
    }

    /// 204: done, and there is nothing to say.
    pub fn no_content() -> Self {
        Self { status: StatusCode::NO_CONTENT, headers: Vec::new(), body: String::new() }
    }

    /// A problem. `request_id` finds the request in the logs.
    pub(super) fn problem(problem: Problem, request_id: &str) -> Self {
        let status = StatusCode::from_u16(problem.status()).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
        let mut headers = vec![(header::CONTENT_TYPE, HeaderValue::from_static("application/problem+json"))];
        if let Some(seconds) = problem.retry_after {
            headers.push((header::RETRY_AFTER, HeaderValue::from(seconds)));
        }
        if problem.code == Code::Unauthenticated {
            headers.push((header::WWW_AUTHENTICATE, HeaderValue::from_static("Bearer")));
        }
        let body = serde_json::to_string(&problem.into_body(request_id)).unwrap_or_default();
        Self { status, headers, body }
    }

    /// The HTTP status.
    pub fn status(&self) -> u16 {
        self.status.as_u16()
    }

    /// As the Lambda runtime takes it.
    pub(super) fn into_response(self) -> Response<Body> {
        let body = if self.body.is_empty() { Body::Empty } else { Body::Text(self.body) };
        let mut response = Response::new(body);
        *response.status_mut() = self.status;
        response.headers_mut().extend(self.headers);
        response
    }
}

//! Bad input: each a problem that names the place, never a 5xx, never a hang.
//!
//! Each table is checked to its end, and all that is wrong with it is told at once.

mod bodies;
mod bounds;
mod fields;
mod query;
mod text;

use e2e::{Answer, Stack, Tenant};
use reqwest::Method;
use serde_json::{Value, json};
use uuid::Uuid;

/// A POST endpoint.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Endpoint {
    Create,
    Claim,
    Heartbeat,
    Complete,
}
use Endpoint::{Claim, Complete, Create, Heartbeat};

/// All of them.
const ENDPOINTS: [Endpoint; 4] = [Create, Claim, Heartbeat, Complete];

/// What a request has to be answered.
#[derive(Clone, Copy, Debug)]
enum Expected<'a> {
    /// Not refused for its form.
    Accepted,
    /// A problem with this status, one of these codes, and, if given, an error that points here or below.
    Problem(u16, &'static [&'static str], Option<&'a str>),
    /// Whichever of the two, but in good form: the contract leaves it open.
    Either,
}

/// A field that is refused.
const fn invalid(pointer: &str) -> Expected<'_> {
    Expected::Problem(400, &["invalid_field"], Some(pointer))
}

/// A body that is not read as JSON, or of which a field is refused.
const UNREADABLE: Expected<'static> = Expected::Problem(400, &["malformed_json", "invalid_field"], None);

/// Sends requests and collects what is wrong with the answers.
struct Checker {
    stack: Stack,
    tenant: Tenant,
    nobodys_run: Uuid,
    faults: Vec<String>,
}

impl Checker {
    /// A checker with a tenant of its own.
    async fn new() -> Self {
        let stack = Stack::connect().await;
        let tenant = stack.tenant().await;
        Self { stack, tenant, nobodys_run: Uuid::now_v7(), faults: Vec::new() }
    }

    /// The path of an endpoint. Heartbeat and complete ask for a run that does not exist: what is accepted is then
    /// answered with 409 `run_not_running`.
    fn path(&self, endpoint: Endpoint) -> String {
        match endpoint {
            Create => "/api/runs".to_owned(),
            Claim => "/api/runs/claim".to_owned(),
            Heartbeat => format!("/api/runs/{}/heartbeat", self.nobodys_run),
            Complete => format!("/api/runs/{}/complete", self.nobodys_run),
        }
    }

    /// A good body for an endpoint.
    fn good(&self, endpoint: Endpoint) -> Value {
        let Tenant { id, version_id, .. } = self.tenant;
        match endpoint {
            Create => json!({ "tenant_id": id, "pipeline_version_id": version_id, "dispatch": "pull" }),
            Claim => json!({ "worker_id": "e2e", "tenant_id": id }),
            Heartbeat => json!({ "worker_id": "e2e" }),
            Complete => json!({ "status": "FAILED" }),
        }
    }

    /// A good body in which `field` is `raw`, as it stands, whether that is JSON or not.
    fn good_but(&self, endpoint: Endpoint, field: &str, raw: &str) -> String {
        let mut body = self.good(endpoint);
        body.as_object_mut().expect("an object").remove(field);
        let rest = body.to_string();
        let rest = rest.trim_end_matches('}');
        let comma = if rest == "{" { "" } else { "," };
        format!("{rest}{comma}{}:{raw}}}", json!(field))
    }

    /// Sends a body as JSON.
    async fn post(
        &mut self,
        endpoint: Endpoint,
        name: &str,
        body: impl Into<Vec<u8>>,
        expected: Expected<'_>,
    ) {
        self.post_as(endpoint, name, Some("application/json"), body, expected).await;
    }

    /// Sends a body as the content type, or without saying what it is.
    async fn post_as(
        &mut self,
        endpoint: Endpoint,
        name: &str,
        content_type: Option<&str>,
        body: impl Into<Vec<u8>>,
        expected: Expected<'_>,
    ) {
        let mut request = self.stack.request(Method::POST, &self.path(endpoint)).body(body.into());
        if let Some(content_type) = content_type {
            request = request.header("content-type", content_type);
        }
        let answer = self.stack.send(request).await;
        self.check(&format!("{endpoint:?}, {name}"), answer, expected);
    }

    /// Sends a good body in which `field` is `raw`.
    async fn field(&mut self, endpoint: Endpoint, field: &str, raw: &str, expected: Expected<'_>) {
        let body = self.good_but(endpoint, field, raw);
        let shown: String = raw.chars().take(60).collect();
        self.post(endpoint, &format!("{field} = {shown}"), body, expected).await;
    }

    /// Compares an answer with what is expected, and remembers what is wrong.
    fn check(&mut self, name: &str, answer: Result<Answer, String>, expected: Expected<'_>) {
        let fault = match &answer {
            Err(fault) => Some(fault.clone()),
            Ok(answer) => fault(answer, expected).map(|fault| format!("{fault}\n{answer}")),
        };
        self.faults.extend(fault.map(|fault| format!("- {name}: {fault}")));
    }

    /// Fails with all that was wrong.
    #[track_caller]
    fn finish(self) {
        let count = self.faults.len();
        assert!(
            self.faults.is_empty(),
            "{count} answers are not as they should be:\n{}",
            self.faults.join("\n")
        );
    }
}

/// What is wrong with an answer, if anything.
fn fault(answer: &Answer, expected: Expected<'_>) -> Option<String> {
    let accepted = matches!(answer.status, 200 | 201) || answer.problem(409, &["run_not_running"]).is_ok();
    match expected {
        Expected::Accepted => (!accepted).then(|| "refused".to_owned()),
        Expected::Either if accepted => None,
        Expected::Either if answer.status >= 500 => Some("the service failed".to_owned()),
        Expected::Either => answer.any_problem().err(),
        Expected::Problem(status, codes, pointer) => {
            if let Err(fault) = answer.problem(status, codes) {
                return Some(fault);
            }
            let pointers = answer.pointers();
            let at = |place: &str| {
                pointers.iter().any(|one| *one == place || one.starts_with(&format!("{place}/")))
            };
            let missed = pointer.filter(|place| !at(place));
            missed.map(|place| format!("no error points to {place:?} but {pointers:?}"))
        }
    }
}

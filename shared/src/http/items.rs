//! Bodies of `{"items":[…]}` and the answers to them: each item is read, refused and answered on its own.

use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};
use serde_json::Value;
use serde_json::value::RawValue;
use utoipa::ToSchema;
use uuid::Uuid;

use super::call::{Call, MAX_KEY_CHARS, is_idempotency_key};
use super::parse::{malformed, parse};
use crate::problem::{FieldError, ItemProblem, Problem};
use crate::runs::{HeartbeatReply, RunSummary};
use crate::strict;

/// A body may have so many items.
pub const MAX_ITEMS: usize = 100;
/// The faults of all items together are told up to about so many bytes: Lambda answers up to 6 MB, in which each may take twice as much.
const MAX_PROBLEM_BYTES: usize = 1024 * 1024;

/// The items of a body: what stands beside each request, and the request; or what is wrong with it.
pub type Items<B, T> = Vec<Result<(B, T), Problem>>;

#[derive(Deserialize)]
struct Body {
    items: Vec<Box<RawValue>>,
}

/// What an item has beside the body of the single call, and where that one has it in its path or a header.
pub trait Beside: DeserializeOwned {
    /// Its one field, as a pointer.
    const POINTER: &'static str;

    /// Checks its bounds.
    ///
    /// # Errors
    /// `invalid_field`.
    fn check(&self) -> Result<(), Problem>;
}

/// Which run an item is about.
#[derive(Clone, Copy, Debug, Deserialize)]
pub struct RunId {
    /// The run.
    pub run_id: Uuid,
}

impl Beside for RunId {
    const POINTER: &'static str = "/run_id";

    fn check(&self) -> Result<(), Problem> {
        Ok(())
    }
}

/// What makes an item repeatable.
#[derive(Clone, Debug, Deserialize)]
pub struct Key {
    /// 1 to 255 visible ASCII characters.
    pub idempotency_key: Option<String>,
}

impl Beside for Key {
    const POINTER: &'static str = "/idempotency_key";

    fn check(&self) -> Result<(), Problem> {
        match &self.idempotency_key {
            Some(key) if !is_idempotency_key(key) => Err(Problem::invalid(vec![FieldError::new(
                Self::POINTER,
                format!("must be 1 to {MAX_KEY_CHARS} visible ASCII characters"),
            )])),
            _ => Ok(()),
        }
    }
}

impl Call {
    /// The items of the body, at most 100, each read and checked: what stands beside the request, and the request. An item that names no tenant has the
    /// caller's, and one that names another is `tenant_not_found`.
    ///
    /// # Errors
    /// As [`Call::body`]; `invalid_field` if there is no item, or too many. What is wrong with an item is its own problem, with pointers that
    /// start with `/items/<its index>`.
    pub fn items<B: Beside, T: super::Body>(
        &self,
        check: impl Fn(&T) -> Result<(), Problem>,
    ) -> Result<Items<B, T>, Problem> {
        let Body { items } = parse(self.bytes()?)?;
        if items.is_empty() || items.len() > MAX_ITEMS {
            let detail = format!("must be 1 to {MAX_ITEMS} items, are {}", items.len());
            return Err(Problem::invalid(vec![FieldError::new("/items", detail)]));
        }
        let items = items.iter().enumerate().map(|(index, item)| {
            let item = self.with_tenant::<T>(item.get().as_bytes());
            let read = read::<B, T>(&item).and_then(|(beside, request)| {
                self.principal().scope_of(request.tenant_id())?;
                beside.check()?;
                check(&request)?;
                Ok((beside, request))
            });
            read.map_err(|problem| problem.below(&format!("/items/{index}")))
        });
        Ok(items.collect())
    }
}

fn read<B: Beside, T: DeserializeOwned>(item: &[u8]) -> Result<(B, T), Problem> {
    if !item.starts_with(b"{") {
        return Err(Problem::invalid(vec![FieldError::new("", "must be a JSON object")]));
    }
    let beside = strict::read_but(&mut serde_json::Deserializer::from_slice(item), |_| true);
    let request = strict::read_but(&mut serde_json::Deserializer::from_slice(item), |at| at == B::POINTER);
    match (beside, request) {
        (Ok(beside), Ok(request)) => Ok((beside, request)),
        (beside, request) => Err(match serde_json::from_slice::<Value>(item) {
            // A body is JSON if its items look like it; a lone surrogate is found only now.
            Err(error) => malformed(&error),
            Ok(_) => {
                let faults = [beside.err(), request.err()].into_iter().flatten().flatten();
                Problem::invalid(faults.collect())
            }
        }),
    }
}

/// The answers to the items that were `read`, in their order: a problem where there was one already, and for the others, one after the
/// other, what a verb has answered.
pub fn answers<R, A>(
    read: Vec<Result<R, Problem>>,
    answered: impl IntoIterator<Item = Result<A, Problem>>,
) -> Vec<Result<A, Problem>> {
    let mut answered = answered.into_iter();
    let answers = read.into_iter().enumerate().map(|(index, item)| match item {
        Err(problem) => Err(problem),
        Ok(_) => match answered.next() {
            Some(answer) => answer.map_err(|problem| problem.below(&format!("/items/{index}"))),
            None => Err(Problem::internal(anyhow::anyhow!("an item without an answer"))),
        },
    });
    answers.collect()
}

/// The answer to bulk creates and completions: an answer for each item, in their order.
#[derive(Debug, Serialize, ToSchema)]
pub struct RunItems {
    /// As many as there were items.
    pub items: Vec<RunItem>,
}

/// What the single call would have answered, with the run in short.
#[derive(Debug, Serialize, ToSchema)]
pub struct RunItem {
    /// The status of the single call.
    pub status: u16,
    /// The run in short, where the status is 200 or 201.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub run: Option<RunSummary>,
    /// Why not, where it is another one.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub problem: Option<ItemProblem>,
}

/// The answer to bulk heartbeats: an answer for each item, in their order.
#[derive(Debug, Serialize, ToSchema)]
pub struct HeartbeatItems {
    /// As many as there were items.
    pub items: Vec<HeartbeatItem>,
}

/// What the single call would have answered.
#[derive(Debug, Serialize, ToSchema)]
pub struct HeartbeatItem {
    /// The status of the single call.
    pub status: u16,
    /// Its answer, where the status is 200.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub heartbeat: Option<HeartbeatReply>,
    /// Why not, where it is another one: stop working on this run.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub problem: Option<ItemProblem>,
}

impl RunItems {
    /// Of a status and a run, or a problem, for each item.
    pub fn of(answers: Vec<Result<(u16, RunSummary), Problem>>) -> Self {
        let items = bounded(answers).into_iter().map(|answer| match answer {
            Ok((status, run)) => RunItem { status, run: Some(run), problem: None },
            Err(problem) => RunItem { status: problem.status, run: None, problem: Some(problem) },
        });
        Self { items: items.collect() }
    }
}

impl HeartbeatItems {
    /// Of a reply or a problem for each item.
    pub fn of(answers: Vec<Result<HeartbeatReply, Problem>>) -> Self {
        let items = bounded(answers).into_iter().map(|answer| match answer {
            Ok(reply) => HeartbeatItem { status: 200, heartbeat: Some(reply), problem: None },
            Err(problem) => HeartbeatItem { status: problem.status, heartbeat: None, problem: Some(problem) },
        });
        Self { items: items.collect() }
    }
}

/// Problems as they are sent, those that come after [`MAX_PROBLEM_BYTES`] without their `errors`. What the log has to know is written to it.
fn bounded<A>(answers: Vec<Result<A, Problem>>) -> Vec<Result<A, ItemProblem>> {
    let refused = answers.iter().filter(|answer| answer.is_err()).count();
    tracing::info!(items = answers.len(), refused, "bulk: {refused} of {} items refused", answers.len());
    let mut left = MAX_PROBLEM_BYTES;
    let answers = answers.into_iter().map(|answer| {
        answer.map_err(|problem| {
            if let Some(cause) = &problem.cause {
                tracing::error!(error = format!("{cause:#}"), "an item failed");
            }
            let code = problem.code;
            let problem = ItemProblem::from(problem);
            let bytes = serde_json::to_string(&problem).map_or(0, |json| json.len());
            match left.checked_sub(bytes) {
                Some(rest) => left = rest,
                None => return ItemProblem::from(Problem::new(code, NO_ROOM)),
            }
            problem
        })
    });
    answers.collect()
}

/// Stands for what there was no room for.
const NO_ROOM: &str =
    "There is no room to say more beside the faults of the other items: send this one alone";

#[cfg(test)]
mod tests {
    use super::*;
    use crate::problem::Code;

    #[derive(Debug, Deserialize)]
    struct Request {
        #[expect(dead_code, reason = "only its parsing matters")]
        count: u8,
    }

    fn faults(item: &str) -> (Code, Vec<String>) {
        let problem = read::<RunId, Request>(item.as_bytes()).unwrap_err().below("/items/3");
        (problem.code, problem.errors.into_iter().map(|error| error.pointer).collect())
    }

    #[test]
    fn every_fault_of_an_item_is_named_where_it_is() {
        let id = r#""run_id": "580115b4-a291-4917-8dbd-247cfa13e2d6""#;
        let invalid =
            |pointers: &[&str]| (Code::InvalidField, pointers.iter().map(ToString::to_string).collect());
        read::<RunId, Request>(format!(r#"{{"count": 1, {id}}}"#).as_bytes()).unwrap();
        assert_eq!(
            faults(&format!(r#"{{"count": 1, {id}, "a/b": 1, "run_ids": {{}}}}"#)),
            invalid(&["/items/3/a~1b", "/items/3/run_ids"])
        );
        assert_eq!(faults(r#"{"count": 1}"#), invalid(&["/items/3/run_id"]));
        assert_eq!(faults(r#"{"count": "x", "run_id": 1}"#), invalid(&["/items/3/run_id", "/items/3/count"]));
        let twice = [format!("{{{id}, {id}, \"count\": 1}}"), format!(r#"{{{id}, "count": 1, "count": 1}}"#)];
        for no_object in ["[1]", "null", "1", r#""{}""#].into_iter().chain(twice.iter().map(String::as_str)) {
            assert_eq!(faults(no_object), invalid(&["/items/3"]), "{no_object}");
        }
        assert_eq!(faults(&format!(r#"{{{id}, "count": 1, "x": "\ud800"}}"#)), (Code::MalformedJson, vec![]));
    }

    #[test]
    fn the_faults_of_a_hundred_items_fit_into_an_answer() {
        let fault = || FieldError::new("/parameters", "\u{1}".repeat(64 * 1024));
        let refused: Vec<Result<(u16, RunSummary), Problem>> =
            (0..MAX_ITEMS).map(|_| Err(Problem::invalid_parameters(vec![fault()]))).collect();
        let answer = serde_json::to_string(&RunItems::of(refused)).unwrap();
        // As Lambda wraps it.
        assert!(serde_json::to_string(&answer).unwrap().len() < 3 * 1024 * 1024);
        assert!(answer.contains(NO_ROOM) && answer.matches("invalid_parameters").count() == MAX_ITEMS);
    }
}

//! What a fuzzer throws at the edges: cursors and events. `fuzz/` calls it, and a test with each file of its corpus.

use std::sync::{Arc, Mutex};

use lambda_http::Request;
use serde_json::Value;
use uuid::Uuid;

pub use crate::dag::fuzz::{expression, spec};

use crate::auth::keys::CreateKeyRequest;
use crate::auth::{Principal, Role, Roles};
use crate::catalog::{
    ChangeStatusRequest, ConnectionFilter, CreateConnectionRequest, CreatePipelineRequest,
    CreateScheduleRequest, CreateTenantRequest, CreateVersionRequest, EditVersionRequest, PipelineFilter,
    TenantFilter, UpdatePipelineRequest, UpdateScheduleRequest, UpdateTenantRequest, VersionFilter,
};
use crate::cursor::Cursor;
use crate::dispatch::Message;
use crate::evidence::{ArtifactFilter, ArtifactRequest, LogFilter, LogsRequest, Order};
use crate::functions::FUNCTIONS;
use crate::http::{Body, Call, Key, RunId, lists};
use crate::problem::Problem;
use crate::runs::{
    CancelRequest, ClaimRequest, CompleteRequest, CreateRequest, HeartbeatRequest, ListFilter,
    ReleaseRequest, RetryRequest,
};
use crate::scope::Scope;
use crate::steps::{StepPlace, StoreStepsRequest};

/// Text as a cursor of every list: refused, or the very text that the place it names is written as.
///
/// # Panics
/// If it is neither: a defect.
pub fn cursor(bytes: &[u8]) {
    std::hint::black_box(std::str::from_utf8(bytes).is_ok_and(is_a_cursor));
}

/// Whether some list takes it.
fn is_a_cursor(text: &str) -> bool {
    let mut taken = false;
    for scope in [Scope::All, Scope::Tenant(Uuid::nil())] {
        taken |= is_taken(text, scope, &ListFilter::default());
        taken |= is_taken(text, scope, &TenantFilter);
        taken |= is_taken(text, scope, &PipelineFilter::default());
        taken |= is_taken(text, scope, &VersionFilter::default());
        taken |= is_taken(text, scope, &ConnectionFilter::default());
        let (run_id, order) = (Uuid::nil(), Order::default());
        taken |= is_taken(text, scope, &LogFilter { run_id, after: None, before: None, order });
        taken |= is_taken(text, scope, &ArtifactFilter { run_id, order });
    }
    let place = StepPlace::decode(text, Uuid::nil());
    assert!(place.as_ref().is_ok_and(|place| place.encode(Uuid::nil()) == text) || place.is_err());
    taken || place.is_ok()
}

fn is_taken(text: &str, scope: Scope, filter: &impl std::fmt::Debug) -> bool {
    let cursor = Cursor::decode(text, scope, filter);
    if let Ok(cursor) = cursor {
        assert_eq!(cursor.encode(scope, filter), text);
    }
    cursor.is_ok()
}

/// Bytes as what a function is woken with: an event of API Gateway, of which everything is read that any handler reads, and one of SQS.
///
/// # Panics
/// If anything but a problem comes of it: a defect.
pub fn event(bytes: &[u8]) {
    let Ok(text) = std::str::from_utf8(bytes) else { return };
    if let Ok(value) = serde_json::from_str::<Value>(text) {
        let records = value.get("Records").and_then(Value::as_array);
        for body in records.into_iter().flatten().filter_map(|record| record.get("body")?.as_str()) {
            if let Ok(message) = serde_json::from_str::<Message>(body) {
                let again = serde_json::to_string(&message).expect("a message is JSON");
                assert!(again.contains(&message.run_id.to_string()));
            }
        }
    }
    if let Some(request) = request(text) {
        read(request);
    }
}

/// The request in an event. The crate that reads events panics on some that API Gateway does not send: a body that is no base64 and says it is, a
/// host or a query that no URL may have. The runtime answers those, as any panic, with an error of the function, so they are left out here.
fn request(text: &str) -> Option<Request> {
    /// One at a time: the hook is the whole process's, and a fuzzer's own would end it.
    static HOOK: Mutex<()> = Mutex::new(());
    let _one = HOOK.lock();
    let hook = std::panic::take_hook();
    std::panic::set_hook(Box::new(|_| {}));
    let read = std::panic::catch_unwind(|| lambda_http::request::from_str(text));
    std::panic::set_hook(hook);
    read.ok()?.ok()
}

fn read(request: Request) {
    read_by(request.clone(), Principal::open());
    read_by(
        request,
        Principal { id: String::new(), tenant: Some(Uuid::max()), roles: Roles::of(&Role::ALL) },
    );
}

fn read_by(request: Request, principal: Principal) {
    let call = Call::new(request, Arc::new(principal));
    for function in &FUNCTIONS {
        std::hint::black_box(call.route(function));
    }
    std::hint::black_box(call.maker(Some("somebody")));
    for name in ["run_id", "tenant_id", "pipeline_id", "pipeline_version_id", "connection_id"] {
        told(call.id(name));
    }
    told(call.run_id());
    told(call.scope());
    told(call.no_query());
    told(call.idempotency_key());
    told(call.no_idempotency_key());
    let mut query = call.query();
    let scope = lists::scope(&call, &mut query).unwrap_or(Scope::All);
    told(lists::page(query, scope, &ListFilter::default()));
    let mut query = call.query();
    drop((
        query.all("status"),
        query.prefixed("label."),
        query.stored_text("queue"),
        query.time("created_after"),
    ));
    told(query.finish());

    body(&call, CreateRequest::check);
    body(&call, ClaimRequest::check);
    body(&call, HeartbeatRequest::check);
    body(&call, CompleteRequest::check);
    body(&call, ReleaseRequest::check);
    body(&call, CancelRequest::check);
    body(&call, RetryRequest::check);
    body(&call, StoreStepsRequest::check);
    body(&call, LogsRequest::check);
    body(&call, ArtifactRequest::check);
    body(&call, CreateTenantRequest::check);
    body(&call, UpdateTenantRequest::check);
    body(&call, CreatePipelineRequest::check);
    body(&call, UpdatePipelineRequest::check);
    body(&call, CreateVersionRequest::check);
    body(&call, EditVersionRequest::check);
    body(&call, ChangeStatusRequest::check);
    body(&call, CreateConnectionRequest::check);
    body(&call, CreateScheduleRequest::check);
    body(&call, UpdateScheduleRequest::check);
    body(&call, CreateKeyRequest::check);
    told(call.items::<Key, _>(CreateRequest::check));
    told(call.items::<RunId, _>(CompleteRequest::check));
    told(call.items::<RunId, _>(HeartbeatRequest::check));
}

/// The body as one kind of request.
fn body<T: Body, R>(call: &Call, check: impl Fn(&T) -> Result<R, Problem>) {
    told(call.body::<T>().and_then(|request| check(&request)));
}

/// What is wrong is answered: a client's mistake, in an answer that can be written and is not larger than Lambda may give.
fn told<T>(result: Result<T, Problem>) {
    let Err(problem) = result else { return };
    assert!(problem.status() < 500, "{problem:?}");
    assert!(format!("{problem:?}").len() < 4 * 1024 * 1024, "a long answer");
}

#[cfg(test)]
mod tests {
    use std::path::Path;

    use super::*;

    /// Every file of a corpus through its function.
    fn all(target: &str, mut run: impl FnMut(&[u8])) {
        let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../fuzz/corpus").join(target);
        let mut files: Vec<_> =
            std::fs::read_dir(&folder).unwrap().map(|file| file.unwrap().path()).collect();
        files.sort();
        assert!(files.len() >= 20, "{} files in {}", files.len(), folder.display());
        for file in files {
            println!("{}", file.display());
            run(&std::fs::read(&file).unwrap());
        }
    }

    #[test]
    fn the_corpus_of_expressions_does_no_harm() {
        all("expression", expression);
    }

    #[test]
    fn the_corpus_of_specs_does_no_harm() {
        all("spec", spec);
    }

    #[test]
    fn the_corpus_of_cursors_does_no_harm() {
        let mut taken = 0;
        all("cursor", |bytes| {
            cursor(bytes);
            taken += usize::from(std::str::from_utf8(bytes).is_ok_and(is_a_cursor));
        });
        // Those of seven lists, with a tenant and without, and those of steps. Whoever changes how cursors are made writes new ones.
        assert_eq!(taken, 17);
    }

    #[test]
    fn the_corpus_of_events_does_no_harm() {
        all("event", event);
    }
}

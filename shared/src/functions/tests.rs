//! The table beside the other places that know functions. `template.yaml` has tests of its own, in `shared/tests/template`.

#![allow(
    clippy::unwrap_used,
    reason = "a test may panic; clippy.toml allows it only in functions marked as tests"
)]

use std::collections::BTreeSet;
use std::panic::AssertUnwindSafe;
use std::path::{Path, PathBuf};

use aws_config::{BehaviorVersion, Region};
use futures_util::FutureExt as _;
use uuid::Uuid;

use super::*;
use crate::app::App;
use crate::dispatch::{DispatchError, Dispatcher, Notice};
use crate::testing::check_settings;

fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("..")
}

/// Path, method and function of each route of the table, in order.
fn routes() -> Vec<[String; 3]> {
    let of = |function: &'static Function| {
        function.routes().iter().map(|route| [route.path, route.method, function.name].map(str::to_owned))
    };
    let mut routes: Vec<_> = FUNCTIONS.iter().flat_map(of).collect();
    routes.sort();
    routes
}

#[test]
fn the_table_has_the_routes_of_the_router_and_no_others() {
    let manifest: toml::Table = std::fs::read_to_string(root().join("Cargo.toml")).unwrap().parse().unwrap();
    let router = manifest["workspace"]["metadata"]["lambda"]["watch"]["router"].as_table().unwrap();
    let mut served = Vec::new();
    for (path, methods) in router {
        for route in methods.as_array().unwrap() {
            let text = |key: &str| route[key].as_str().unwrap().to_owned();
            served.push([path.clone(), text("method"), text("function")]);
        }
    }
    served.sort();
    assert_eq!(routes(), served);
}

#[test]
fn the_table_has_the_routes_that_are_documented_and_no_others() {
    let document = std::fs::read_to_string(root().join("docs/openapi.json")).unwrap();
    let document: serde_json::Value = serde_json::from_str(&document).unwrap();
    let mut documented = Vec::new();
    let mut names = BTreeSet::new();
    for (path, operations) in document["paths"].as_object().unwrap() {
        for (method, operation) in operations.as_object().unwrap() {
            let name = operation["operationId"].as_str().unwrap();
            assert!(names.insert(name), "two operations are called {name}");
            documented.push([path.clone(), method.to_uppercase()]);
        }
    }
    documented.sort();
    let expected = routes().into_iter().map(|[path, method, _]| [path, method]);
    assert_eq!(expected.collect::<Vec<_>>(), documented);
    // A function that does one thing is called as its operation.
    for function in FUNCTIONS.iter().filter(|function| function.routes().len() == 1) {
        assert!(names.contains(function.name), "{}", function.name);
    }
}

#[test]
fn a_request_finds_its_route_by_name_or_by_path() {
    let route = |method, path| {
        FUNCTIONS.iter().flat_map(Function::routes).find(|route: &&Route| route.fits(method, path))
    };
    assert_eq!(route("GET", "/api/runs").unwrap().path, "/api/runs");
    assert_eq!(route("PATCH", "/api/tenants/x").unwrap().path, "/api/tenants/{tenant_id}");
    for (method, path) in
        [("PUT", "/api/runs"), ("GET", "/api/tenants/"), ("GET", "/api"), ("GET", "/api/tenants/x/y")]
    {
        assert_eq!(route(method, path), None, "{method} {path}");
    }
    let named = Route { method: "GET", path: "/api/tenants/{tenant_id}", roles: Roles::default() };
    assert!(named.is_named("GET /api/tenants/{tenant_id}"));
    assert!(!named.is_named("GET /api/tenants") && !named.is_named("$default"));
}

#[test]
fn every_folder_of_functions_has_a_row_and_every_row_a_folder() {
    let folders = std::fs::read_dir(root().join("functions")).unwrap();
    let mut folders: Vec<_> = folders
        .map(|folder| folder.unwrap())
        .filter(|folder| folder.path().join("Cargo.toml").exists())
        .map(|folder| folder.file_name().into_string().unwrap())
        .collect();
    folders.sort();
    let mut names: Vec<_> = FUNCTIONS.iter().map(|function| function.name).collect();
    names.sort_unstable();
    assert_eq!(names, folders);
}

#[test]
fn a_function_is_found_by_its_name() {
    for function in &FUNCTIONS {
        assert_eq!(named(function.name), function);
    }
}

#[test]
#[should_panic = "runplane::functions::FUNCTIONS has no function of this name"]
fn part_of_a_name_finds_nothing() {
    named("clai");
}

// What the worker and the sweep read beside this is tested where it is read.
#[tokio::test]
async fn every_http_function_reads_the_settings_that_the_table_lists_for_it() {
    for function in FUNCTIONS.iter().filter(|function| !function.routes().is_empty()) {
        check_settings(function, App::from_settings).await;
    }
}

// Release builds do not check.
#[cfg(debug_assertions)]
#[tokio::test]
async fn a_call_that_the_table_does_not_list_is_caught() {
    for function in &FUNCTIONS {
        let dispatcher = dispatcher(function);
        let notice = Notice { tenant_id: Uuid::nil(), run_id: Uuid::nil(), delay_seconds: 0 };
        let calls = [
            (SendMessage, caught(dispatcher.send(notice)).await),
            (SendMessage, caught(dispatcher.send_batch(&[notice])).await),
            (GetQueueAttributes, caught(dispatcher.backlog()).await),
            (ChangeMessageVisibility, caught(dispatcher.hide("receipt", 0)).await),
            (ChangeMessageVisibility, caught(dispatcher.hide_all(&["receipt"], 0)).await),
        ];
        for (call, caught) in calls {
            let (name, action) = (function.name, call.action());
            let message =
                format!("the function {name} calls {action}, which runplane::functions does not list for it");
            assert_eq!(caught, (!function.calls.contains(&call)).then_some(message), "{name}, {action}");
        }
    }
}

/// The panic that a call ends with. SQS is out of reach, which is none.
async fn caught<T>(call: impl Future<Output = Result<T, DispatchError>>) -> Option<String> {
    let panic = AssertUnwindSafe(call).catch_unwind().await.err()?;
    Some(panic.downcast_ref::<String>().unwrap().clone())
}

fn dispatcher(function: &'static Function) -> Dispatcher {
    // Without credentials no request leaves.
    let config = aws_sdk_sqs::Config::builder().behavior_version(BehaviorVersion::latest());
    let client = aws_sdk_sqs::Client::from_conf(config.region(Region::from_static("none")).build());
    Dispatcher::new(function, client, "http://127.0.0.1:1/runs".to_owned())
}

/// Nothing else may ask the environment: what it would read is not in the table, and no template would give it. These three ask for what
/// Lambda itself sets.
#[test]
fn settings_are_read_by_config_alone() {
    let allowed = [
        "config.rs",
        "logging.rs",
        "metrics.rs",
        "functions/worker/src/batch.rs",
        // Its arguments and its own path, no variables.
        "functions/worker/src/main.rs",
    ];
    let mut asking = Vec::new();
    let mut folders = vec![root().join("shared/src"), root().join("functions")];
    while let Some(folder) = folders.pop() {
        for entry in std::fs::read_dir(folder).unwrap() {
            let path = entry.unwrap().path();
            if path.is_dir() {
                folders.push(path);
            } else if path.extension().is_some_and(|extension| extension == "rs")
                && std::fs::read_to_string(&path).unwrap().contains(concat!("std::", "env"))
                && !allowed.iter().any(|file| path.ends_with(file))
            {
                asking.push(path);
            }
        }
    }
    assert!(asking.is_empty(), "these read the environment by themselves: {asking:?}");
}

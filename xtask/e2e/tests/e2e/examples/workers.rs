//! The workers of `examples/outside_worker/`, as they stand there.

use std::path::Path;
use std::process::{Output, Stdio};

use chrono::{DateTime, Utc};
use e2e::{DEADLINE, Stack, Tenant, eventually};
use serde_json::{Value, json};
use tokio::process::{Child, Command};
use uuid::Uuid;

/// A worker: the program that reads it, its file, and what its name begins with.
#[derive(Clone, Copy, Debug)]
struct Worker {
    program: &'static str,
    file: &'static str,
    name: &'static str,
}

const PYTHON: Worker = Worker { program: "python3", file: "worker.py", name: "python-" };
const BASH: Worker = Worker { program: "bash", file: "worker.sh", name: "bash-" };

impl Worker {
    /// Starts it for a tenant, to end when there is nothing more to do. `None`, but in CI, where the machine lacks what it needs.
    async fn start(self, tenant: Uuid) -> Option<Child> {
        let needs: &[&str] = if self.program == "bash" { &["bash", "curl", "jq"] } else { &["python3"] };
        for program in needs {
            let found = Command::new(program).arg("--version").stdin(Stdio::null()).output().await;
            if found.is_err() && !std::env::var("CI").is_ok_and(|value| !value.is_empty()) {
                eprintln!("{} was not tried: there is no {program}", self.file);
                return None;
            }
            found.unwrap_or_else(|fault| panic!("there is no {program}: {fault}"));
        }
        let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../examples/outside_worker");
        let mut command = Command::new(self.program);
        command.arg(folder.join(self.file)).env("TENANT_ID", tenant.to_string()).env("ONCE", "1");
        command.env("LEASE_SECONDS", "5").kill_on_drop(true);
        command.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped());
        Some(command.spawn().expect("a process"))
    }
}

/// Waits until it has ended. Its standard output.
async fn ended(child: Child) -> String {
    let output = tokio::time::timeout(DEADLINE, child.wait_with_output()).await;
    let Output { status, stdout, stderr } = output.expect("it ends").expect("an end");
    let [out, err] = [stdout, stderr].map(|bytes| String::from_utf8(bytes).expect("UTF-8"));
    assert!(status.success(), "{status}\n{out}\n{err}");
    out
}

/// The spec of the example, with these fields over it.
fn spec(more: Value) -> Value {
    let text = include_str!("../../../../../examples/outside_worker/pipeline.json");
    let mut spec: Value = serde_json::from_str(text).expect("JSON");
    spec.as_object_mut().expect("an object").extend(more.as_object().cloned().unwrap_or_default());
    spec
}

/// A run of this spec that waits where the workers look.
async fn waiting(stack: &Stack, spec: Value) -> (Tenant, Uuid) {
    let tenant = stack.tenant_with(spec).await;
    let run = json!({ "queue": "reports", "parameters": { "week": "2026-W48" } });
    let run = stack.created(&tenant, run).await;
    (tenant, run)
}

#[tokio::test]
async fn each_worker_outside_writes_the_report_and_says_so() {
    let stack = Stack::connect().await;
    for worker in [PYTHON, BASH] {
        let (tenant, run_id) = waiting(&stack, spec(json!({ "seconds_per_section": 0 }))).await;
        let Some(child) = worker.start(tenant.id).await else { continue };
        let said = ended(child).await;
        let run = stack.run(run_id).await;
        assert_eq!(run["status"], "SUCCEEDED", "{run}\n{said}");
        assert_eq!(run["output"], json!({ "report": "Week 2026-W48", "sections": 3 }), "{worker:?}");
        let name = run["claimed_by"].as_str().unwrap_or_default();
        assert!(name.starts_with(worker.name), "{run}");
        let logs = stack.get(&format!("/api/runs/{run_id}/logs")).await;
        let lines = logs.expect(200)["items"].as_array().expect("items").clone();
        let lines: Vec<_> = lines.iter().map(|line| (&line["source"], &line["message"])).collect();
        let expected =
            ["orders", "returns", "stock"].map(|section| json!(format!("section {section} is written")));
        assert_eq!(lines, expected.iter().map(|line| (&run["claimed_by"], line)).collect::<Vec<_>>());
    }
}

#[tokio::test]
async fn each_worker_outside_heartbeats_and_stops_when_its_run_is_cancelled() {
    let stack = Stack::connect().await;
    for worker in [PYTHON, BASH] {
        let (tenant, run_id) = waiting(&stack, spec(json!({ "seconds_per_section": 3600 }))).await;
        let Some(child) = worker.start(tenant.id).await else { continue };
        eventually(&format!("{} sends a heartbeat", worker.file), async || {
            let run = stack.run(run_id).await;
            (time(&run["heartbeat_at"])? > time(&run["claimed_at"])?).then_some(())
        })
        .await;
        stack.post(&format!("/api/runs/{run_id}/cancel"), &json!({})).await.expect(200);
        let said = ended(child).await;
        assert!(said.contains("stopped, the run is not ours any more"), "{said}");
        assert_eq!(stack.run(run_id).await["status"], "CANCELLED");
    }
}

#[tokio::test]
async fn each_worker_outside_says_that_it_has_failed() {
    let stack = Stack::connect().await;
    for worker in [PYTHON, BASH] {
        let (tenant, run_id) =
            waiting(&stack, spec(json!({ "sections": 3, "seconds_per_section": 0 }))).await;
        let Some(child) = worker.start(tenant.id).await else { continue };
        let said = ended(child).await;
        let run = stack.run(run_id).await;
        assert_eq!(
            (&run["status"], &run["error_code"]),
            (&json!("FAILED"), &json!("report_failed")),
            "{said}"
        );
    }
}

fn time(value: &Value) -> Option<DateTime<Utc>> {
    value.as_str()?.parse().ok()
}

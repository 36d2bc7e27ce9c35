//! A request for each endpoint of the policy, about somebody's things.

use e2e::{Answer, Stack};
use reqwest::Method;
use serde_json::{Value, json};

use super::things::Things;

/// A row of the table in docs/security.md, which is made from the code.
#[derive(Clone, Debug)]
pub struct Endpoint {
    pub method: &'static str,
    pub path: &'static str,
    /// Who may.
    pub roles: Vec<&'static str>,
}

/// The roles, in the order of the table's columns.
pub const ROLES: [&str; 6] = ["viewer", "submitter", "worker", "approver", "admin", "operator"];

/// Every endpoint that there is.
pub fn all() -> Vec<Endpoint> {
    let document = include_str!("../../../../../docs/security.md");
    let rows = document.lines().filter(|line| line.starts_with("| `") && line.contains(" /api/"));
    let endpoints: Vec<_> = rows
        .map(|row| {
            let mut cells = row.trim_matches('|').split('|').map(str::trim);
            let name = cells.next().unwrap_or_default().trim_matches('`');
            let (method, path) = name.split_once(' ').expect("a method and a path");
            let roles = ROLES.into_iter().zip(cells).filter(|(_, mark)| *mark == "✓").map(|(role, _)| role);
            Endpoint { method, path, roles: roles.collect() }
        })
        .collect();
    assert!(endpoints.len() >= 52, "{} endpoints", endpoints.len());
    endpoints
}

/// What comes of the request for things that there are, and for things that are not the caller's.
#[derive(Clone, Copy, Debug)]
pub struct Expected {
    pub done: u16,
    pub missing: u16,
}

impl Endpoint {
    /// What it answers to who may.
    ///
    /// # Panics
    /// When it is new, and nobody has said so here.
    pub fn expected(&self) -> Expected {
        let (done, missing) = match (self.method, self.path) {
            ("POST", "/api/runs" | "/api/runs/bulk" | "/api/keys") => (201, 404),
            ("POST", "/api/pipelines" | "/api/pipeline-versions") => (201, 404),
            ("POST", "/api/connections" | "/api/schedules" | "/api/webhooks") => (201, 404),
            ("POST", "/api/webhooks/{webhook_id}/retry") => (200, 404),
            ("POST", "/api/runs/{run_id}/retry") => (201, 404),
            ("POST", "/api/runs/{run_id}/complete" | "/api/runs/complete") => (200, 409),
            ("POST", "/api/runs/{run_id}/heartbeat" | "/api/runs/heartbeat") => (200, 409),
            ("POST", "/api/runs/{run_id}/release" | "/api/runs/{run_id}/secrets") => (200, 409),
            ("PUT", "/api/runs/{run_id}/steps") => (200, 409),
            ("POST", "/api/runs/{run_id}/logs" | "/api/runs/{run_id}/artifacts") => (201, 404),
            // Of no tenant, or of one's own.
            ("POST", "/api/tenants") => (201, 201),
            ("GET", "/api/tenants") => (200, 200),
            (
                "DELETE",
                "/api/connections/{connection_id}"
                | "/api/schedules/{schedule_id}"
                | "/api/webhooks/{webhook_id}",
            ) => (204, 404),
            ("POST", "/api/runs/claim" | "/api/runs/{run_id}/cancel") => (200, 404),
            ("POST", "/api/pipeline-versions/{pipeline_version_id}/status") => (200, 404),
            ("PUT" | "PATCH" | "GET", _) | ("DELETE", "/api/keys/{key_id}") => (200, 404),
            ("DELETE", "/api/tenants/{tenant_id}") => (200, 404),
            _ => panic!("{} {} is new: say here what it answers", self.method, self.path),
        };
        Expected { done, missing }
    }

    /// The path and the body of the request, about these things.
    fn request(&self, of: &Things) -> (String, Option<Value>) {
        let tenant = of.tenant.id;
        let run = match self.path {
            path if path.ends_with("/cancel") => of.queued,
            path if path.ends_with("/retry") => of.failed,
            _ => of.running,
        };
        let version = if self.method == "GET" { of.tenant.version_id } else { of.draft };
        let path = self
            .path
            .replace("{run_id}", &run.to_string())
            .replace("{tenant_id}", &tenant.to_string())
            .replace("{pipeline_id}", &of.tenant.pipeline_id.to_string())
            .replace("{pipeline_version_id}", &version.to_string())
            .replace("{connection_id}", &of.connection.to_string())
            .replace("{schedule_id}", &of.schedule.to_string())
            .replace("{webhook_id}", &of.webhook.to_string())
            .replace("{key_id}", &of.key.to_string());
        let is_list = self.method == "GET" && !self.path.contains('{') && self.path != "/api/tenants";
        let path = if is_list { format!("{path}?tenant_id={tenant}") } else { path };
        let create =
            json!({ "tenant_id": tenant, "pipeline_version_id": of.tenant.version_id, "dispatch": "pull" });
        let token = of.token;
        let body = match (self.method, self.path) {
            ("POST", "/api/runs") => create,
            ("POST", "/api/runs/bulk") => json!({ "items": [create] }),
            ("POST", "/api/runs/claim") => json!({ "worker_id": "e2e", "tenant_id": tenant }),
            ("POST", "/api/runs/complete") => {
                json!({ "items": [{ "run_id": run, "status": "SUCCEEDED", "lease_token": token }] })
            }
            ("POST", "/api/runs/heartbeat") => json!({ "items": [{ "run_id": run, "lease_token": token }] }),
            ("POST", "/api/runs/{run_id}/complete") => json!({ "status": "SUCCEEDED", "lease_token": token }),
            ("POST", "/api/runs/{run_id}/heartbeat" | "/api/runs/{run_id}/secrets") => {
                json!({ "lease_token": token })
            }
            ("POST", "/api/runs/{run_id}/release") => json!({ "lease_token": token }),
            ("POST", "/api/runs/{run_id}/cancel" | "/api/runs/{run_id}/retry") => json!({}),
            ("PUT", "/api/runs/{run_id}/steps") => json!({
                "lease_token": token,
                "steps": [{ "step_id": "a", "status": "SUCCEEDED", "attempts": 1 }]
            }),
            ("POST", "/api/runs/{run_id}/logs") => json!({ "level": "INFO", "message": "e2e" }),
            ("POST", "/api/runs/{run_id}/artifacts") => json!({ "artifact_type": "e2e", "payload": {} }),
            ("POST", "/api/tenants") => json!({ "name": format!("e2e {}", uuid::Uuid::now_v7()) }),
            ("PATCH", "/api/schedules/{schedule_id}") => json!({ "priority": 6 }),
            ("PATCH", _) => json!({ "paused": true }),
            ("POST", "/api/pipelines") => json!({ "tenant_id": tenant, "name": "another" }),
            ("POST", "/api/pipeline-versions") => json!({
                "tenant_id": tenant, "pipeline_id": of.tenant.pipeline_id, "version": "another",
                "dag_spec": { "steps": [] }
            }),
            ("PUT", "/api/pipeline-versions/{pipeline_version_id}") => {
                json!({ "revision": 1, "dag_spec": { "steps": [] } })
            }
            ("POST", "/api/pipeline-versions/{pipeline_version_id}/status") => {
                json!({ "status": "APPROVED" })
            }
            ("POST", "/api/connections") => json!({
                "tenant_id": tenant, "name": "another", "kind": "http",
                "config": { "base_url": "https://example.com" }
            }),
            ("POST", "/api/schedules") => json!({
                "tenant_id": tenant, "name": "another", "pipeline_id": of.tenant.pipeline_id, "cron": "0 0 1 1 *",
                "paused": true
            }),
            ("POST", "/api/webhooks") => json!({
                "tenant_id": tenant, "name": "another", "url": "https://example.com/", "secret_ref": "one", "paused": true
            }),
            ("POST", "/api/webhooks/{webhook_id}/retry") => return (path, None),
            ("POST", "/api/keys") => json!({ "tenant_id": tenant, "name": "another", "roles": ["viewer"] }),
            // As the seed names them.
            ("DELETE", "/api/tenants/{tenant_id}") => return (format!("{path}?name=e2e {tenant}"), None),
            ("GET" | "DELETE", _) => return (path, None),
            _ => panic!("{} {} is new: say here how it is asked", self.method, self.path),
        };
        (path, Some(body))
    }

    /// Asks. The status is that of the item where there are several.
    pub async fn ask(&self, stack: &Stack, of: &Things) -> (u16, Answer) {
        let (path, body) = self.request(of);
        let method = Method::from_bytes(self.method.as_bytes()).expect("a method");
        let (path, query) = path.split_once('?').unwrap_or((&path, ""));
        let query: Vec<_> = query.split_once('=').into_iter().collect();
        let request = stack.request_with_query(method, path, &query);
        let request = match body {
            Some(body) => request.json(&body),
            None => request,
        };
        let answer = stack.answer(request).await;
        let item = answer.body["items"][0]["status"].as_u64().and_then(|status| u16::try_from(status).ok());
        (item.unwrap_or(answer.status), answer)
    }
}

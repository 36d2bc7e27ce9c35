//! The example with workers of its own: they run as they stand in its folder.

use std::path::{Path, PathBuf};
use std::process::Stdio;

use anyhow::{Context, Result, ensure};
use serde_json::{Value, json};
use tokio::process::Command;

use super::api::Api;
use super::{TENANT, watch};
use crate::progress::say;
use crate::python;

/// The queue that both workers serve.
const QUEUE: &str = "reports";

/// Creates a run for each of the two workers, one after the other, and starts the worker, which ends when there is nothing more to do. Whether
/// all runs have ended as they should.
pub(super) async fn run(api: &Api, folder: &Path, mut create: Value, end: &str) -> Result<bool> {
    create["dispatch"] = json!("pull");
    create["queue"] = json!(QUEUE);
    let mut well = true;
    for (program, file) in [(python::find()?.program, "worker.py"), (PathBuf::from("bash"), "worker.sh")] {
        let id = api.create(create.clone()).await?;
        say(format_args!("\nrun {id} waits in the queue {QUEUE}; starting {file}"));
        let mut worker = Command::new(&program);
        worker.arg(folder.join(file)).env("RUNPLANE_URL", api.base_url());
        if let Some(key) = api.key() {
            worker.env("RUNPLANE_API_KEY", key);
        }
        worker.env("TENANT_ID", TENANT).env("ONCE", "1").stdin(Stdio::null()).kill_on_drop(true);
        let status = worker.status().await.with_context(|| format!("cannot start {}", program.display()))?;
        ensure!(status.success(), "{file} ended with {status}");
        let run = watch::until_it_ends(api, &id, false).await?;
        let logs = api.get(&format!("/api/runs/{id}/logs")).await?;
        for line in logs["items"].as_array().into_iter().flatten() {
            let text = |field: &str| line[field].as_str().unwrap_or("-").to_owned();
            say(format_args!("log        {}: {}", text("source"), text("message")));
        }
        say(format_args!("output     {}", run["output"]));
        well &= run["status"] == end;
    }
    Ok(well)
}

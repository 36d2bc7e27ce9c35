//! A function at work: its event of `events/`, again and again. The demo data puts the runs that the events name back
//! into the states they are meant for, so that every call does the verb's work and none is a refusal.

use std::time::{Duration, Instant};

use anyhow::{Context, Result, bail};
use serde_json::Value;
use sqlx::Connection;

use crate::database;
use crate::host::Host;
use crate::paths::Dirs;

/// For the claims to take, and for the list to have full pages.
const WAITING: &str = "
    insert into pipeline_runs (id, root_run_id, tenant_id, pipeline_id, pipeline_version_id, dispatch)
    select i.id, i.id, v.tenant_id, v.pipeline_id, v.id, 'pull'
    from pipeline_versions v, (select uuidv7() as id from generate_series(1, $1)) i
    where v.id = 'b31dbeba-3a2e-4fa9-a084-72c75f9f18a3'";

/// Loads the demo data into the database at `database_url`, and as many runs that wait as there will be invocations.
pub async fn prepare(dirs: &Dirs, database_url: &str, invocations: u32) -> Result<()> {
    database::load_demo(dirs, database_url).await?;
    let mut connection = database::connect(database_url).await?;
    // At least a page of the list.
    let runs = i64::from(invocations.max(100));
    sqlx::query(WAITING).bind(runs).execute(&mut connection).await?;
    Ok(connection.close().await?)
}

/// Invokes the function `times` times, one after the other. Fails when an answer is not one of success.
pub async fn repeat(dirs: &Dirs, host: &Host, database_url: &str, name: &str, times: u32) -> Result<()> {
    for _ in 0..times {
        once(dirs, host, database_url, name).await?;
    }
    Ok(())
}

/// Invokes the function once; returns how long it took. Fails when the answer is not one of success.
pub async fn once(dirs: &Dirs, host: &Host, database_url: &str, name: &str) -> Result<Duration> {
    let path = dirs.root().join(format!("events/{name}.json"));
    let text = std::fs::read(&path).with_context(|| format!("cannot read {}", path.display()))?;
    let event: Value = serde_json::from_slice(&text)?;
    database::load_demo(dirs, database_url).await?;
    let since = Instant::now();
    let answer = host.invoke(name, &event).await;
    let took = since.elapsed();
    let answer = answer.map_err(|failure| anyhow::anyhow!("{name} failed: {failure}"))?;
    if !is_success(name, &answer) {
        bail!("{name} refused {}: {answer}", path.display());
    }
    Ok(took)
}

/// Of API Gateway's form the status, of the form for SQS that no message comes back; what the clock starts fails or answers what it did.
fn is_success(name: &str, answer: &Value) -> bool {
    if ["deliver", "sweep"].contains(&name) {
        return answer.is_object();
    }
    match (answer["statusCode"].as_u64(), answer["batchItemFailures"].as_array()) {
        (Some(status), _) => (200..300).contains(&status),
        (None, Some(failures)) => failures.is_empty(),
        (None, None) => false,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn a_refusal_is_no_success() {
        assert!(is_success("f", &json!({ "statusCode": 201 })));
        assert!(!is_success("f", &json!({ "statusCode": 409 })));
        assert!(is_success("f", &json!({ "batchItemFailures": [] })));
        assert!(!is_success("f", &json!({ "batchItemFailures": [{ "itemIdentifier": "1" }] })));
        assert!(!is_success("f", &json!({})));
        assert!(is_success("sweep", &json!({})));
        assert!(is_success("deliver", &json!({})));
    }
}

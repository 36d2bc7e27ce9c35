//! A function at work: its event of `events/`, again and again, each time on a run in the state that the event is meant
//! for, so that every call does the verb's work and none is a refusal.

use anyhow::{Context, Result, bail};
use serde_json::Value;
use sqlx::PgConnection;

use crate::host::Host;
use crate::paths::Dirs;

/// The run that the events name.
const RUN: &str = "0199e0c0-0000-7000-8000-0000000000aa";
/// Others of the demo tenant, for the list to have full pages.
const OTHERS: &str = "
    insert into pipeline_runs (id, root_run_id, tenant_id, pipeline_id, pipeline_version_id, dispatch)
    select i.id, i.id, v.tenant_id, v.pipeline_id, v.id, 'pull'
    from pipeline_versions v, (select uuidv7() as id from generate_series(1, 500)) i
    where v.id = 'b31dbeba-3a2e-4fa9-a084-72c75f9f18a3'";
const REMOVE: &str = "delete from pipeline_runs where id = $1";
/// QUEUED, or claimed once by the worker that the events name.
const INSERT: &str = "
    insert into pipeline_runs (id, root_run_id, tenant_id, pipeline_id, pipeline_version_id, dispatch, status,
      claim_count, claimed_by, claimed_at, lease_token, lease_seconds, lease_expires_at, started_at)
    select $1, $1, v.tenant_id, v.pipeline_id, v.id, 'pull', case when $2 then 'RUNNING' else 'QUEUED' end,
      $2::integer, case when $2 then 'worker-1' end, case when $2 then now() end,
      case when $2 then gen_random_uuid() end, case when $2 then 300 end,
      case when $2 then now() + interval '5 min' end, case when $2 then now() end
    from pipeline_versions v
    where v.id = 'b31dbeba-3a2e-4fa9-a084-72c75f9f18a3'";

/// Puts some runs of the demo tenant beside the one that the events name.
pub async fn prepare(connection: &mut PgConnection) -> Result<()> {
    sqlx::query(OTHERS).execute(connection).await?;
    Ok(())
}

/// Invokes the function `times` times, one after the other. Fails when an answer is not one of success.
pub async fn repeat(
    dirs: &Dirs,
    host: &Host,
    connection: &mut PgConnection,
    name: &str,
    times: u32,
) -> Result<()> {
    let path = dirs.root().join(format!("events/{name}.json"));
    let text = std::fs::read(&path).with_context(|| format!("cannot read {}", path.display()))?;
    let event: Value = serde_json::from_slice(&text)?;
    let run: uuid::Uuid = RUN.parse()?;
    for _ in 0..times {
        sqlx::query(REMOVE).bind(run).execute(&mut *connection).await?;
        let running = matches!(name, "heartbeat" | "complete");
        sqlx::query(INSERT).bind(run).bind(running).execute(&mut *connection).await?;
        let answer = host.invoke(name, &event).await;
        let answer = answer.map_err(|failure| anyhow::anyhow!("{name} failed: {failure}"))?;
        if !is_success(&answer) {
            bail!("{name} refused {}: {answer}", path.display());
        }
    }
    Ok(())
}

/// Of API Gateway's form the status, of the form for SQS that no message comes back.
fn is_success(answer: &Value) -> bool {
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
        assert!(is_success(&json!({ "statusCode": 201 })));
        assert!(!is_success(&json!({ "statusCode": 409 })));
        assert!(is_success(&json!({ "batchItemFailures": [] })));
        assert!(!is_success(&json!({ "batchItemFailures": [{ "itemIdentifier": "1" }] })));
        assert!(!is_success(&json!({})));
    }
}

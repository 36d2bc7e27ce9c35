//! A slot that is free: when a run ends whose tenant, pipeline or concurrency key lets only so many run at a time, another one may be
//! waiting of which SQS knows nothing. Whoever freed the slot claims it, there and then. (If nobody does, as when the worker died, the sweep
//! tells SQS within a minute or so.)

use std::sync::Arc;

use runplane::http::TIME_LIMIT;
use runplane::runs::{Claim, ClaimOptions};
use runplane::scope::Scope;
use tokio::time::Instant;
use tracing::Instrument as _;

use crate::Worker;
use crate::batch::execute;
use crate::lease::{self, ToKeep};
use crate::record::{self, Batch, Done};

/// Claims and runs what waits for the slot that `ended` has freed: the best runs of its tenant, one after the other, until none may run or it
/// is time to leave. The first need not be the one that waited for this very slot, if the tenant has others without such bounds.
/// Whatever goes wrong is logged: no message stands for these runs, and their rows say what is to be done.
pub async fn follow(worker: &Worker, batch: &Batch, ended: &Claim) {
    let scope = Scope::Tenant(ended.run.run.tenant_id);
    while ended.limited && !batch.leave.token.is_cancelled() {
        let asked_at = Instant::now();
        let Some(claim) = next(worker, scope).await else { return };
        let run = &claim.run.run;
        let span = tracing::info_span!(
            parent: None,
            "slot",
            tenant.id = run.tenant_id.to_string(),
            run.id = run.id.to_string(),
            run.attempt = run.attempt,
        );
        if !work(worker, batch, claim, asked_at, span.clone()).instrument(span).await {
            return;
        }
    }
}

async fn next(worker: &Worker, scope: Scope) -> Option<Claim> {
    let options = ClaimOptions {
        worker: &worker.name,
        queues: None,
        lease_seconds: worker.pace.lease_seconds,
        claim_id: None,
        max_runs: 1,
        pushed_only: true,
    };
    let reason = match tokio::time::timeout(TIME_LIMIT, worker.app.claim(scope, options)).await {
        Ok(Ok(mut claimed)) => {
            let claim = claimed.claims.pop();
            if claim.is_some() {
                worker.app.arm().await;
            }
            return claim;
        }
        Ok(Err(error)) => format!("{:#}", anyhow::Error::new(error)),
        Err(_) => "no answer in time".to_owned(),
    };
    worker.app.db.discard().await;
    tracing::warn!(error = reason, "nothing was claimed for the free slot: that is left to the sweep");
    None
}

/// True: it has ended, so that its slot is free again.
async fn work(worker: &Worker, batch: &Batch, claim: Claim, asked_at: Instant, span: tracing::Span) -> bool {
    let started = std::time::Instant::now();
    let claim = Arc::new(claim);
    let to_keep = ToKeep { claim: &claim, receipt: None, span };
    let (keeper, leases) = lease::keep(&worker.app, vec![to_keep], asked_at, worker.pace);
    let Some(lease) = leases.into_iter().next() else { return false };
    let result = record::run(batch, &claim, lease, execute(worker, batch, &claim)).await;
    keeper.end().await;
    let duration_ms = started.elapsed().as_millis() as u64;
    match result {
        Ok(Done::Completed(status)) => {
            tracing::info!(
                status = status.as_str(),
                duration_ms,
                "run completed in a slot that was free, is {}",
                status.as_str()
            );
            return true;
        }
        Ok(done) => tracing::info!(duration_ms, "run in a slot that was free: {done:?}"),
        Err(error) => tracing::error!(duration_ms, "run in a slot that was free: {error}"),
    }
    false
}

#[cfg(test)]
mod tests {
    use runplane::dag::ParamsCache;
    use runplane::runs::{self, RunStatus};
    use runplane::testing::{app, execute};
    use sqlx::postgres::{PgConnectOptions, PgPoolOptions};
    use uuid::Uuid;

    use crate::FUNCTION;
    use crate::tests::{failures, message, run_of, stored};

    #[sqlx::test(migrator = "runplane::MIGRATOR")]
    async fn whoever_frees_a_slot_runs_what_waits_for_it(_pool: PgPoolOptions, options: PgConnectOptions) {
        let app = app(options, FUNCTION).await;
        let spec = serde_json::json!({"steps": ["a"]});
        let first = run_of(&app, spec.clone()).await;
        let tenant = stored(&app, first).await.tenant_id;
        // What the demo data has waiting is not what this is about.
        let clear = "update pipeline_runs set available_at = now() + interval '1 h' where tenant_id = $1 and id <> $2";
        execute(&app, sqlx::query(clear).bind(tenant).bind(first)).await;
        let limit = "update tenants set max_running = 1 where id = $1";
        execute(&app, sqlx::query(limit).bind(tenant)).await;
        // The first of them is at work: SQS is told of neither of the others.
        let running = "update pipeline_runs set status = 'RUNNING', claimed_by = 'w', claimed_at = now(), claim_count = 1, lease_seconds = 30,
            lease_token = gen_random_uuid(), lease_expires_at = now() + interval '30 s', started_at = now(), dispatch_due_at = null where id = $1";
        execute(&app, sqlx::query(running).bind(first)).await;
        let waiting = [run_of(&app, spec.clone()).await, run_of(&app, spec.clone()).await];
        for id in waiting {
            assert_eq!(stored(&app, id).await.dispatch_due_at, None, "it is at its limit");
        }
        // Its workers poll.
        let version = stored(&app, waiting[0]).await.pipeline_version_id;
        let request =
            serde_json::json!({"tenant_id": tenant, "pipeline_version_id": version, "dispatch": "pull"});
        let request = serde_json::from_value(request).unwrap();
        let pulled = app.call(async |conn| runs::create(conn, &ParamsCache::default(), &request, None).await);
        let pulled: Uuid = pulled.await.unwrap().run.id;

        let lost = "update pipeline_runs set lease_expires_at = now() - interval '1 s' where id = $1";
        execute(&app, sqlx::query(lost).bind(first)).await;
        assert_eq!(failures(&app, &message(first)).await, Vec::<String>::new());
        for id in [first, waiting[0], waiting[1]] {
            assert_eq!(stored(&app, id).await.status, RunStatus::Succeeded, "{id}");
        }
        assert_eq!(stored(&app, pulled).await.status, RunStatus::Queued);
    }
}

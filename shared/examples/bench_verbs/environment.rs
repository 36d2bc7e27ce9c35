//! What an execution environment is to the verbs: a connection, and what it keeps between calls. **The one place of the
//! benchmarks that calls the verbs**: whoever changes how one is called changes it here.

use anyhow::{Context as _, Result};
use runplane::dag::ParamsCache;
use runplane::db::Db;
use runplane::runs::{
    self, Claim, ClaimOptions, CompleteRequest, Completion, CreateRequest, Creation, Dispatch, Marks, Outcome,
};
use runplane::scope::Scope;
use uuid::Uuid;

/// One connection, one call after the other.
pub struct Environment {
    db: Db,
    scope: Scope,
    worker: String,
    params: ParamsCache,
    marks: Marks,
}

impl Environment {
    pub fn new(db: Db, scope: Scope, worker: String) -> Self {
        Self { db, scope, worker, params: ParamsCache::default(), marks: Marks::default() }
    }

    /// Claims up to `size` runs with one call.
    pub async fn claim(&mut self, size: u32) -> Result<Vec<Claim>> {
        let options = ClaimOptions {
            worker: &self.worker,
            queues: None,
            lease_seconds: runs::DEFAULT_LEASE_SECONDS,
            claim_id: None,
            max_runs: size.try_into()?,
            pushed_only: false,
        };
        loop {
            let claimed =
                self.db.call(async |conn| runs::claim(conn, self.scope, &self.marks, options).await);
            let claimed = claimed.await?;
            // As a worker does: somebody else counts the only tenant's leases at this moment.
            if !(claimed.claims.is_empty() && claimed.more) {
                return Ok(claimed.claims);
            }
        }
    }

    /// Completes them with one call.
    pub async fn complete(&self, claims: &[Claim]) -> Result<()> {
        let request = |claim: &Claim| CompleteRequest {
            lease_token: Some(claim.run.lease_token),
            ..CompleteRequest::new(Outcome::Succeeded)
        };
        if let [claim] = claims {
            let (id, request) = (claim.run.run.id, request(claim));
            self.db.call(async |conn| runs::complete(conn, self.scope, id, &request).await).await?;
            return Ok(());
        }
        let requests: Vec<_> = claims.iter().map(request).collect();
        let items = claims.iter().zip(&requests).map(|(claim, request)| Completion {
            scope: self.scope,
            run_id: claim.run.run.id,
            request,
        });
        let items: Vec<_> = items.collect();
        for answer in self.db.call(async |conn| runs::complete_all(conn, &items).await).await? {
            answer.context("a completion was refused")?;
        }
        Ok(())
    }

    /// Creates `size` runs with one call.
    pub async fn create(&self, tenant: Uuid, version: Uuid, size: u32) -> Result<()> {
        let request = CreateRequest {
            tenant_id: tenant,
            pipeline_version_id: version,
            parameters: None,
            trigger_type: None,
            dispatch: Some(Dispatch::Pull),
            queue: None,
            priority: None,
            run_after: None,
            start_by: None,
            max_attempts: None,
            max_lost: None,
            labels: None,
            concurrency_key: None,
            traceparent: None,
        };
        let params = &self.params;
        if size == 1 {
            self.db.call(async |conn| runs::create(conn, params, &request, None).await).await?;
            return Ok(());
        }
        let items: Vec<_> = (0..size)
            .map(|_| Creation { request: &request, idempotency_key: None, scheduled: None })
            .collect();
        for answer in self.db.call(async |conn| runs::create_all(conn, params, &items).await).await? {
            answer.context("a run was not created")?;
        }
        Ok(())
    }
}

//! What an execution environment is to the verbs: a connection, and what it keeps between calls. **The one place of the
//! benchmarks that calls the verbs**: whoever changes how one is called changes it here.

use anyhow::{Result, bail};
use runplane::dag::ParamsCache;
use runplane::db::Db;
use runplane::runs::{self, Claim, ClaimOptions, CompleteRequest, CreateRequest, Dispatch, Outcome};
use runplane::scope::Scope;
use uuid::Uuid;

/// One connection, one call after the other.
pub struct Environment {
    db: Db,
    scope: Scope,
    worker: String,
    params: ParamsCache,
    last_tenant: Uuid,
}

impl Environment {
    pub fn new(db: Db, scope: Scope, worker: String) -> Self {
        Self { db, scope, worker, params: ParamsCache::default(), last_tenant: Uuid::nil() }
    }

    /// Claims up to `size` runs with one call.
    pub async fn claim(&mut self, size: u32) -> Result<Vec<Claim>> {
        if size > 1 {
            bail!("claims of more than one run are not there yet");
        }
        let options = ClaimOptions {
            worker: &self.worker,
            queues: None,
            lease_seconds: runs::DEFAULT_LEASE_SECONDS,
            claim_id: None,
            again: false,
        };
        let (scope, last) = (self.scope, self.last_tenant);
        let claim = self.db.call(async |conn| runs::claim(conn, scope, last, options).await).await?;
        if let Some(claim) = &claim {
            self.last_tenant = claim.run.run.tenant_id;
        }
        Ok(claim.into_iter().collect())
    }

    /// Completes them with one call.
    pub async fn complete(&self, claims: &[Claim]) -> Result<()> {
        let [claim] = claims else { bail!("completions of more than one run are not there yet") };
        let request = CompleteRequest {
            status: Outcome::Succeeded,
            lease_token: Some(claim.run.lease_token),
            error_message: None,
            error_code: None,
            retryable: None,
            output: None,
        };
        let (scope, id) = (self.scope, claim.run.run.id);
        self.db.call(async |conn| runs::complete(conn, scope, id, &request).await).await?;
        Ok(())
    }

    /// Creates `size` runs with one call.
    pub async fn create(&self, tenant: Uuid, version: Uuid, size: u32) -> Result<()> {
        if size > 1 {
            bail!("creating more than one run is not there yet");
        }
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
        };
        let params = &self.params;
        self.db.call(async |conn| runs::create(conn, params, &request, None).await).await?;
        Ok(())
    }
}

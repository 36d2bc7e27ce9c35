-- The claim that a claim_id has made, while its lease lives.
--
-- The claim_id by itself first: with the test of the lease beside it, Postgres would rather look through all leases.
--
-- $1 tenant, or null: any   $2 claim_id
with held as materialized (
  select h.id from pipeline_runs h where h.claim_id = $2 and h.status = 'RUNNING'
)
select
  r.id, r.tenant_id, r.pipeline_id, r.pipeline_version_id, r.status as "status: RunStatus", r.trigger_type,
  r.parameters, r.queue, r.priority, r.labels as "labels: Json<Labels>", r.dispatch as "dispatch: Dispatch",
  r.dispatch_due_at, r.available_at, r.attempt, r.max_attempts, r.lost, r.max_lost, r.claim_count, r.claimed_by,
  r.claimed_at, r.lease_seconds, r.lease_expires_at, r.heartbeat_at, r.started_at, r.finished_at, r.output,
  r.error_code, r.error_message, r.retry_of_run_id, r.root_run_id, r.start_by, r.concurrency_key, r.created_at, r.updated_at,
  r.lease_token as "lease_token!", v.status as version_status, v.dag_spec
from held
join pipeline_runs r on r.id = held.id
join pipeline_versions v on v.id = r.pipeline_version_id
where r.lease_expires_at > now()
  and ($1::uuid is null or r.tenant_id = $1)
limit 1

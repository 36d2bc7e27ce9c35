-- The run that an Idempotency-Key created.
--
-- $1 tenant   $2 idempotency key
select
  r.id, r.tenant_id, r.pipeline_id, r.pipeline_version_id, r.status as "status: RunStatus", r.trigger_type,
  r.parameters, r.queue, r.priority, r.labels as "labels: Json<Labels>", r.dispatch as "dispatch: Dispatch",
  r.dispatch_due_at, r.available_at, r.attempt, r.max_attempts, r.lost, r.max_lost, r.claim_count, r.claimed_by,
  r.claimed_at, r.lease_seconds, r.lease_expires_at, r.heartbeat_at, r.started_at, r.finished_at, r.output,
  r.error_code, r.error_message, r.retry_of_run_id, r.root_run_id, r.start_by, r.concurrency_key, r.schedule_id, r.scheduled_for, r.traceparent,
  r.created_at, r.updated_at,
  r.request_sha256 as "request_sha256!"
from pipeline_runs r
where r.tenant_id = $1
  and r.idempotency_key = $2

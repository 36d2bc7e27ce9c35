-- Who holds a run, as seen by somebody with a token: why a heartbeat or a completion touched no row. A statement of its
-- own, because one that follows an update in the same statement would still see the row as it was before.
--
-- $1 tenant, or null: any   $2 run   $3 lease token, or null
select
  r.id, r.tenant_id, r.pipeline_id, r.pipeline_version_id, r.status as "status: RunStatus", r.trigger_type,
  r.parameters, r.queue, r.priority, r.labels as "labels: Json<Labels>", r.dispatch as "dispatch: Dispatch",
  r.dispatch_due_at, r.available_at, r.attempt, r.max_attempts, r.lost, r.max_lost, r.claim_count, r.claimed_by,
  r.claimed_at, r.lease_seconds, r.lease_expires_at, r.heartbeat_at, r.started_at, r.finished_at, r.output,
  r.error_code, r.error_message, r.retry_of_run_id, r.root_run_id, r.start_by, r.concurrency_key, r.schedule_id, r.scheduled_for, r.traceparent,
  r.created_at, r.updated_at,
  coalesce(r.lease_token = $3, false) as "holds_token!",
  -- Of the latest attempt only: an older one's token was lost to the attempt after it.
  (select a.outcome from run_attempts a
   where a.run_id = r.id and a.lease_token = $3 and a.claim_number = r.claim_count) as token_outcome
from pipeline_runs r
where r.id = $2
  and ($1::uuid is null or r.tenant_id = $1)

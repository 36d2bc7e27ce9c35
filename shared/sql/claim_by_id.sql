-- Claims the run that a message names, if it is QUEUED and due. No row: it is somebody else's, not due, or not there.
--
-- The status is not compared with a literal: the queue's partial index would serve that, and collapse under a held
-- snapshot. QUEUED is the one state with neither a token nor an end (see the constraints).
--
-- $1 tenant, or null: any   $2 run   $3 worker   $4 lease in seconds
update pipeline_runs r
set status = 'RUNNING',
    claimed_by = $3,
    claimed_at = now(),
    claim_count = r.claim_count + 1,
    lease_token = gen_random_uuid(),
    lease_seconds = $4,
    lease_expires_at = now() + make_interval(secs => $4::integer),
    started_at = coalesce(r.started_at, now()),
    dispatch_due_at = null,
    updated_at = now()
from pipeline_versions v
where r.id = $2
  and ($1::uuid is null or r.tenant_id = $1)
  and r.lease_token is null
  and r.finished_at is null
  and r.available_at <= now()
  and v.id = r.pipeline_version_id
returning
  r.id, r.tenant_id, r.pipeline_id, r.pipeline_version_id, r.status as "status: RunStatus", r.trigger_type,
  r.parameters, r.queue, r.priority, r.labels as "labels: Json<Labels>", r.dispatch as "dispatch: Dispatch",
  r.dispatch_due_at, r.available_at, r.attempt, r.max_attempts, r.lost, r.max_lost, r.claim_count, r.claimed_by,
  r.claimed_at, r.lease_seconds, r.lease_expires_at, r.heartbeat_at, r.started_at, r.finished_at, r.output,
  r.error_code, r.error_message, r.retry_of_run_id, r.root_run_id, r.created_at, r.updated_at,
  r.lease_token as "lease_token!", v.status as version_status, v.dag_spec

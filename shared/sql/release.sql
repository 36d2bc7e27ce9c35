-- Hands a RUNNING run back: QUEUED again, neither its attempt nor its lost leases rise. No row: holder.sql says why.
--
-- Only RUNNING rows have a lease_expires_at (see the constraints), so the status needs no literal. A lease that has expired
-- is as good as one that lives: nobody else has the run.
--
-- $1 tenant, or null: any   $2 run   $3 lease token   $4 not to be claimed before, or null: at once
update pipeline_runs r
set status = 'QUEUED',
    queued_at = now(),
    available_at = greatest($4::timestamptz, now()),
    dispatch_due_at = case when r.dispatch = 'push' then greatest($4, now()) end,
    claim_id = null,
    claimed_by = null,
    claimed_at = null,
    lease_token = null,
    lease_seconds = null,
    lease_expires_at = null,
    heartbeat_at = null,
    updated_at = now()
where r.id = $2
  and r.lease_token = $3
  and r.lease_expires_at is not null
  and ($1::uuid is null or r.tenant_id = $1)
returning
  r.id, r.tenant_id, r.pipeline_id, r.pipeline_version_id, r.status as "status: RunStatus", r.trigger_type,
  r.parameters, r.queue, r.priority, r.labels as "labels: Json<Labels>", r.dispatch as "dispatch: Dispatch",
  r.dispatch_due_at, r.available_at, r.attempt, r.max_attempts, r.lost, r.max_lost, r.claim_count, r.claimed_by,
  r.claimed_at, r.lease_seconds, r.lease_expires_at, r.heartbeat_at, r.started_at, r.finished_at, r.output,
  r.error_code, r.error_message, r.retry_of_run_id, r.root_run_id, r.start_by, r.concurrency_key, r.schedule_id, r.scheduled_for, r.traceparent,
  r.created_at, r.updated_at

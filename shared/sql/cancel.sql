-- Ends a run that has not ended, whoever holds it. No row: holder.sql says why. The token stays on the row, so that its
-- worker is told.
--
-- $1 tenant, or null: any   $2 run   $3 reason, or null
update pipeline_runs r
set status = 'CANCELLED',
    finished_at = now(),
    lease_expires_at = null,
    dispatch_due_at = null,
    redispatch_at = null,
    error_code = 'cancelled',
    error_message = $3,
    updated_at = now()
where r.id = $2
  and r.finished_at is null
  and ($1::uuid is null or r.tenant_id = $1)
returning
  r.id, r.tenant_id, r.pipeline_id, r.pipeline_version_id, r.status as "status: RunStatus", r.trigger_type,
  r.parameters, r.queue, r.priority, r.labels as "labels: Json<Labels>", r.dispatch as "dispatch: Dispatch",
  r.dispatch_due_at, r.available_at, r.attempt, r.max_attempts, r.lost, r.max_lost, r.claim_count, r.claimed_by,
  r.claimed_at, r.lease_seconds, r.lease_expires_at, r.heartbeat_at, r.started_at, r.finished_at, r.output,
  r.error_code, r.error_message, r.retry_of_run_id, r.root_run_id, r.start_by, r.concurrency_key, r.schedule_id, r.scheduled_for, r.traceparent,
  r.created_at, r.updated_at

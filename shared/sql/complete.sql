-- Ends a RUNNING run well, whether its lease is alive or expired: as long as nobody took it over, the work is done and
-- nobody else has it. No row: holder.sql says why.
--
-- Only RUNNING rows have a lease_expires_at (see the constraints), so the status needs no literal: with one, Postgres
-- may plan over the index of running rows, which collapses under a held snapshot.
--
-- $1 tenant, or null: any   $2 run   $3 lease token, or null   $4 output, or null
update pipeline_runs r
set status = 'SUCCEEDED',
    finished_at = now(),
    lease_expires_at = null,
    output = $4,
    updated_at = now()
where r.id = $2
  and (
    r.lease_token = $3
    -- Without a token only on the first claim: then no other worker can ever have held the run.
    or ($3::uuid is null and r.claim_count = 1))
  and r.lease_expires_at is not null
  and ($1::uuid is null or r.tenant_id = $1)
returning
  r.id, r.tenant_id, r.pipeline_id, r.pipeline_version_id, r.status as "status: RunStatus", r.trigger_type,
  r.parameters, r.queue, r.priority, r.labels as "labels: Json<Labels>", r.dispatch as "dispatch: Dispatch",
  r.dispatch_due_at, r.available_at, r.attempt, r.max_attempts, r.lost, r.max_lost, r.claim_count, r.claimed_by,
  r.claimed_at, r.lease_seconds, r.lease_expires_at, r.heartbeat_at, r.started_at, r.finished_at, r.output,
  r.error_code, r.error_message, r.retry_of_run_id, r.root_run_id, r.start_by, r.concurrency_key, r.schedule_id, r.scheduled_for, r.traceparent,
  r.created_at, r.updated_at

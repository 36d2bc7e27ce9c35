-- Ends the attempt of a RUNNING run badly: QUEUED for another attempt after a pause, or FAILED if it has none left or must
-- not have one. The attempt is kept either way. No row: holder.sql says why.
--
-- $1 tenant, or null: any   $2 run               $3 lease token, or null   $4 whether another attempt may help
-- $5 output, or null        $6 error code, or null                         $7 error message, or null
with held as materialized (
  select h.id, h.tenant_id, h.claim_count, h.attempt, h.lease_token, h.claimed_by, h.claimed_at,
    h.pipeline_version_id, $4::boolean and h.attempt < h.max_attempts as again
  from pipeline_runs h
  where h.id = $2
    and (
      h.lease_token = $3
      -- Without a token only on the first claim: then no other worker can ever have held the run.
      or ($3::uuid is null and h.claim_count = 1))
    -- Only RUNNING rows have one (see the constraints), so the status needs no literal.
    and h.lease_expires_at is not null
    and ($1::uuid is null or h.tenant_id = $1)
  for no key update
),
ended as (
  insert into run_attempts (run_id, claim_number, tenant_id, attempt, outcome, lease_token, claimed_by, claimed_at,
    error_code, error_message)
  select held.id, held.claim_count, held.tenant_id, held.attempt, 'FAILED', held.lease_token, held.claimed_by,
    held.claimed_at, $6, $7
  from held
),
pause as materialized (
  -- Once: the moment it may be claimed and the moment SQS is told are the same.
  select held.id, now() + retry_delay(v.dag_spec, held.attempt) as ends_at
  from held
  join pipeline_versions v on v.id = held.pipeline_version_id
  where held.again
)
update pipeline_runs r
set status = case when held.again then 'QUEUED' else 'FAILED' end,
    attempt = case when held.again then r.attempt + 1 else r.attempt end,
    queued_at = case when held.again then now() else r.queued_at end,
    available_at = coalesce(pause.ends_at, r.available_at),
    dispatch_due_at = case when r.dispatch = 'push' then pause.ends_at end,
    lease_expires_at = null,
    -- A run that waits belongs to nobody; the token of the attempt stays with the attempt.
    claim_id = case when held.again then null else r.claim_id end,
    claimed_by = case when held.again then null else r.claimed_by end,
    claimed_at = case when held.again then null else r.claimed_at end,
    lease_token = case when held.again then null else r.lease_token end,
    lease_seconds = case when held.again then null else r.lease_seconds end,
    heartbeat_at = case when held.again then null else r.heartbeat_at end,
    finished_at = case when held.again then null else now() end,
    output = case when held.again then null else $5::jsonb end,
    error_code = case when held.again then null else $6 end,
    error_message = case when held.again then null else $7 end,
    updated_at = now()
from held
left join pause on pause.id = held.id
where r.id = held.id
returning
  r.id, r.tenant_id, r.pipeline_id, r.pipeline_version_id, r.status as "status: RunStatus", r.trigger_type,
  r.parameters, r.queue, r.priority, r.labels as "labels: Json<Labels>", r.dispatch as "dispatch: Dispatch",
  r.dispatch_due_at, r.available_at, r.attempt, r.max_attempts, r.lost, r.max_lost, r.claim_count, r.claimed_by,
  r.claimed_at, r.lease_seconds, r.lease_expires_at, r.heartbeat_at, r.started_at, r.finished_at, r.output,
  r.error_code, r.error_message, r.retry_of_run_id, r.root_run_id, r.start_by, r.concurrency_key, r.schedule_id, r.scheduled_for, r.traceparent,
  r.created_at, r.updated_at

-- complete.sql and fail.sql for several runs, each named once. A run that is not returned was not touched: holders.sql
-- says why.
--
-- Both outcomes in one statement, so that all rows are locked in the order of their ids: of two batches over the same
-- runs, one waits for the other, and never each for the other.
--
-- An array each, with one entry for every run:
-- $1 tenant, or null: any   $2 runs           $3 lease token, or null   $4 whether it failed
-- $5 whether another attempt may help         $6 output, or null
-- $7 error code, or null    $8 error message, or null
with held as materialized (
  select h.id, h.tenant_id, h.claim_count, h.attempt, h.lease_token, h.claimed_by, h.claimed_at, h.pipeline_version_id,
    a.failed, a.failed and a.retryable and h.attempt < h.max_attempts as again, a.output, a.error_code, a.error_message
  from unnest($1::uuid[], $2::uuid[], $3::uuid[], $4::boolean[], $5::boolean[], $6::jsonb[], $7::text[], $8::text[])
    as a (tenant_id, id, lease_token, failed, retryable, output, error_code, error_message)
  join pipeline_runs h on h.id = a.id
  where (
      h.lease_token = a.lease_token
      -- Without a token only on the first claim: then no other worker can ever have held the run.
      or (a.lease_token is null and h.claim_count = 1))
    -- Only RUNNING rows have one (see the constraints), so the status needs no literal.
    and h.lease_expires_at is not null
    and (a.tenant_id is null or h.tenant_id = a.tenant_id)
  order by h.id
  for no key update of h
),
ended as (
  insert into run_attempts (run_id, claim_number, tenant_id, attempt, outcome, lease_token, claimed_by, claimed_at,
    error_code, error_message)
  select held.id, held.claim_count, held.tenant_id, held.attempt, 'FAILED', held.lease_token, held.claimed_by,
    held.claimed_at, held.error_code, held.error_message
  from held
  where held.failed
),
pause as materialized (
  -- Once: the moment it may be claimed and the moment SQS is told are the same.
  select held.id, now() + retry_delay(v.dag_spec, held.attempt) as ends_at
  from held
  join pipeline_versions v on v.id = held.pipeline_version_id
  where held.again
)
update pipeline_runs r
set status = case when held.again then 'QUEUED' when held.failed then 'FAILED' else 'SUCCEEDED' end,
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
    output = case when held.again then null else held.output end,
    error_code = case when held.again then null else held.error_code end,
    error_message = case when held.again then null else held.error_message end,
    updated_at = now()
from held
left join pause on pause.id = held.id
where r.id = held.id
returning
  r.id, r.tenant_id, r.pipeline_version_id, r.status as "status: RunStatus", r.attempt, r.max_attempts, r.available_at,
  r.dispatch_due_at, r.started_at, r.finished_at, r.created_at, r.updated_at

-- Claims the runs that messages name, each if it is QUEUED and due, or if its lease has expired. A run that is not
-- returned is somebody else's, not due, or not there. One that is named twice is claimed once.
--
-- The status is not compared with a literal: a partial index would serve that, and collapse under a held snapshot. QUEUED
-- is the one state with neither a token nor an end, RUNNING the one with a lease_expires_at (see the constraints). Rows are
-- locked in the order of their ids, so that no two batches wait for each other.
--
-- $1 tenant of each run, or null: any   $2 runs   $3 worker   $4 lease in seconds
with target as materialized (
  select q.id, q.tenant_id, q.pipeline_version_id, q.claim_count, q.attempt, q.lease_token, q.claimed_by, q.claimed_at,
    q.heartbeat_at, q.lease_expires_at
  from pipeline_runs q
  where q.id = any ($2::uuid[])
    and exists (
      select from unnest($1::uuid[], $2::uuid[]) as a (tenant_id, id)
      where a.id = q.id and (a.tenant_id is null or a.tenant_id = q.tenant_id))
    and ((q.lease_token is null and q.finished_at is null and q.available_at <= now()
          and (q.start_by > now() or q.start_by is null or q.started_at is not null))
      or (q.lease_expires_at <= now() and q.lost < q.max_lost))
  order by q.id
  for no key update
),
lost as (
  insert into run_attempts (run_id, claim_number, tenant_id, attempt, outcome, lease_token, claimed_by, claimed_at, ended_at,
    error_code, error_message)
  select t.id, t.claim_count, t.tenant_id, t.attempt, 'LOST', t.lease_token, t.claimed_by, t.claimed_at, t.lease_expires_at,
    'lease_expired', lease_expired_message(t.claimed_by, t.claimed_at, t.heartbeat_at, t.lease_expires_at)
  from target t
  where t.lease_token is not null
)
update pipeline_runs r
set status = 'RUNNING',
    claimed_by = $3,
    claimed_at = now(),
    claim_count = r.claim_count + 1,
    lease_token = gen_random_uuid(),
    lease_seconds = $4,
    lease_expires_at = now() + make_interval(secs => $4::integer),
    heartbeat_at = null,
    lost = r.lost + case when target.lease_token is null then 0 else 1 end,
    started_at = coalesce(r.started_at, now()),
    dispatch_due_at = null,
    redispatch_at = null,
    dispatches = 0,
    updated_at = now()
from target
join pipeline_versions v on v.id = target.pipeline_version_id
join pipelines p on p.id = v.pipeline_id
join tenants t on t.id = v.tenant_id
where r.id = target.id
returning
  r.id, r.tenant_id, r.pipeline_id, r.pipeline_version_id, r.status as "status: RunStatus", r.trigger_type,
  r.parameters, r.queue, r.priority, r.labels as "labels: Json<Labels>", r.dispatch as "dispatch: Dispatch",
  r.dispatch_due_at, r.available_at, r.attempt, r.max_attempts, r.lost, r.max_lost, r.claim_count, r.claimed_by,
  r.claimed_at, r.lease_seconds, r.lease_expires_at, r.heartbeat_at, r.started_at, r.finished_at, r.output,
  r.error_code, r.error_message, r.retry_of_run_id, r.root_run_id, r.start_by, r.concurrency_key, r.created_at, r.updated_at,
  r.lease_token as "lease_token!", v.status as version_status, v.dag_spec,
  (t.max_running is not null or p.max_running is not null or r.concurrency_key is not null) as "limited!"

-- Claims one due QUEUED run: the tenant's best one, or, without a tenant, the best one of the tenant whose turn it is.
-- If none is due, takes over a run whose lease has expired. (While others are due, the sweep puts such a run back in its
-- place among them; so the leases are looked at only when there is nothing better to do.)
-- No row: nothing to claim, or the claim_id has a claim already (claim_again.sql).
--
-- $1 tenant, or null: any       $2 tenant that had the last turn (only without a tenant)
-- $3 queues, or null: all       $4 worker       $5 lease in seconds       $6 the caller's claim_id, or null
with recursive turns (tenant_id) as (
    -- A loose index scan over the tenants that have QUEUED runs: from the one after $2 upwards, then from the lowest to $2.
    -- It goes on only until somebody's run was found, because nobody asks it for more.
    select coalesce(
      $1,
      (select q.tenant_id from pipeline_runs q where q.status = 'QUEUED' and q.tenant_id > $2 order by q.tenant_id limit 1),
      (select q.tenant_id from pipeline_runs q where q.status = 'QUEUED' order by q.tenant_id limit 1))
  union all
    select next.tenant_id
    from turns t
    cross join lateral (
      select coalesce(
        (select q.tenant_id from pipeline_runs q
         where q.status = 'QUEUED' and q.tenant_id > t.tenant_id and (t.tenant_id > $2 or q.tenant_id <= $2)
         order by q.tenant_id limit 1),
        (select q.tenant_id from pipeline_runs q
         where q.status = 'QUEUED' and t.tenant_id > $2 and q.tenant_id <= $2
         order by q.tenant_id limit 1)) as tenant_id
    ) next
    where $1 is null and next.tenant_id is not null
),
held as materialized (
  -- Apart from the test of its lease below: together, Postgres would rather look through the index of the leases.
  select h.tenant_id, h.lease_expires_at from pipeline_runs h where h.claim_id = $6 and h.status = 'RUNNING'
),
best as materialized (
  select due.*
  from (
    (select run.*
     from turns t
     cross join lateral (
       select q.id, q.tenant_id, q.pipeline_version_id, q.claim_count, q.attempt, q.lease_token, q.claimed_by, q.claimed_at,
         q.heartbeat_at, q.lease_expires_at
       from pipeline_runs q
       where q.tenant_id = t.tenant_id
         and q.status = 'QUEUED'
         and q.available_at <= now()
         and (q.start_by > now() or q.start_by is null or q.started_at is not null)
         and ($3::text[] is null or q.queue = any ($3))
       order by q.priority desc, q.available_at, q.id
       limit 1
       for no key update skip locked
     ) run
     limit 1)
    union all
    select taken_over.*
    from (
      select l.id, l.tenant_id, l.pipeline_version_id, l.claim_count, l.attempt, l.lease_token, l.claimed_by, l.claimed_at,
        l.heartbeat_at, l.lease_expires_at
      from pipeline_runs l
      where l.status = 'RUNNING'
        and l.lease_expires_at <= now()
        and l.lost < l.max_lost
        and ($1 is null or l.tenant_id = $1)
        and ($3 is null or l.queue = any ($3))
      order by l.lease_expires_at
      limit 1
      for no key update skip locked
    ) taken_over
  ) due
  where not exists (select from held where held.lease_expires_at > now() and ($1 is null or held.tenant_id = $1))
  limit 1
),
lost as (
  insert into run_attempts (run_id, claim_number, tenant_id, attempt, outcome, lease_token, claimed_by, claimed_at, ended_at,
    error_code, error_message)
  select b.id, b.claim_count, b.tenant_id, b.attempt, 'LOST', b.lease_token, b.claimed_by, b.claimed_at, b.lease_expires_at,
    'lease_expired', lease_expired_message(b.claimed_by, b.claimed_at, b.heartbeat_at, b.lease_expires_at)
  from best b
  where b.lease_token is not null
)
update pipeline_runs r
set status = 'RUNNING',
    claimed_by = $4,
    claimed_at = now(),
    claim_id = $6,
    claim_count = r.claim_count + 1,
    lease_token = gen_random_uuid(),
    lease_seconds = $5,
    lease_expires_at = now() + make_interval(secs => $5::integer),
    heartbeat_at = null,
    lost = r.lost + case when best.lease_token is null then 0 else 1 end,
    started_at = coalesce(r.started_at, now()),
    dispatch_due_at = null,
    redispatch_at = null,
    dispatches = 0,
    updated_at = now()
from best
join pipeline_versions v on v.id = best.pipeline_version_id
where r.id = best.id
returning
  r.id, r.tenant_id, r.pipeline_id, r.pipeline_version_id, r.status as "status: RunStatus", r.trigger_type,
  r.parameters, r.queue, r.priority, r.labels as "labels: Json<Labels>", r.dispatch as "dispatch: Dispatch",
  r.dispatch_due_at, r.available_at, r.attempt, r.max_attempts, r.lost, r.max_lost, r.claim_count, r.claimed_by,
  r.claimed_at, r.lease_seconds, r.lease_expires_at, r.heartbeat_at, r.started_at, r.finished_at, r.output,
  r.error_code, r.error_message, r.retry_of_run_id, r.root_run_id, r.start_by, r.concurrency_key, r.created_at, r.updated_at,
  r.lease_token as "lease_token!", v.status as version_status, v.dag_spec

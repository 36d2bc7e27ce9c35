-- What claim.sql does, for many of a tenant's runs at once; one row with two arrays, for complete_bulk.sql.
--
-- $1 tenant   $2 worker   $3 lease in seconds   $4 runs at most
with best as materialized (
  select q.id
  from pipeline_runs q
  where q.tenant_id = $1
    and q.status = 'QUEUED'
    and q.available_at <= now()
    and (q.start_by > now() or q.start_by is null or q.started_at is not null)
  order by q.priority desc, q.available_at, q.id
  limit $4
  for no key update skip locked
),
claimed as (
  update pipeline_runs r
  set status = 'RUNNING',
      claimed_by = $2,
      claimed_at = now(),
      claim_count = r.claim_count + 1,
      lease_token = gen_random_uuid(),
      lease_seconds = $3,
      lease_expires_at = now() + make_interval(secs => $3::integer),
      heartbeat_at = null,
      started_at = coalesce(r.started_at, now()),
      dispatch_due_at = null,
      redispatch_at = null,
      dispatches = 0,
      updated_at = now()
  -- An array, of which Postgres expects few: of a limit that it does not know, it expects a tenth of all rows, and reads the
  -- whole table for them.
  where r.id = any (array (select best.id from best))
  returning r.id, r.lease_token, r.pipeline_version_id
)
select array_agg(c.id)::text as ids, array_agg(c.lease_token)::text as tokens
from claimed c
join pipeline_versions v on v.id = c.pipeline_version_id

-- Cancels runs that were not started by the time their creator named.
--
-- $1 tenant, or null: any   $2 runs at most
with late as materialized (
  select q.id
  from pipeline_runs q
  where q.status = 'QUEUED'
    and q.started_at is null
    and q.start_by <= now()
    and ($1::uuid is null or q.tenant_id = $1)
  order by q.start_by
  limit $2
  for no key update skip locked
)
update pipeline_runs r
set status = 'CANCELLED',
    finished_at = now(),
    dispatch_due_at = null,
    redispatch_at = null,
    error_code = 'expired',
    error_message = 'expired: not started by '
      || to_char(r.start_by at time zone 'utc', 'YYYY-MM-DD"T"HH24:MI:SS.MS"Z"'),
    updated_at = now()
from late
where r.id = late.id

-- Makes dispatches due again that have led to no claim, the longest due first.
--
-- $1 tenant, or null: any   $2 runs at most
with unclaimed as materialized (
  select q.id
  from pipeline_runs q
  where q.redispatch_at <= now()
    and ($1::uuid is null or q.tenant_id = $1)
  order by q.redispatch_at
  limit $2
  for no key update skip locked
)
update pipeline_runs r
set dispatch_due_at = greatest(r.available_at, now()),
    redispatch_at = null,
    updated_at = now()
from unclaimed
where r.id = unclaimed.id

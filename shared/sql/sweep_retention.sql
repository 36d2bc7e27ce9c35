-- Deletes runs that ended longer ago than they are kept, the oldest first; their attempts go with them.
--
-- By created_at, which has an index for the lists anyway: nothing ended before it was created.
--
-- $1 tenant, or null: any   $2 days they are kept   $3 runs at most
with old as materialized (
  select r.id
  from pipeline_runs r
  where r.created_at < now() - make_interval(days => $2)
    and r.finished_at < now() - make_interval(days => $2)
    and ($1::uuid is null or r.tenant_id = $1)
  order by r.created_at, r.id
  limit $3
  for update skip locked
)
delete from pipeline_runs r
using old
where r.id = old.id

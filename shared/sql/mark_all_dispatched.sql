-- mark_dispatched.sql for several runs. Rows are locked in the order of their ids, as by whoever claims several of them:
-- their messages may be there before this statement is.
--
-- $1 tenant of each run   $2 runs   $3 dispatch_due_at of each, as it was when its message was made
with sent as materialized (
  select q.id
  from unnest($1::uuid[], $2::uuid[], $3::timestamptz[]) as a (tenant_id, id, due_at)
  join pipeline_runs q on q.id = a.id and q.tenant_id = a.tenant_id and q.dispatch_due_at = a.due_at
  order by q.id
  for no key update of q
)
update pipeline_runs r
set dispatch_due_at = null,
    dispatches = r.dispatches + 1,
    redispatch_at =
      greatest(r.available_at, now()) + least(interval '30 min', power(2, least(r.dispatches, 5)) * interval '1 min'),
    updated_at = now()
from sent
where r.id = sent.id

-- mark_dispatched.sql for several runs.
--
-- $1 tenant of each run   $2 runs   $3 dispatch_due_at of each, as it was when its message was made
update pipeline_runs r
set dispatch_due_at = null,
    dispatches = r.dispatches + 1,
    redispatch_at =
      greatest(r.available_at, now()) + least(interval '30 min', power(2, least(r.dispatches, 5)) * interval '1 min'),
    updated_at = now()
from unnest($1::uuid[], $2::uuid[], $3::timestamptz[]) as sent (tenant_id, id, due_at)
where r.id = sent.id
  and r.tenant_id = sent.tenant_id
  and r.dispatch_due_at = sent.due_at

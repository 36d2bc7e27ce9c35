-- Takes due dispatches to send them: for two minutes they are not due, so that of two sweeps only one sends each, and one
-- whose sweep dies between sending and clearing is sent again. What falls due within the next minute is taken along, since
-- the next sweep would be late for it.
--
-- $1 tenant, or null: any   $2 runs at most
with due as materialized (
  select q.id
  from pipeline_runs q
  where q.dispatch_due_at <= now() + interval '1 min'
    and ($1::uuid is null or q.tenant_id = $1)
  order by q.dispatch_due_at
  limit $2
  for no key update skip locked
)
update pipeline_runs r
set dispatch_due_at = now() + interval '2 min', updated_at = now()
from due
where r.id = due.id
returning
  r.id, r.tenant_id, r.dispatch_due_at as "due_at!",
  greatest(0, least(900, ceil(extract(epoch from r.available_at - now()))))::integer as "delay_seconds!"

-- Takes due dispatches to send them: for two minutes they are not due, so that of two sweeps only one sends each, and one
-- whose sweep dies between sending and clearing is sent again. What falls due within the next minute is taken along, since
-- the next sweep would be late for it. What nobody could claim is not sent, but parked until it may go on (sweep_parked.sql).
--
-- $1 tenant, or null: any   $2 runs at most
with due as materialized (
  select q.id,
    (t.paused or t.max_running is not null or p.paused or p.max_running is not null or q.concurrency_key is not null)
      and q.available_at <= now()
      and obstacle(q.tenant_id, q.pipeline_id, q.concurrency_key) is not null as parked
  from pipeline_runs q
  join tenants t on t.id = q.tenant_id
  join pipelines p on p.id = q.pipeline_id
  where q.dispatch_due_at <= now() + interval '1 min'
    and ($1::uuid is null or q.tenant_id = $1)
  order by q.dispatch_due_at
  limit $2
  for no key update of q skip locked
)
update pipeline_runs r
set dispatch_due_at = case when not due.parked then now() + interval '2 min' end, updated_at = now()
from due
where r.id = due.id
returning
  r.id, r.tenant_id, r.dispatch_due_at,
  greatest(0, least(900, ceil(extract(epoch from r.available_at - now()))))::integer as "delay_seconds!"

-- A fact: a claim of a run that has a concurrency_key. Leases count until they end, expired or not; one that is taken over ends and begins with one change.
with open as (
  select e.*, sum(e.step) over (partition by e.tenant_id, e.concurrency_key order by e.seq) as leases
  from (
    select l.tenant_id, l.concurrency_key, l.run_id, l.seq, 1 as step from chaos.leases l where l.concurrency_key is not null
    union all
    select l.tenant_id, l.concurrency_key, l.run_id, l.end_seq, -1
    from chaos.leases l
    where l.concurrency_key is not null and l.end_seq is not null
  ) e
)
select o.run_id, case when o.leases > 1 then format('%s runs with the key %s were RUNNING at once', o.leases, o.concurrency_key) end
from open o
where o.step = 1

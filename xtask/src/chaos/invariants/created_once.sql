-- A fact: an idempotency key of a tenant under which the driver was told of a run, or a run that it was told of without a key.
with told as (
  select l.tenant_id, l.key, case when l.key is null then l.run_id end as keyless, min(l.run_id::text)::uuid as run_id,
    count(distinct l.run_id) as runs
  from chaos.ledger l
  where l.kind = 'created'
  group by 1, 2, 3
),
stored as (
  select r.tenant_id, r.idempotency_key as key, count(*) as runs
  from pipeline_runs r
  where r.idempotency_key is not null
  group by 1, 2
),
inserted as (
  select c.run_id, count(*) as times
  from chaos.run_changes c
  where c.old_status is null
  group by 1
)
select t.run_id,
  case when t.runs > 1 then format('key %s: %s different runs were told', t.key, t.runs)
       when t.key is not null and coalesce(s.runs, 0) <> 1 then format('key %s: %s runs are in the table', t.key, coalesce(s.runs, 0))
       when t.key is null and not exists (select from pipeline_runs r where r.id = t.run_id) then 'the run is not in the table'
       when coalesce(i.times, 0) <> 1 then format('the run was inserted %s times', coalesce(i.times, 0)) end
from told t
left join stored s on s.tenant_id = t.tenant_id and s.key = t.key
left join inserted i on i.run_id = t.run_id

-- A fact: a line that says that a run is there.
select l.run_id,
  case when r.id is null then 'is not in the table'
       when r.tenant_id <> l.tenant_id then format('is of tenant %s, not of %s', r.tenant_id, l.tenant_id)
       when l.key is not null and r.idempotency_key is distinct from l.key then format('has the key %s, not %s', coalesce(r.idempotency_key, '-'), l.key)
       when i.at is null then 'the history does not have its beginning'
       when i.at > l.at then format('was told at %s, and came only at %s', l.at, i.at) end
from chaos.ledger l
left join pipeline_runs r on r.id = l.run_id
left join chaos.run_changes i on i.run_id = l.run_id and i.old_status is null
where l.kind = 'created'

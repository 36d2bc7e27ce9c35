-- A fact: a line that says that a run is CANCELLED.
with cancelled as (
  select c.run_id, min(c.at) as at from chaos.run_changes c where c.new_status = 'CANCELLED' group by 1
)
select t.run_id,
  case when c.run_id is null then 'was told to be CANCELLED, and never was'
       when c.at > t.at then format('was told at %s to be CANCELLED, and was so only at %s', t.at, c.at)
       when r.status is distinct from 'CANCELLED' then format('was CANCELLED, and is %s', coalesce(r.status, 'gone')) end
from chaos.ledger t
left join cancelled c on c.run_id = t.run_id
left join pipeline_runs r on r.id = t.run_id
where t.kind = 'cancelled'

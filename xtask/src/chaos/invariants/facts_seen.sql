-- A fact: a line that says how a GET showed a run.
with first as (
  select c.run_id, c.new_status as status, min(c.at) as at from chaos.run_changes c group by 1, 2
)
select t.run_id,
  case when f.run_id is null or f.at > t.at then format('was seen as %s at %s, and had not been so', t.status, t.at)
       when t.status in ('SUCCEEDED', 'FAILED', 'CANCELLED') and r.status is distinct from t.status
         then format('was seen as %s at %s, and is %s', t.status, t.at, coalesce(r.status, 'gone')) end
from chaos.ledger t
left join first f on f.run_id = t.run_id and f.status = t.status
left join pipeline_runs r on r.id = t.run_id
where t.kind = 'seen'

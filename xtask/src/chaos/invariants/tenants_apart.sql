-- A fact: a line of the ledger that was an answer about a run, or a row about a run.
select l.run_id,
  case when l.run_tenant_id <> l.tenant_id then format('tenant %s was told of a run of tenant %s', l.tenant_id, l.run_tenant_id)
       when r.tenant_id <> l.tenant_id then format('tenant %s was told: %s; the run is of tenant %s', l.tenant_id, l.kind, r.tenant_id) end
from chaos.ledger l
left join pipeline_runs r on r.id = l.run_id
-- Who was refused was told nothing of the run, and who begins a step was told before.
where l.kind not in ('refused', 'step_began')
union all
select c.run_id,
  case when c.tenant_id <> r.tenant_id then format('was of tenant %s and is of tenant %s', c.tenant_id, r.tenant_id) end
from chaos.run_changes c
join pipeline_runs r on r.id = c.run_id
union all
select s.run_id,
  case when s.tenant_id <> r.tenant_id then format('step %s is of tenant %s, the run of %s', s.step_id, s.tenant_id, r.tenant_id) end
from run_steps s
join pipeline_runs r on r.id = s.run_id
union all
select s.run_id,
  case when s.tenant_id <> r.tenant_id then format('step %s was of tenant %s, the run is of %s', s.step_id, s.tenant_id, r.tenant_id) end
from chaos.step_changes s
join pipeline_runs r on r.id = s.run_id
union all
select a.run_id,
  case when a.tenant_id <> r.tenant_id then format('claim %s is of tenant %s, the run of %s', a.claim_number, a.tenant_id, r.tenant_id) end
from run_attempts a
join pipeline_runs r on r.id = a.run_id

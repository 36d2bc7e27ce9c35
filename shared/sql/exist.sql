-- Which of these runs there are.
--
-- $1 tenant of each run, or null: any   $2 runs
select a.position as "position!"
from unnest($1::uuid[], $2::uuid[]) with ordinality as a (tenant_id, id, position)
join pipeline_runs r on r.id = a.id
where a.tenant_id is null or r.tenant_id = a.tenant_id

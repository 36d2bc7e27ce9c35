-- What create.sql does, for many runs at once, without what none of them has.
--
-- $1 tenant   $2 pipeline version   $3 runs
insert into pipeline_runs (
  id, root_run_id, tenant_id, pipeline_id, pipeline_version_id, queue, dispatch, max_attempts)
select
  i.id, i.id, v.tenant_id, v.pipeline_id, v.id, coalesce(p.queue, 'default'), 'pull',
  coalesce(
    case when jsonb_typeof(v.dag_spec #> '{retry,max_attempts}') = 'number'
         then greatest(1, least(20, (v.dag_spec #> '{retry,max_attempts}')::numeric))::integer end,
    1)
from pipeline_versions v
join pipelines p on p.id = v.pipeline_id
cross join (select uuidv7() as id from generate_series(1, $3)) i
where v.id = $2
  and v.tenant_id = $1
  and v.status = 'APPROVED'

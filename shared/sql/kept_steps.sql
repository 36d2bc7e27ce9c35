-- What a retry from what failed may keep: the spec that the run had, the one that it gets, and where its steps stand. No row: there is nothing to
-- retry, or no such APPROVED version.
--
-- $1 tenant, or null: any   $2 run   $3 another version of the same pipeline, or null: the same
select
  b.dag_spec as before, v.dag_spec as after,
  (select coalesce(jsonb_agg(to_jsonb(step)), '[]')
   from (
     select s.step_id, s.run_attempt, s.status, s.attempts
     from run_steps s
     where s.run_id = r.id and s.item = -1
   ) step) as "steps!: Json<Vec<StepRow>>"
from pipeline_runs r
join pipeline_versions b on b.id = r.pipeline_version_id
join pipeline_versions v on v.id = coalesce($3, r.pipeline_version_id) and v.pipeline_id = r.pipeline_id
where r.id = $2
  and ($1::uuid is null or r.tenant_id = $1)
  and r.status in ('FAILED', 'CANCELLED')
  and v.status = 'APPROVED'

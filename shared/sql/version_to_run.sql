-- What a schedule of a pipeline would run. No row: the tenant has no such pipeline. Without a version: there is none.
--
-- $1 tenant   $2 pipeline   $3 version, or null: of those that are APPROVED, the one that was approved last
select now() as "now!", v.id as "version_id?", v.status as "status?", v.kind as "kind?"
from pipelines p
left join lateral (
  select v.id, v.status, v.dag_spec ->> 'kind' as kind
  from pipeline_versions v
  where v.tenant_id = p.tenant_id
    and v.pipeline_id = p.id
    and case when $3::uuid is null then v.status = 'APPROVED' else v.id = $3 end
  order by v.approved_at desc nulls last, v.id desc
  limit 1
) v on true
where p.tenant_id = $1
  and p.id = $2

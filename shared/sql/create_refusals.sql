-- Why runs were not created: what there is of what the requests name. No row: there is no such tenant.
--
-- An array each, with one entry for every request:
-- $1 tenants   $2 pipeline versions   $3 to be started by then, or null
select
  a.position as "position!", v.status as "status?", v.dag_spec ->> 'kind' as kind, a.start_by <= now() as late
from unnest($1::uuid[], $2::uuid[], $3::timestamptz[]) with ordinality as a (tenant_id, version_id, start_by, position)
join tenants t on t.id = a.tenant_id
left join pipeline_versions v on v.tenant_id = t.id and v.id = a.version_id

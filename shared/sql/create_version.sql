-- Inserts a DRAFT version of a pipeline of the tenant's own. No row: a second read says why.
--
-- $1 version id   $2 tenant   $3 pipeline   $4 version   $5 dag_spec, or null: that of the version $6, of the same tenant
insert into pipeline_versions as v (id, tenant_id, pipeline_id, version, dag_spec)
select $1, p.tenant_id, p.id, $4, coalesce($5::jsonb, s.dag_spec)
from pipelines p
left join pipeline_versions s on s.id = $6::uuid and s.tenant_id = p.tenant_id
where p.id = $3
  and p.tenant_id = $2
  and ($5 is not null or s.id is not null)
on conflict (pipeline_id, version) do nothing
returning
  v.id, v.tenant_id, v.pipeline_id, v.version, v.status as "status: VersionStatus", v.revision,
  encode(v.dag_sha256, 'hex') as dag_sha256, v.created_at, v.updated_at, v.approved_at, v.approved_by, v.dag_spec

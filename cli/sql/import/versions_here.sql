-- Versions of the replaced service that are here.
--
-- $1 their ids
select
  v.id, v.tenant_id, v.pipeline_id, v.version, v.status, v.dag_spec::text as "dag_spec!: JsonText",
  encode(v.dag_sha256, 'hex') as dag_sha256, v.approved_by, v.created_at, v.updated_at
from pipeline_versions v
where v.id = any ($1)

-- One page of versions, newest first, without their dag_specs.
--
-- $1 tenant, or null: any   $2 pipeline, or null: any   $3 statuses, or null: any
-- $4, $5 created_at and id of the last version of the page before, or null   $6 rows
select
  v.id, v.tenant_id, v.pipeline_id, v.version, v.status as "status: VersionStatus", v.revision,
  encode(v.dag_sha256, 'hex') as dag_sha256, v.created_at, v.updated_at, v.approved_at, v.approved_by
from pipeline_versions v
where ($1::uuid is null or v.tenant_id = $1)
  and ($2::uuid is null or v.pipeline_id = $2)
  and ($3::text[] is null or v.status = any ($3))
  and ($4::timestamptz is null or (v.created_at, v.id) < ($4, $5::uuid))
order by v.created_at desc, v.id desc
limit $6

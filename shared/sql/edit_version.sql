-- Edits a draft. No row: a second read says why.
--
-- $1 tenant, or null: any   $2 version   $3 revision that it has to be at, or null: any   $4 dag_spec
-- $5 version, or null: as it is
update pipeline_versions v
set dag_spec = $4,
    version = coalesce($5, v.version),
    revision = v.revision + 1,
    updated_at = now()
where v.id = $2
  and v.status = 'DRAFT'
  and ($1::uuid is null or v.tenant_id = $1)
  and ($3::integer is null or v.revision = $3)
returning
  v.id, v.tenant_id, v.pipeline_id, v.version, v.status as "status: VersionStatus", v.revision,
  encode(v.dag_sha256, 'hex') as dag_sha256, v.created_at, v.updated_at, v.approved_at, v.approved_by, v.dag_spec

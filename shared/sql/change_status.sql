-- Changes the status of a version and notes who did it. No row: the version is not as it was read, so that what was checked is
-- not what would be approved.
--
-- $1 tenant, or null: any   $2 version   $3 status, $4 revision and $5 updated_at as they were read   $6 new status
-- $7 digest of the dag_spec of a draft, or null: as it is   $8 who does it, or null   $9 comment, or null
with changed as (
  update pipeline_versions v
  set status = $6,
      dag_sha256 = coalesce($7, v.dag_sha256),
      approved_at = case when $6 = 'APPROVED' then now() else v.approved_at end,
      approved_by = case when $6 = 'APPROVED' then $8 else v.approved_by end,
      updated_at = now()
  where v.id = $2
    and v.status = $3
    and v.revision = $4
    and v.updated_at = $5
    and ($1::uuid is null or v.tenant_id = $1)
  returning v.id, v.tenant_id, v.pipeline_id, v.version, v.status, v.revision, v.dag_sha256, v.created_at, v.updated_at,
    v.approved_at, v.approved_by
), noted as (
  insert into pipeline_version_transitions (pipeline_version_id, tenant_id, from_status, to_status, made_by, comment)
  select c.id, c.tenant_id, $3, $6, $8, $9
  from changed c
)
select
  c.id, c.tenant_id, c.pipeline_id, c.version, c.status as "status: VersionStatus", c.revision,
  encode(c.dag_sha256, 'hex') as dag_sha256, c.created_at, c.updated_at, c.approved_at, c.approved_by
from changed c

-- Moves a version on that only imports have written here: APPROVED to DEPRECATED, or back. Returns how many rows that were: 0 or 1.
--
-- $1 id   $2 the status that it has there; for DRAFT nothing is done
with before as (
  select v.id, v.status
  from pipeline_versions v
  where v.id = $1
    and v.status in ('APPROVED', 'DEPRECATED')
    and $2 in ('APPROVED', 'DEPRECATED')
    and v.status <> $2
    and v.approved_by = 'import'
    and v.updated_at = v.created_at
  for no key update
),
moved as (
  update pipeline_versions v
  set status = $2
  from before b
  where v.id = b.id
  returning v.id, v.tenant_id, b.status as from_status, v.status as to_status
),
told as (
  insert into pipeline_version_transitions (pipeline_version_id, tenant_id, from_status, to_status, made_by, comment)
  select m.id, m.tenant_id, m.from_status, m.to_status, 'import', 'as it was when it was imported'
  from moved m
)
select count(*) as "moved!" from moved

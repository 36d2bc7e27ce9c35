-- Brings a draft up to date that nobody has edited here: its spec, and its approval if it was approved there meanwhile. Returns how
-- many rows that were: 0 or 1. A revision that rises tells a client that has read the draft; updated_at, left as it is, tells the next import
-- that only imports have written it.
--
-- $1 id   $2 dag_spec, as text   $3 whether it is approved there   $4 digest in hex, null for a draft
with drafted as (
  update pipeline_versions v
  set dag_spec = $2::text::jsonb,
      revision = v.revision + case when v.dag_spec::text <> $2::text::jsonb::text then 1 else 0 end,
      updated_at = v.created_at,
      status = case when $3 then 'APPROVED' else 'DRAFT' end,
      approved_at = case when $3 then v.created_at end,
      approved_by = case when $3 then 'import' end,
      dag_sha256 = decode($4, 'hex')
  where v.id = $1
    and v.status = 'DRAFT'
    and v.updated_at = v.created_at
  returning v.id, v.tenant_id
),
told as (
  insert into pipeline_version_transitions (pipeline_version_id, tenant_id, from_status, to_status, made_by, comment)
  select d.id, d.tenant_id, 'DRAFT', 'APPROVED', 'import', 'as it was when it was imported'
  from drafted d
  where $3
)
select count(*) as "drafted!" from drafted

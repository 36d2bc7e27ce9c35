-- Inserts versions of the replaced service, with the transitions that they must have gone through. When and by whom they were
-- approved was not kept there: the time is that of their creation.
--
-- $1 the rows, a list of objects with a field for each column; dag_spec is text, which keeps every digit of a number
with there as (
  select s.*
  from json_to_recordset($1::json) as s (
    id uuid, tenant_id uuid, pipeline_id uuid, version text, status text, dag_spec text, dag_sha256 text,
    approved_by text, created_at timestamptz, updated_at timestamptz)
),
copied as (
  insert into pipeline_versions (
    id, tenant_id, pipeline_id, version, status, dag_spec, dag_sha256, approved_at, approved_by, created_at, updated_at)
  select
    t.id, t.tenant_id, t.pipeline_id, t.version, t.status, t.dag_spec::jsonb, decode(t.dag_sha256, 'hex'),
    case when t.status <> 'DRAFT' then t.created_at end, t.approved_by, t.created_at, t.updated_at
  from there t
  returning id, tenant_id, status
)
insert into pipeline_version_transitions (pipeline_version_id, tenant_id, from_status, to_status, made_by, comment)
select c.id, c.tenant_id, m.from_status, m.to_status, 'import', 'as it was when it was imported'
from copied c
join (values (1, 'DRAFT', 'APPROVED', '{APPROVED,DEPRECATED}'::text[]),
             (2, 'APPROVED', 'DEPRECATED', '{DEPRECATED}'::text[])) as m (step, from_status, to_status, of)
  on c.status = any (m.of)
order by c.id, m.step

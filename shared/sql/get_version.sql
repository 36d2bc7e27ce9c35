-- A version with its dag_spec and its transitions, oldest first.
--
-- $1 tenant, or null: any   $2 version   $3 transitions at most: the last ones
select
  v.id, v.tenant_id, v.pipeline_id, v.version, v.status as "status: VersionStatus", v.revision,
  encode(v.dag_sha256, 'hex') as dag_sha256, v.created_at, v.updated_at, v.approved_at, v.approved_by, v.dag_spec,
  (select coalesce(jsonb_agg(jsonb_build_object(
       'from', t.from_status, 'to', t.to_status, 'at', t.made_at, 'by', t.made_by, 'comment', t.comment) order by t.id), '[]')
   from (
     select t.id, t.from_status, t.to_status, t.made_at, t.made_by, t.comment
     from pipeline_version_transitions t
     where t.pipeline_version_id = v.id
       and t.tenant_id = v.tenant_id
     order by t.id desc
     limit $3
   ) t) as "transitions!: Json<Vec<Transition>>"
from pipeline_versions v
where v.id = $2
  and ($1::uuid is null or v.tenant_id = $1)

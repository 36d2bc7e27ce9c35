-- Adds an artifact to a run, also to one that has ended. No row: it is there already, or there is no such run.
--
-- $1 tenant, or null: any   $2 run   $3 its id   $4 type   $5 payload   $6 source, or null   $7 meta, or null
-- $8 bytes of payload and meta
with run as materialized (
  select r.id, r.tenant_id
  from pipeline_runs r
  where r.id = $2
    and ($1::uuid is null or r.tenant_id = $1)
  -- Not deleted meanwhile.
  for key share
)
insert into run_artifacts as a (run_id, id, tenant_id, artifact_type, payload, source, meta, bytes)
select run.id, $3, run.tenant_id, $4, $5, $6, $7, $8
from run
on conflict (run_id, id) do nothing
returning a.artifact_type, a.payload, a.source, a.meta, a.created_at

-- Adds lines to the log of a run, also of one that has ended. No row: there is no such run.
--
-- $1 tenant, or null: any   $2 run
-- An array each, with one entry for every line:
-- $3 id   $4 level   $5 message   $6 source, or null   $7 meta, or null
with run as materialized (
  select r.id, r.tenant_id
  from pipeline_runs r
  where r.id = $2
    and ($1::uuid is null or r.tenant_id = $1)
  -- Not deleted meanwhile.
  for key share
),
added as (
  insert into run_logs (run_id, id, tenant_id, level, message, source, meta)
  select run.id, l.id, run.tenant_id, l.level, l.message, l.source, l.meta
  from run
  cross join unnest($3::uuid[], $4::text[], $5::text[], $6::text[], $7::jsonb[]) as l (id, level, message, source, meta)
)
select run.tenant_id from run

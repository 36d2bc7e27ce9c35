-- Deletes versions of a tenant with their transitions. Those that somebody has locked at this moment, to create a run for instance, are passed by.
--
-- $1 tenant   $2 versions at most
with version as materialized (
  select v.id
  from pipeline_versions v
  where v.tenant_id = $1
  limit $2
  for update skip locked
),
transition as (
  delete from pipeline_version_transitions t
  where t.pipeline_version_id = any (array(select version.id from version))
  returning 1
),
gone as (
  delete from pipeline_versions v
  where v.id = any (array(select version.id from version))
  returning 1
)
select (select count(*) from gone) + (select count(*) from transition) as "rows!"

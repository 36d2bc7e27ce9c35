-- Deletes steps, logs and artifacts of runs that ended longer ago than they are kept, before the runs themselves are deleted: of the next places in
-- the list, as many rows of each kind as one short statement takes. Once fewer are left than that, they go with their runs.
--
-- $1 tenant, or null: any   $2 days they are kept   $3 places at most
-- $4, $5 created_at and id of the last place of the batch before, or null: from the oldest on   $6 rows of each kind at most
with place as materialized (
  select l.id
  from run_list l
  where l.created_at < now() - make_interval(days => $2)
    and ($1::uuid is null or l.tenant_id = $1)
    and (l.created_at, l.id) > (coalesce($4::timestamptz, '-infinity'),
                                coalesce($5::uuid, '00000000-0000-0000-0000-000000000000'))
  order by l.created_at, l.id
  limit $3
),
old as materialized (
  select ended.id
  from place
  -- One by one, so that they are looked up by id however many places Postgres expects.
  cross join lateral (
    select r.id from pipeline_runs r where r.id = place.id and r.finished_at < now() - make_interval(days => $2)
  ) ended
),
step as (
  delete from run_steps s
  -- As an array, so that nothing else of the table is read. Nobody writes to a run that has ended.
  where s.ctid = any (array(
    select found.ctid from old cross join lateral (select i.ctid from run_steps i where i.run_id = old.id limit $6) found limit $6))
  returning 1
),
line as (
  delete from run_logs l
  where l.ctid = any (array(
    select found.ctid from old cross join lateral (select i.ctid from run_logs i where i.run_id = old.id limit $6) found limit $6))
  returning 1
),
artifact as (
  delete from run_artifacts a
  where a.ctid = any (array(
    select found.ctid from old cross join lateral (select i.ctid from run_artifacts i where i.run_id = old.id limit $6) found limit $6))
  returning 1
)
select greatest((select count(*) from step), (select count(*) from line), (select count(*) from artifact)) as "most!"

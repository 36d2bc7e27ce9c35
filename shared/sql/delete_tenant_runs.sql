-- Deletes runs of a tenant with what belongs to them: of the next places in the list as many rows of each kind as one short statement takes, and the runs
-- themselves once fewer are left than that. Their places go with them. Runs that somebody has locked at this moment are passed by.
--
-- $1 tenant   $2 runs at most   $3 rows of each kind at most
-- $4, $5 created_at and id of the last place of the batch before, or null: from the oldest on
with place as materialized (
  select l.created_at, l.id
  from run_list l
  -- `between` says nothing new, but makes Postgres take the index that begins with the tenant, whatever it believes about how many there are: of a small one
  -- there may be very few places among very many.
  where l.tenant_id = $1
    and l.tenant_id between $1 and $1
    and (l.created_at, l.id) > (coalesce($4::timestamptz, '-infinity'),
                                coalesce($5::uuid, '00000000-0000-0000-0000-000000000000'))
  order by l.created_at, l.id
  limit $2
),
run as materialized (
  select free.id
  from place
  -- One by one, so that they are looked up by id however many places Postgres expects.
  cross join lateral (
    select r.id from pipeline_runs r where r.id = place.id for update skip locked
  ) free
),
-- The first three stand in sweep_evidence.sql too. A function for both would hide them from EXPLAIN, by which tests hold each of the two to its indexes; and two
-- tables more are emptied here.
step as (
  delete from run_steps s
  -- As an array, so that nothing else of the table is read. Nobody else writes to a run that is locked.
  where s.ctid = any (array(
    select found.ctid from run cross join lateral (select i.ctid from run_steps i where i.run_id = run.id limit $3) found limit $3))
  returning 1
),
line as (
  delete from run_logs l
  where l.ctid = any (array(
    select found.ctid from run cross join lateral (select i.ctid from run_logs i where i.run_id = run.id limit $3) found limit $3))
  returning 1
),
artifact as (
  delete from run_artifacts a
  where a.ctid = any (array(
    select found.ctid from run cross join lateral (select i.ctid from run_artifacts i where i.run_id = run.id limit $3) found limit $3))
  returning 1
),
attempt as (
  delete from run_attempts a
  where a.ctid = any (array(
    select found.ctid from run cross join lateral (select i.ctid from run_attempts i where i.run_id = run.id limit $3) found limit $3))
  returning 1
),
secret as (
  delete from run_secrets s
  where s.run_id = any (array(select run.id from run))
  returning 1
),
kind as materialized (
  select count(*) as rows from step
  union all select count(*) from line
  union all select count(*) from artifact
  union all select count(*) from attempt
  union all select count(*) from secret
),
gone as (
  delete from pipeline_runs r
  where r.id = any (array(select run.id from run where (select max(kind.rows) from kind) < $3))
  returning 1
)
select
  (select count(*) from place) as "walked!",
  (select count(*) from gone) as "runs!",
  (select sum(kind.rows) from kind)::bigint as "rows!",
  -- Whether nothing of these runs is left.
  (select max(kind.rows) from kind) < $3 as "all!",
  last.created_at as "created_at?",
  last.id as "id?"
from (values (true)) one
left join lateral (select place.created_at, place.id from place order by place.created_at desc, place.id desc limit 1) last on true

-- One page of a run's artifacts. A row without one: there is none, or none after that place. No row: there is no such run.
--
-- A page ends before it is larger than it may be; one artifact is on it in any case. `follows` in its last row: there are more.
--
-- $1 tenant, or null: any   $2 run   $3 whether the oldest come first
-- $4, $5 created_at and id of the last artifact of the page before, or null   $6 artifacts at most   $7 bytes at most
with run as materialized (
  select r.id
  from pipeline_runs r
  where r.id = $2
    and ($1::uuid is null or r.tenant_id = $1)
),
-- One of these is empty.
oldest as materialized (
  select a.id, a.artifact_type, a.payload, a.source, a.meta, a.bytes, a.created_at
  from run_artifacts a
  where a.run_id = $2
    and exists (select from run)
    and $3::boolean
    and (a.created_at, a.id) > (coalesce($4::timestamptz, '-infinity'), coalesce($5::uuid, '00000000-0000-0000-0000-000000000000'))
  order by a.created_at, a.id
  limit $6::bigint + 1
),
newest as materialized (
  select a.id, a.artifact_type, a.payload, a.source, a.meta, a.bytes, a.created_at
  from run_artifacts a
  where a.run_id = $2
    and exists (select from run)
    and not $3
    and (a.created_at, a.id) < (coalesce($4, 'infinity'), coalesce($5, 'ffffffff-ffff-ffff-ffff-ffffffffffff'))
  order by a.created_at desc, a.id desc
  limit $6 + 1
),
numbered as (
  select o.id, o.artifact_type, o.payload, o.source, o.meta, o.bytes, o.created_at, row_number() over (order by o.created_at, o.id) as number
  from oldest o
  union all
  select n.id, n.artifact_type, n.payload, n.source, n.meta, n.bytes, n.created_at,
    row_number() over (order by n.created_at desc, n.id desc) as number
  from newest n
),
page as (
  select n.id, n.artifact_type, n.payload, n.source, n.meta, n.created_at, n.number,
    -- With what stands around it.
    sum(n.bytes + 1000) over (order by n.number) as bytes,
    lead(n.id) over (order by n.number) is not null as follows
  from numbered n
)
select
  p.id as "id?", p.artifact_type as "artifact_type?", p.payload as "payload?", p.source as "source?", p.meta as "meta?",
  p.created_at as "created_at?", p.follows as "follows?"
from run
left join page p on p.number <= $6 and (p.bytes <= $7 or p.number = 1)
order by p.number

-- One page of a run's log. A row without a line: there is none, or none after that place. No row: there is no such run.
--
-- A page ends before it is larger than it may be; one line is on it in any case. `follows` in its last row: there are more.
--
-- $1 tenant, or null: any   $2 run   $3 stored after, or null   $4 stored before, or null   $5 whether the oldest come first
-- $6, $7 created_at and id of the last line of the page before, or null                     $8 lines at most   $9 bytes at most
with run as materialized (
  select r.id
  from pipeline_runs r
  where r.id = $2
    and ($1::uuid is null or r.tenant_id = $1)
),
-- One of these is empty.
oldest as materialized (
  select l.id, l.level, l.message, l.source, l.meta, l.created_at
  from run_logs l
  where l.run_id = $2
    and exists (select from run)
    and $5::boolean
    -- The cursor is in here too: the index is entered by one bound of a column, and not by that of the pair below.
    and l.created_at > coalesce(greatest($3::timestamptz, $6::timestamptz - interval '1 microsecond'), '-infinity')
    and l.created_at < coalesce($4::timestamptz, 'infinity')
    and (l.created_at, l.id) > (coalesce($6::timestamptz, '-infinity'), coalesce($7::uuid, '00000000-0000-0000-0000-000000000000'))
  order by l.created_at, l.id
  limit $8::bigint + 1
),
newest as materialized (
  select l.id, l.level, l.message, l.source, l.meta, l.created_at
  from run_logs l
  where l.run_id = $2
    and exists (select from run)
    and not $5
    and l.created_at > coalesce($3, '-infinity')
    and l.created_at < coalesce(least($4, $6 + interval '1 microsecond'), 'infinity')
    and (l.created_at, l.id) < (coalesce($6, 'infinity'), coalesce($7, 'ffffffff-ffff-ffff-ffff-ffffffffffff'))
  order by l.created_at desc, l.id desc
  limit $8 + 1
),
numbered as (
  select o.id, o.level, o.message, o.source, o.meta, o.created_at, row_number() over (order by o.created_at, o.id) as number
  from oldest o
  union all
  select n.id, n.level, n.message, n.source, n.meta, n.created_at, row_number() over (order by n.created_at desc, n.id desc) as number
  from newest n
),
page as (
  select n.id, n.level, n.message, n.source, n.meta, n.created_at, n.number,
    -- With what is escaped in it, and what stands around it.
    sum(octet_length(n.message) + coalesce(octet_length(n.meta::text), 0) + 400) over (order by n.number) as bytes,
    lead(n.id) over (order by n.number) is not null as follows
  from numbered n
)
select
  p.id as "id?", p.level as "level?: LogLevel", p.message as "message?", p.source as "source?", p.meta as "meta?",
  p.created_at as "created_at?", p.follows as "follows?"
from run
left join page p on p.number <= $8 and (p.bytes <= $9 or p.number = 1)
order by p.number

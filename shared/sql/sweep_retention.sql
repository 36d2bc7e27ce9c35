-- Deletes runs that ended longer ago than they are kept: of the next places in the list, from the oldest on, those whose run may go;
-- their attempts and places go with them. What may not be deleted is passed by, and is not looked at again in this round, since the next
-- batch begins after the last place of this one.
--
-- By created_at, which has an index for the lists anyway: nothing ended before it was created.
--
-- $1 tenant, or null: any   $2 days they are kept   $3 places at most
-- $4, $5 created_at and id of the last place of the batch before, or null: from the oldest on
with place as materialized (
  select l.created_at, l.id
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
  -- Locked one by one, so that they are looked up by id however many places Postgres expects.
  cross join lateral (
    select r.id
    from pipeline_runs r
    where r.id = place.id
      and r.finished_at < now() - make_interval(days => $2)
    for update skip locked
  ) ended
),
deleted as (
  delete from pipeline_runs r
  -- As an array, for the same reason.
  where r.id = any (array(select old.id from old))
)
select
  (select count(*) from place) as "walked!",
  (select count(*) from old) as "deleted!",
  last.created_at as "created_at?",
  last.id as "id?"
from (values (true)) one
left join lateral (select place.created_at, place.id from place order by place.created_at desc, place.id desc limit 1) last on true

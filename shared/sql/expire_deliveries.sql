-- What has waited for three days is given up, and what was given up a month ago is deleted; so is what belongs to no listener any more.
--
-- $1 of each of the three at most
with recursive known (listener_id) as (
    (select d.listener_id from deliveries d order by d.listener_id limit 1)
  union all
    select (select d.listener_id from deliveries d where d.listener_id > known.listener_id order by d.listener_id limit 1)
    from known where known.listener_id is not null
),
listener as materialized (
  select known.listener_id as id, l.id is null as is_gone
  from known
  left join listeners l on l.id = known.listener_id
  where known.listener_id is not null
),
late as materialized (
  select found.id
  from listener
  cross join lateral (
    select d.id from deliveries d
    where d.listener_id = listener.id and not d.given_up and d.until <= now()
    order by d.until
    limit $1
    for no key update skip locked
  ) found
  where not listener.is_gone
  limit $1
),
old as materialized (
  select found.id
  from listener
  cross join lateral (
    select d.id from deliveries d
    where d.listener_id = listener.id and d.given_up and d.until <= now()
    order by d.until
    limit $1
    for update skip locked
  ) found
  limit $1
),
orphan as materialized (
  select found.id
  from listener
  cross join lateral (
    select d.id from deliveries d
    where d.listener_id = listener.id
    limit $1
    for update skip locked
  ) found
  where listener.is_gone
  limit $1
),
given_up as (
  update deliveries d
  set given_up = true, until = now() + interval '30 days'
  where d.id = any (array(select late.id from late))
  returning d.id
),
deleted as (
  delete from deliveries d
  where d.id = any (array(select old.id from old union select orphan.id from orphan))
  returning d.id
),
forgotten as (
  delete from listener_health h
  where not exists (select from listeners l where l.id = h.listener_id)
)
select
  (select count(*) from given_up) as "given_up!",
  (select count(*) from deleted) as "deleted!",
  greatest((select count(*) from late), (select count(*) from old), (select count(*) from orphan)) >= $1 as "more!"

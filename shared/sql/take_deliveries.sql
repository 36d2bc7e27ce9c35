-- Takes deliveries that are due, to send them: for two minutes they are not due, so that of two deliverers only one sends each, and what was taken by one
-- that dies is sent again. Of a run only the first that a listener was not told of yet, whatever became of it: those behind it wait. Of a listener that is
-- failing one alone, to see whether it is well again; of one that rests or is paused none.
--
-- $1 listeners to leave out   $2 whose turn was the last one, or null   $3 deliveries of a webhook at most   $4 of the bus at most   $5 at most
with recursive waiting (listener_id) as (
    (select d.listener_id from deliveries d where not d.given_up order by d.listener_id limit 1)
  union all
    -- Listener by listener: each may have very many.
    select (select d.listener_id from deliveries d
            where not d.given_up and d.listener_id > waiting.listener_id
            order by d.listener_id limit 1)
    from waiting where waiting.listener_id is not null
),
taken as materialized (
  select head.id
  from (
    select l.id, case when h.failures >= 3 then 1 when l.tenant_id is null then $4::bigint else $3::bigint end as room
    from waiting
    join listeners l on l.id = waiting.listener_id
    left join listener_health h on h.listener_id = l.id
    where not l.paused
      and l.id <> all ($1::uuid[])
      and (h.rests_until is null or h.rests_until <= now())
    order by l.id <= coalesce($2::uuid, '00000000-0000-0000-0000-000000000000'), l.id
  ) listener
  cross join lateral (
    select d.id
    from deliveries d
    where d.listener_id = listener.id
      and not d.given_up
      and d.due_at <= now()
      and not exists (
        select from deliveries before
        where before.run_id = d.run_id and before.listener_id = d.listener_id and before.id < d.id and not before.given_up)
    order by d.due_at, d.id
    limit listener.room
    for no key update skip locked
  ) head
  limit $5
)
update deliveries d
set attempts = d.attempts + 1, due_at = now() + interval '2 min'
from listeners l
where d.id = any (array(select taken.id from taken))
  and l.id = d.listener_id
returning
  d.id, d.listener_id, d.tenant_id, d.run_id, d.event_id, d.event_type, d.data, d.happened_at, d.attempts, now() as "taken_at!",
  l.url, l.secret_ref, l.allow_private_addresses

-- For how long nobody has told an event that should be told, and how many listeners are failing. What a webhook itself is to blame for (it fails, rests, is
-- paused, takes some events and not others) is its tenant's business: it counts from when anybody last came to it. The bus is the operator's own, and an
-- event for it counts from when it happened.
with recursive waiting (listener_id) as (
    (select d.listener_id from deliveries d where not d.given_up order by d.listener_id limit 1)
  union all
    select (select d.listener_id from deliveries d
            where not d.given_up and d.listener_id > waiting.listener_id
            order by d.listener_id limit 1)
    from waiting where waiting.listener_id is not null
),
listener as (
  select
    case when l.tenant_id is null then
      -- As long as it may wait in all, but for what is left of that.
      (select interval '3 days' - (d.until - now())
       from deliveries d
       where d.listener_id = l.id and not d.given_up
       order by d.until limit 1)
    else
      -- Of the first that would be taken now, as in take_deliveries.sql.
      (select now() - greatest(d.due_at, h.rests_until, h.last_failed_at, h.last_delivered_at)
       from deliveries d
       where d.listener_id = l.id and not d.given_up and d.due_at <= now()
         and not exists (
           select from deliveries before
           where before.run_id = d.run_id and before.listener_id = d.listener_id and before.id < d.id and not before.given_up)
       order by d.due_at, d.id limit 1)
    end as waited,
    coalesce(h.failures >= 3, false) as fails
  from waiting
  join listeners l on l.id = waiting.listener_id
  left join listener_health h on h.listener_id = l.id
  where not l.paused
)
select
  greatest(extract(epoch from max(listener.waited))::double precision, 0) as "oldest_seconds!",
  count(*) filter (where listener.fails) as "failing!"
from listener

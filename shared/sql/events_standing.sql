-- How long the event has waited that has waited longest, and how many listeners are failing. A webhook that is failing or paused is its tenant's business;
-- the bus is the operator's.
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
    -- As long as it may wait in all, but for what is left of that.
    (select extract(epoch from interval '3 days' - (d.until - now()))::double precision
     from deliveries d
     where d.listener_id = l.id and not d.given_up
     order by d.until limit 1) as seconds,
    coalesce(h.failures >= 3, false) as fails,
    l.tenant_id is null as is_bus
  from waiting
  join listeners l on l.id = waiting.listener_id
  left join listener_health h on h.listener_id = l.id
  where not l.paused
)
select
  coalesce(max(listener.seconds) filter (where listener.is_bus or not listener.fails), 0) as "oldest_seconds!",
  count(*) filter (where listener.fails) as "failing!"
from listener

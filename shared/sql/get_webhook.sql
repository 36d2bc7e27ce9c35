-- A webhook, and how its deliveries go. What there may be very much of is counted up to a bound.
--
-- $1 tenant, or null: any   $2 webhook   $3 how far deliveries are counted
select
  l.id, l.tenant_id as "tenant_id!", l.name, l.url as "url!", l.secret_ref as "secret_ref!", l.event_types as "event_types: Vec<EventType>",
  l.pipeline_id, l.paused, l.created_at,
  (select count(*) from (
     select from deliveries d where d.listener_id = l.id and not d.given_up limit $3) counted) as "pending!",
  (select count(*) from (
     select from deliveries d where d.listener_id = l.id and d.given_up limit $3) counted) as "given_up!",
  (select d.until - interval '3 days'
   from deliveries d
   where d.listener_id = l.id and not d.given_up
   order by d.until limit 1) as "waiting_since?",
  coalesce(h.failures, 0) as "failures!", h.failing_since as "failing_since?", h.rests_until as "rests_until?", h.last_error as "last_error?",
  h.last_failed_at as "last_failed_at?", h.last_delivered_at as "last_delivered_at?"
from listeners l
left join listener_health h on h.listener_id = l.id
where l.id = $2
  and l.tenant_id is not null
  and ($1::uuid is null or l.tenant_id = $1)

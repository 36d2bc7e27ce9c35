-- Notes what became of deliveries that were taken. What was delivered is deleted. What was not is due again after some time, and what comes behind it
-- no sooner; or it is given up. A listener that fails three times in a row rests: half as long as it has been failing, 10 s at least and 10 min at most.
--
-- An outcome that is told after the delivery was taken again changes nothing, unless it was delivered.
--
-- $1 deliveries   $2 the attempt of each, as taken   $3 listener of each   $4 whether each was delivered   $5 error of each, null where it was
-- $6 seconds after which the listener wants to be asked again, or null       $7 whether the listener said that it is gone
with outcome as materialized (
  select o.*
  from unnest($1::bigint[], $2::integer[], $3::uuid[], $4::boolean[], $5::text[], $6::integer[], $7::boolean[])
    o (id, attempt, listener_id, delivered, error, wait_seconds, gone)
  -- Of its listener it says nothing either: how that does now is known to whoever took the delivery after it.
  where o.delivered or exists (select from deliveries d where d.id = o.id and d.attempts = o.attempt)
),
done as (
  delete from deliveries d where d.id = any (array(select o.id from outcome o where o.delivered))
),
failed as (
  update deliveries d
  set last_error = o.error,
      given_up = d.until <= now(),
      until = case when d.until <= now() then now() + interval '30 days' else d.until end,
      -- 10 s, 20 s, 40 s … 10 min, of which chance takes up to a third: what failed together does not come back together.
      due_at = now() + greatest(
        make_interval(secs => o.wait_seconds),
        make_interval(secs => least(600, 10 * power(2, least(o.attempt, 10) - 1)) * (1 - random() / 3)))
  from outcome o
  where d.id = o.id and d.attempts = o.attempt and not o.delivered and not d.given_up
  returning d.id, d.run_id, d.listener_id, d.due_at, d.given_up
),
behind as (
  update deliveries d
  set due_at = failed.due_at
  from failed
  where d.run_id = failed.run_id and d.listener_id = failed.listener_id and d.id > failed.id
    and not d.given_up and not failed.given_up and d.due_at < failed.due_at
),
listener as materialized (
  select o.listener_id, bool_or(o.delivered) as well, (count(*) filter (where not o.delivered))::integer as failures,
    max(o.wait_seconds) as wait_seconds, max(o.error) as error
  from outcome o
  group by o.listener_id
  -- In one order, whoever else settles at this moment.
  order by o.listener_id
),
health as (
  insert into listener_health as h (listener_id, failures, failing_since, rests_until, last_error, last_failed_at, last_delivered_at)
  select n.listener_id,
    case when n.well then 0 else n.failures end,
    case when not n.well then now() end,
    case when n.wait_seconds is not null or (not n.well and n.failures >= 3)
         then now() + greatest(make_interval(secs => n.wait_seconds), case when not n.well then interval '10 s' end) end,
    n.error,
    case when n.failures > 0 then now() end,
    case when n.well then now() end
  from listener n
  -- A listener that is well, and of which nothing new is known, is not written for every delivery.
  where n.failures > 0
     or not exists (
       select from listener_health k
       where k.listener_id = n.listener_id and k.failures = 0 and k.last_delivered_at > now() - interval '30 s')
  order by n.listener_id
  on conflict (listener_id) do update
  set failures = case when excluded.failures > 0 then h.failures + excluded.failures else 0 end,
      failing_since = case when excluded.failures > 0 then coalesce(h.failing_since, now()) end,
      rests_until = greatest(
        excluded.rests_until,
        -- What was under way when it began to rest, and went well, does not end that.
        case when h.rests_until > now() then h.rests_until end,
        case when excluded.failures > 0 and h.failures + excluded.failures >= 3 then
          now() + greatest(interval '10 s', least(interval '10 min', (now() - coalesce(h.failing_since, now())) / 2)) end),
      last_error = coalesce(excluded.last_error, h.last_error),
      last_failed_at = coalesce(excluded.last_failed_at, h.last_failed_at),
      last_delivered_at = coalesce(excluded.last_delivered_at, h.last_delivered_at)
),
-- Whoever says so does not want to be asked again.
gone as (
  update listeners l
  set paused = true
  where l.id = any (array(select o.listener_id from outcome o where o.gone)) and l.tenant_id is not null and not l.paused
  returning l.id
)
select
  (select count(*) from outcome o where o.delivered) as "delivered!",
  (select count(*) from failed) as "failed!",
  (select count(*) from failed where failed.given_up) as "given_up!",
  array(select gone.id from gone) as "gone!"

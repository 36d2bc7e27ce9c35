-- When the sweep has to come again: whether a run is in flight, in how many seconds something else falls due, and in how many an event. Null: nothing. Negative:
-- it was due before. What the hourly sweep alone looks at (retention, workers that are gone) is not here.
--
-- A run is in flight while it is RUNNING: its lease may be lost, or be made shorter by a heartbeat. Whether one waits that could be claimed,
-- sweep_standing.sql says. Each look is at the first entry of an index.
with recursive waiting (listener_id) as (
    (select d.listener_id from deliveries d where not d.given_up order by d.listener_id limit 1)
  union all
    select (select d.listener_id from deliveries d
            where not d.given_up and d.listener_id > waiting.listener_id
            order by d.listener_id limit 1)
    from waiting where waiting.listener_id is not null
)
select
  exists (select from pipeline_runs l where l.status = 'RUNNING') as "in_flight!",
  extract(epoch from least(
    -- Taken a minute before, as take_dispatches.sql does.
    (select q.dispatch_due_at - interval '1 min' from pipeline_runs q
     where q.dispatch_due_at is not null order by q.dispatch_due_at limit 1),
    (select q.redispatch_at from pipeline_runs q where q.redispatch_at is not null order by q.redispatch_at limit 1),
    (select q.start_by from pipeline_runs q
     where q.status = 'QUEUED' and q.started_at is null and q.start_by is not null order by q.start_by limit 1),
    -- While their tenant or their pipeline is paused they wait, as in due_schedules.sql: whoever unpauses it has the sweep come.
    (select s.next_due_at
     from schedules s
     join tenants t on t.id = s.tenant_id
     join pipelines p on p.id = s.pipeline_id
     where s.next_due_at is not null and not t.paused and not p.paused
     order by s.next_due_at limit 1)
  ) - now())::float8 as due_in_seconds,
  -- Of each listener the first that is due, when it has rested.
  (select extract(epoch from min(greatest(first.due_at, h.rests_until)) - now())::float8
   from waiting
   join listeners l on l.id = waiting.listener_id and not l.paused
   left join listener_health h on h.listener_id = l.id
   cross join lateral (
     select d.due_at from deliveries d
     where d.listener_id = l.id and not d.given_up
     order by d.due_at, d.id limit 1) first
  ) as events_due_in_seconds

-- How things stand, for whoever watches over a deployment. Changes nothing.
--
-- The oldest run that could be claimed: of each tenant and priority the first one in the queue, found by going from one pair to the next in the index. What is paused
-- waits because somebody wants it to, and is passed by.
with recursive lane (tenant_id, priority) as (
    (select q.tenant_id, q.priority from pipeline_runs q
     where q.status = 'QUEUED' order by q.tenant_id, q.priority desc limit 1)
  union all
    select next.tenant_id, next.priority
    from lane
    cross join lateral (
      (select q.tenant_id, q.priority from pipeline_runs q
       where q.status = 'QUEUED' and q.tenant_id = lane.tenant_id and q.priority < lane.priority
       order by q.priority desc limit 1)
      union all
      (select q.tenant_id, q.priority from pipeline_runs q
       where q.status = 'QUEUED' and q.tenant_id > lane.tenant_id
       order by q.tenant_id, q.priority desc limit 1)
      limit 1
    ) next
)
select
  (select coalesce(extract(epoch from now() - min(first.available_at)), 0)::float8
   from lane
   join tenants t on t.id = lane.tenant_id and not t.paused
   cross join lateral (
     select q.available_at from pipeline_runs q
     where q.status = 'QUEUED' and q.tenant_id = lane.tenant_id and q.priority = lane.priority
       and q.available_at <= now()
       and not exists (select from pipelines p where p.id = q.pipeline_id and p.paused)
     order by q.available_at, q.id limit 1) first
  ) as "oldest_queued_seconds!",
  -- Of the last five minutes. Who took the run over, or whether it was given up, does not matter.
  (select count(*) from run_attempts a where a.outcome = 'LOST' and a.ended_at > now() - interval '5 min') as "leases_lost!"

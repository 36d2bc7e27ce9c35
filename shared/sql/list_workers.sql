-- One page of workers, newest first. A worker of a tenant is seen by its claims, and by the heartbeats of the runs that it holds: so the
-- leases that are alive are counted, of which there are as many as there is work going on.
--
-- $1 tenant, or null: any   $2 queue that it serves, or null: any   $3 whether it is alive, or null: any
-- $4, $5 first_seen_at and id of the last worker of the page before, or null   $6 rows
with lease as materialized (
  select l.claimed_by, l.tenant_id, count(*) as running, max(greatest(l.claimed_at, l.heartbeat_at)) as seen_at
  from pipeline_runs l
  where l.status = 'RUNNING'
    and l.lease_expires_at > now()
    and ($1::uuid is null or l.tenant_id = $1)
  group by l.claimed_by, l.tenant_id
),
held as materialized (
  select h.id, sum(lease.running)::bigint as running, max(lease.seen_at) as seen_at
  from lease
  join workers h on h.worker_id = lease.claimed_by
  where h.tenant_id = lease.tenant_id
    -- Who claims both for one tenant and for all of them stands here twice, and each run counts once.
    or (h.tenant_id is null and not exists (
      select from workers own where own.worker_id = lease.claimed_by and own.tenant_id = lease.tenant_id))
  group by h.id
)
select
  w.id, w.worker_id, w.tenant_id,
  -- Of a worker that serves all tenants, the queues may be others'.
  case when $1::uuid is null or w.tenant_id is not null then w.queues end as queues, w.first_seen_at, seen.last_at as "last_seen_at!", seen.alive as "alive!",
  coalesce(held.running, 0) as "running!"
from workers w
left join held on held.id = w.id
cross join lateral (
  select greatest(w.last_seen_at, held.seen_at) as last_at,
    held.running is not null or w.last_seen_at > now() - interval '2 min' as alive
) seen
where ($1::uuid is null or w.tenant_id = $1 or w.tenant_id is null)
  and ($2::text is null or w.queues is null or $2 = any (w.queues))
  and ($3::boolean is null or seen.alive = $3)
  and ($4::timestamptz is null or (w.first_seen_at, w.id) < ($4, $5::uuid))
order by w.first_seen_at desc, w.id desc
limit $6

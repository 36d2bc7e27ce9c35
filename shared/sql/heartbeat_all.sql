-- heartbeat.sql for several runs, each named once. A run that is not returned was not touched: holders.sql says why.
--
-- Rows are locked in the order of their ids: of two batches over the same runs, one waits for the other, and never each
-- for the other.
--
-- An array each, with one entry for every run:
-- $1 tenant, or null: any   $2 runs   $3 lease token, or null   $4 worker, or null   $5 seconds, or null: as claimed
with counted as materialized (
  -- As lease_is_alive() does for one run: shortly before the end of a lease not while somebody counts the leases of its tenant.
  -- All of them in one order and before any row, so that no two batches wait for each other.
  select pg_advisory_xact_lock_shared(tenant_lock_key(near.tenant_id))
  from (
    select distinct n.tenant_id
    from unnest($1::uuid[], $2::uuid[]) as b (tenant_id, id)
    join pipeline_runs n on n.id = b.id and (b.tenant_id is null or n.tenant_id = b.tenant_id)
    where n.lease_expires_at between now() and clock_timestamp() + interval '11 s'
    order by n.tenant_id
  ) near
),
held as materialized (
  select h.id, coalesce(a.lease_seconds, h.lease_seconds) as seconds
  from unnest($1::uuid[], $2::uuid[], $3::uuid[], $4::text[], $5::integer[])
    as a (tenant_id, id, lease_token, worker, lease_seconds)
  join pipeline_runs h on h.id = a.id
  where (
      h.lease_token = a.lease_token
      -- Without a token only on the first claim: then no other worker can ever have held the run.
      or (a.lease_token is null and h.claim_count = 1 and (a.worker is null or h.claimed_by = a.worker)))
    -- Only RUNNING rows have one (see the constraints), so the status needs no literal.
    and case when h.lease_expires_at > clock_timestamp() + interval '10 s' then true
             when h.lease_expires_at > clock_timestamp() then (select count(*) from counted) is not null and h.lease_expires_at > clock_timestamp()
             else false end
    and (a.tenant_id is null or h.tenant_id = a.tenant_id)
  order by h.id
  for no key update of h
)
update pipeline_runs r
set heartbeat_at = now(),
    lease_expires_at = now() + make_interval(secs => held.seconds),
    updated_at = now()
from held
where r.id = held.id
returning r.id, r.tenant_id, r.attempt, r.heartbeat_at as "heartbeat_at!", r.lease_expires_at as "lease_expires_at!"

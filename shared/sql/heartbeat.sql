-- Extends a lease that is alive. No row: holder.sql says why.
--
-- Only RUNNING rows have a lease_expires_at (see the constraints), so the status needs no literal.
--
-- $1 tenant, or null: any   $2 run   $3 lease token, or null   $4 worker, or null   $5 seconds, or null: as claimed
update pipeline_runs r
set heartbeat_at = now(),
    lease_expires_at = now() + make_interval(secs => coalesce($5, r.lease_seconds)),
    updated_at = now()
where r.id = $2
  and (
    r.lease_token = $3
    -- Without a token only on the first claim: then no other worker can ever have held the run.
    or ($3 is null and r.claim_count = 1 and ($4::text is null or r.claimed_by = $4)))
  -- Shortly before its end not while somebody counts the leases of the tenant: one that was counted as expired stays so.
  -- By the clock: behind a pooler now() is that of `begin`, one round trip ago or more.
  and case when r.lease_expires_at > clock_timestamp() + interval '10 s' then true
           when r.lease_expires_at > clock_timestamp() then lease_is_alive(r.tenant_id, r.lease_expires_at)
           else false end
  and ($1::uuid is null or r.tenant_id = $1)
returning r.tenant_id, r.attempt, r.heartbeat_at as "heartbeat_at!", r.lease_expires_at as "lease_expires_at!"

-- Expired leases that nobody took over, the oldest first: QUEUED again at once, or FAILED if as many were lost before as may
-- be. Of two sweeps at once each takes what the other has not.
--
-- $1 tenant, or null: any   $2 runs at most
with expired as materialized (
  select l.id, l.tenant_id, l.claim_count, l.attempt, l.lease_token, l.claimed_by, l.claimed_at, l.lease_expires_at,
    l.lost < l.max_lost as again,
    lease_expired_message(l.claimed_by, l.claimed_at, l.heartbeat_at, l.lease_expires_at) as message
  from pipeline_runs l
  where l.status = 'RUNNING'
    and l.lease_expires_at <= now()
    and ($1::uuid is null or l.tenant_id = $1)
  order by l.lease_expires_at
  limit $2
  for no key update skip locked
),
lost as (
  insert into run_attempts (run_id, claim_number, tenant_id, attempt, outcome, lease_token, claimed_by, claimed_at, ended_at,
    error_code, error_message)
  select e.id, e.claim_count, e.tenant_id, e.attempt, 'LOST', e.lease_token, e.claimed_by, e.claimed_at, e.lease_expires_at,
    'lease_expired', e.message
  from expired e
),
swept as (
  update pipeline_runs r
  set status = case when e.again then 'QUEUED' else 'FAILED' end,
      lost = case when e.again then r.lost + 1 else r.lost end,
      queued_at = case when e.again then now() else r.queued_at end,
      dispatch_due_at = case when e.again and r.dispatch = 'push' then now() end,
      lease_expires_at = null,
      -- Also when it ends: its worker did not end it, so its token does not answer for the end.
      lease_token = null,
      claim_id = null,
      claimed_by = case when e.again then null else r.claimed_by end,
      claimed_at = case when e.again then null else r.claimed_at end,
      lease_seconds = case when e.again then null else r.lease_seconds end,
      heartbeat_at = case when e.again then null else r.heartbeat_at end,
      finished_at = case when e.again then null else now() end,
      error_code = case when e.again then null else 'lease_expired' end,
      error_message = case when e.again then null else e.message end,
      updated_at = now()
  from expired e
  where r.id = e.id
  returning e.again
)
select
  count(*) filter (where again) as "requeued!",
  count(*) filter (where not again) as "failed!"
from swept

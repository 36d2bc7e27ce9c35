-- Forgets workers that were not seen for a week and hold no lease, the longest gone first.
--
-- $1 tenant, or null: any   $2 workers at most
delete from workers w
where w.id = any (array(
  select gone.id
  from workers gone
  where gone.last_seen_at < now() - interval '7 days'
    and ($1::uuid is null or gone.tenant_id = $1)
    and gone.worker_id not in (
      select l.claimed_by from pipeline_runs l
      where l.status = 'RUNNING' and l.lease_expires_at > now() and l.claimed_by is not null)
  order by gone.last_seen_at
  limit $2
  for update skip locked))

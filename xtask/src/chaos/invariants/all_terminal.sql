-- A fact: a run in the table, when everything is over.
select r.id,
  case when r.status not in ('SUCCEEDED', 'FAILED', 'CANCELLED')
       then format('is %s, attempt %s of %s, claimed %s times, available at %s, lease until %s', r.status, r.attempt, r.max_attempts, r.claim_count,
         r.available_at, coalesce(r.lease_expires_at::text, '-')) end
from pipeline_runs r

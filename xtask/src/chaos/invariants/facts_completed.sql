-- A fact: a line that says that an outcome stands. Without a token it is that of the run's first claim.
select t.run_id,
  case when l.ended is distinct from 'reported' then format('%s was told to stand, and was not reported under this token', t.outcome)
       when l.ended_at > t.at then format('%s was told at %s, and came only at %s', t.outcome, t.at, l.ended_at)
       when (t.outcome = 'SUCCEEDED') <> (l.end_status = 'SUCCEEDED') then format('%s was told to stand, and the run became %s', t.outcome, l.end_status)
       when t.status <> l.end_status then format('the run was told to be %s after %s, and became %s', t.status, t.outcome, l.end_status) end
from chaos.ledger t
left join chaos.leases l on l.run_id = t.run_id
  and case when t.lease_token is null then l.claim_count = 1 else l.token = t.lease_token end
where t.kind = 'completed'

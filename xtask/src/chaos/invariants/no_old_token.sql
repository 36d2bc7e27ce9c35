-- A fact: a line that says that a report stands. Without a token it is that of the run's first claim.
select c.run_id,
  case when l.claims = 0 then format('token %s never was this run''s', c.lease_token)
       when l.reports = 0 then format('claim %s was told that its report stands; its lease was %s', l.claim_count,
         coalesce(l.ended || ' at ' || l.ended_at::text, 'held'))
       when l.ended_at > c.at then format('claim %s was told at %s that its report stands, which came only at %s', l.claim_count, c.at, l.ended_at) end
from chaos.ledger c
cross join lateral (
  select count(*) as claims, count(*) filter (where l.ended = 'reported') as reports, min(l.claim_count) as claim_count, min(l.ended) as ended,
    min(l.ended_at) as ended_at
  from chaos.leases l
  where l.run_id = c.run_id
    and l.token = coalesce(c.lease_token, (select f.token from chaos.leases f where f.run_id = c.run_id and f.claim_count = 1 limit 1))
) l
where c.kind = 'completed'

-- A fact: a line that says that a worker has a run.
with told as (
  select l.*, min(l.worker) over of_token <> max(l.worker) over of_token as is_shared
  from chaos.ledger l
  where l.kind = 'claimed'
  window of_token as (partition by l.run_id, l.lease_token)
)
select t.run_id,
  case when c.token is null then format('worker %s was told the token %s, which never was this run''s', t.worker, t.lease_token)
       when c.claimed_at > t.at then format('claim %s was told at %s, and came only at %s', c.claim_count, t.at, c.claimed_at)
       when c.claim_count <> t.claim_count then format('claim %s was told as claim %s', c.claim_count, t.claim_count)
       when c.attempt <> t.attempt then format('attempt %s was told as attempt %s', c.attempt, t.attempt)
       when t.is_shared then format('claim %s was given to two workers', c.claim_count) end
from told t
left join chaos.leases c on c.run_id = t.run_id and c.token = t.lease_token

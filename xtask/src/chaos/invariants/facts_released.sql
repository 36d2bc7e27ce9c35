-- A fact: a line that says that a run was handed back. A second call with the token is refused, so each token has one at most.
select t.run_id,
  case when l.token is null then format('the token %s never was this run''s', t.lease_token)
       when l.ended <> 'released' then format('claim %s was told to be handed back; its lease was %s', l.claim_count, l.ended)
       when l.ended_at > t.at then format('claim %s was told at %s to be handed back, which came only at %s', l.claim_count, t.at, l.ended_at)
       when count(*) over (partition by t.run_id, t.lease_token) > 1 then format('claim %s was handed back twice', l.claim_count) end
from chaos.ledger t
left join chaos.leases l on l.run_id = t.run_id and l.token = t.lease_token
where t.kind = 'released'

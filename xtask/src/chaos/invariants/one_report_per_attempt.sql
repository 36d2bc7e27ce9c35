-- A fact: a token, a lease that was taken from its worker, an attempt that was reported, or an attempt of which the driver was told that its report stands.
with report as (
  select l.run_id, l.attempt, l.end_status from chaos.leases l where l.ended = 'reported'
)
select t.run_id,
  case when t.leases > 1 then format('token %s was given %s times', t.token, t.leases)
       when t.numbers > 1 then format('claim %s was counted twice', t.claim_count) end
from (
  select l.run_id, l.token, l.claim_count, count(*) over (partition by l.token) as leases,
    count(*) over (partition by l.run_id, l.claim_count) as numbers
  from chaos.leases l
) t
union all
-- The product compares with now(), which is earlier than the witness's clock.
select l.run_id,
  case when l.expired_at > l.ended_at
       then format('claim %s: its lease was %s at %s, though it was alive until %s', l.claim_count, l.ended, l.ended_at, l.expired_at) end
from chaos.leases l
where l.ended in ('taken over', 'lost')
union all
select r.run_id,
  case when count(*) > 1 then format('attempt %s was reported %s times', r.attempt, count(*)) end
from report r
group by r.run_id, r.attempt
union all
select e.run_id,
  case when count(*) > 1 then format('the run ended %s times', count(*)) end
from chaos.run_changes e
where e.new_status in ('SUCCEEDED', 'FAILED', 'CANCELLED')
group by e.run_id
union all
select c.run_id,
  case when count(distinct c.lease_token) > 1
       then format('attempt %s: of %s tokens it was told that their report stands', l.attempt, count(distinct c.lease_token)) end
from chaos.ledger c
join chaos.leases l on l.run_id = c.run_id and l.token = c.lease_token
where c.kind = 'completed'
group by c.run_id, l.attempt

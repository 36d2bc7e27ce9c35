-- A fact: a line that says that a lease goes on. Each was a change of its own, so the n-th is told after at least n of them. Without a token it is that of
-- the run's first claim.
with told as (
  select l.run_id, l.at, coalesce(l.lease_token, f.token) as token
  from chaos.ledger l
  left join chaos.leases f on l.lease_token is null and f.run_id = l.run_id and f.claim_count = 1
  where l.kind = 'extended'
),
event as (
  select e.*, count(*) filter (where e.is_told) over upto as told, count(*) filter (where not e.is_told) over upto as made
  from (
    select t.run_id, t.token, t.at, true as is_told from told t
    union all
    select c.run_id, c.new_token, c.at, false
    from chaos.run_changes c
    where c.old_status = 'RUNNING' and c.new_status = 'RUNNING' and c.old_token = c.new_token
  ) e
  window upto as (partition by e.run_id, e.token order by e.at)
)
select e.run_id,
  case when e.told > e.made then format('token %s: the %s. extension was told at %s, and %s were made', coalesce(e.token::text, '-'), e.told, e.at, e.made) end
from event e
where e.is_told

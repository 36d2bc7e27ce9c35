-- A fact: a claim under a limit of its tenant or of its pipeline (under both: two), or a lease under one that was extended after it had expired.
--
-- Claims of a tenant with a limit come one after the other, each after the one before has committed, so the sequence says which leases a claim could see. What
-- ended in the history before the claim may have committed after it: then the claim counted more than is counted here, never fewer. A lease that expired before
-- the witness's clock holds no slot; the product's now() is earlier. A limit is the greatest that was in force within the 10 s before the claim, as a change
-- commits after it was written down; for a lease that came to life again, the greatest that ever was. A pause is a limit of 0.
with bound as (
  select coalesce(l.pipeline_id, l.tenant_id) as scope_id, l.slots, l.at,
    coalesce(lead(l.at) over (partition by coalesce(l.pipeline_id, l.tenant_id) order by l.seq), 'infinity') as until
  from chaos.limit_changes l
),
held as (
  select s.id as scope_id, s.number, l.run_id, l.seq, l.end_seq, l.claimed_at
  from chaos.leases l
  cross join lateral (values (l.tenant_id), (l.pipeline_id)) of (id)
  join chaos.scopes s on s.id = of.id
),
revived as (
  select s.id as scope_id, s.number, c.run_id, c.seq, c.at
  from chaos.run_changes c
  cross join lateral (values (c.tenant_id), (c.pipeline_id)) of (id)
  join chaos.scopes s on s.id = of.id
  where c.old_status = 'RUNNING' and c.new_status = 'RUNNING' and c.old_token = c.new_token
    and c.old_expires_at <= c.at and c.new_expires_at > c.at
),
-- Leases that have begun and have not ended, expired or not, at each of these.
open as (
  select e.*, sum(e.step) over (partition by e.scope_id order by e.seq) as leases
  from (
    select h.scope_id, h.number, h.run_id, h.seq, h.claimed_at as at, 'claim' as event, 1 as step from held h
    union all
    select h.scope_id, h.number, h.run_id, h.end_seq, null, 'end', -1 from held h where h.end_seq is not null
    union all
    select v.scope_id, v.number, v.run_id, v.seq, v.at, 'extension', 0 from revived v
  ) e
),
judged as (
  select o.*, b.slots
  from open o
  cross join lateral (
    select case when count(*) = count(b.slots) then max(b.slots) end as slots
    from bound b
    where b.scope_id = o.scope_id
      and b.at <= o.at
      and (o.event = 'extension' or b.until > o.at - interval '10 s')
  ) b
  where o.event <> 'end'
    and b.slots is not null
),
counted as (
  select j.*,
    case when j.leases <= j.slots then j.leases
         else j.leases - (select count(*) from chaos.overdue d where d.span @> (j.number << 40) + j.seq and d.expires_at <= j.at) end as alive
  from judged j
)
select c.run_id,
  case when c.alive > c.slots then format('%s at %s: %s leases alive under the limit of %s, which is %s', c.event, c.at, c.alive, c.scope_id, c.slots) end
from counted c

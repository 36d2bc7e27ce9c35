-- What the invariants are asked of: leases, from the history. Made anew for every check, and left there to be looked at.

drop table if exists chaos.leases, chaos.scopes, chaos.overdue;
create index if not exists run_changes_run on chaos.run_changes (run_id, seq);
create index if not exists step_changes_step on chaos.step_changes (run_id, step_id, seq);
create index if not exists ledger_kind on chaos.ledger (kind, run_id);

-- A row for each claim: from the change that made it to the one that ended it. What lies between are heartbeats.
create unlogged table chaos.leases as
with turn as (
  select c.run_id, c.seq, lead(c.seq) over (partition by c.run_id order by c.seq) as end_seq
  from chaos.run_changes c
  where (c.old_status = 'RUNNING' and c.new_status = 'RUNNING' and c.old_token = c.new_token) is not true
)
select c.run_id, c.tenant_id, c.pipeline_id, c.concurrency_key, c.seq, c.at as claimed_at, c.new_token as token, c.new_claim_count as claim_count,
  c.new_attempt as attempt,
  -- null: until the end of the history.
  turn.end_seq, e.at as ended_at, e.new_status as end_status, e.old_expires_at as expired_at,
  case when turn.end_seq is null then 'held'
       when e.new_status is null then 'deleted'
       when e.new_status = 'SUCCEEDED' then 'reported'
       when e.new_status = 'CANCELLED' then 'cancelled'
       when e.new_status = 'RUNNING' then 'taken over'
       -- A report leaves the token on the row; whoever ends a run for its lost leases does not.
       when e.new_status = 'FAILED' then case when e.new_token = e.old_token then 'reported' else 'lost' end
       when e.new_attempt > e.old_attempt then 'reported'
       when e.new_lost > e.old_lost then 'lost'
       else 'released' end as ended
from turn
join chaos.run_changes c on c.seq = turn.seq
left join chaos.run_changes e on e.seq = turn.end_seq
where c.new_status = 'RUNNING';

create index on chaos.leases (run_id, token);

-- Tenants and pipelines that have, or once had, a limit. The number makes one line of all their sequences: see the spans below.
create unlogged table chaos.scopes as
select s.id, row_number() over (order by s.id) as number
from (select distinct coalesce(l.pipeline_id, l.tenant_id) as id from chaos.limit_changes l where l.slots is not null) s;

-- Leases that had expired before the next change of their run, under each limit that counts them: from which change to which. A lease that has expired holds no
-- slot. A GiST index has no uuid, so the scope's number stands above the sequence, which stays below 2^40.
create unlogged table chaos.overdue as
with hold as (
  select c.run_id, c.tenant_id, c.pipeline_id, c.seq, c.new_status, c.new_expires_at as expires_at,
    lead(c.seq) over of_run as next_seq, lead(c.at) over of_run as next_at
  from chaos.run_changes c
  window of_run as (partition by c.run_id order by c.seq)
)
select h.expires_at,
  int8range((s.number << 40) + h.seq, (s.number << 40) + coalesce(h.next_seq, (1::bigint << 40) - 1)) as span
from hold h
cross join lateral (values (h.tenant_id), (h.pipeline_id)) of (id)
join chaos.scopes s on s.id = of.id
where h.new_status = 'RUNNING'
  and (h.next_at is null or h.expires_at <= h.next_at);

create index on chaos.overdue using gist (span);

analyze chaos.run_changes, chaos.step_changes, chaos.limit_changes, chaos.ledger, chaos.leases, chaos.scopes, chaos.overdue;

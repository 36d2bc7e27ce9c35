-- A fact: a change of a run in the history, or a run in the table beside the last change of it. Anything but an arrow of the state machine is a violation.
with change as (
  select c.*, lag(c.seq) over of_run as before_seq,
    -- The witness has missed nothing: each change begins where the one before ended.
    (c.old_status, c.old_token, c.old_expires_at, c.old_attempt, c.old_lost, c.old_claim_count)
      is distinct from (lag(c.new_status) over of_run, lag(c.new_token) over of_run, lag(c.new_expires_at) over of_run, lag(c.new_attempt) over of_run,
                        lag(c.new_lost) over of_run, lag(c.new_claim_count) over of_run) as is_torn
  from chaos.run_changes c
  window of_run as (partition by c.run_id order by c.seq)
),
step as (
  select c.*, c.new_attempt - c.old_attempt as attempts, c.new_lost - c.old_lost as losses, c.new_claim_count - c.old_claim_count as claims,
    c.old_token is not distinct from c.new_token as same_token
  from change c
),
last as (
  select distinct on (c.run_id) c.run_id, c.new_status, c.new_token, c.new_expires_at, c.new_attempt, c.new_lost, c.new_claim_count
  from chaos.run_changes c
  order by c.run_id, c.seq desc
)
select s.run_id,
  case when s.new_status is null then format('was deleted while it was %s', s.old_status)
       when s.is_torn then format('was %s before, and the change after it begins with %s: somebody wrote unseen',
         coalesce((select b.new_status from chaos.run_changes b where b.seq = s.before_seq), 'not there'), coalesce(s.old_status, 'a new run'))
       when case
         when s.old_status is null then s.new_status = 'QUEUED' and s.new_token is null and (s.new_attempt, s.new_lost, s.new_claim_count) = (1, 0, 0)
         when s.old_status = 'QUEUED' then case s.new_status
           when 'RUNNING' then s.new_token is not null and (s.attempts, s.losses, s.claims) = (0, 0, 1)
           when 'CANCELLED' then (s.attempts, s.losses, s.claims) = (0, 0, 0)
           else false end
         when s.old_status = 'RUNNING' then case s.new_status
           -- A heartbeat, or a claim of a lease that has expired.
           when 'RUNNING' then case when s.same_token then (s.attempts, s.losses, s.claims) = (0, 0, 0)
                                    else s.new_token is not null and (s.attempts, s.losses, s.claims) = (0, 1, 1) end
           when 'SUCCEEDED' then s.same_token and (s.attempts, s.losses, s.claims) = (0, 0, 0)
           when 'CANCELLED' then s.same_token and (s.attempts, s.losses, s.claims) = (0, 0, 0)
           when 'FAILED' then (s.same_token or s.new_token is null) and (s.attempts, s.losses, s.claims) = (0, 0, 0)
           -- Failed with an attempt left, lost, or handed back.
           when 'QUEUED' then s.new_token is null and (s.attempts, s.losses, s.claims) in ((1, 0, 0), (0, 1, 0), (0, 0, 0))
           else false end
         else false end then null
       else format('%s → %s: attempts %s, lost %s, claims %s, %s token', coalesce(s.old_status, 'none'), s.new_status, s.attempts, s.losses, s.claims,
         case when s.same_token then 'the same' else 'another' end) end
from step s
union all
select coalesce(r.id, l.run_id),
  case when r.id is null and l.new_status is not null then 'is not in the table any more'
       when (r.status, r.lease_token, r.lease_expires_at, r.attempt, r.lost, r.claim_count)
         is distinct from (l.new_status, l.new_token, l.new_expires_at, l.new_attempt, l.new_lost, l.new_claim_count)
         then format('is %s, and was last seen as %s', r.status, coalesce(l.new_status, 'not there')) end
from pipeline_runs r
full join last l on l.run_id = r.id

-- A fact: a run, with all of its attempts in the history.
with seen as (
  select c.run_id, max(c.new_attempt) as highest, max(c.max_attempts) as allowed,
    count(*) filter (where c.old_status = 'RUNNING' and c.new_status = 'QUEUED' and c.new_attempt > c.old_attempt) as failed
  from chaos.run_changes c
  group by 1
)
select r.id,
  case when s.run_id is null then 'the history does not have it'
       when greatest(s.highest, r.attempt) > r.max_attempts
         then format('attempt %s of at most %s', greatest(s.highest, r.attempt), r.max_attempts)
       when s.allowed <> r.max_attempts then format('max_attempts was %s and is %s', s.allowed, r.max_attempts)
       when r.attempt <> 1 + s.failed then format('is at attempt %s after %s failed ones', r.attempt, s.failed) end
from pipeline_runs r
left join seen s on s.run_id = r.id

-- A fact: a line that says that a step began, or a change from or to a step that SUCCEEDED.
--
-- A step that has SUCCEEDED is over for its lease if that was stored before the claim, whose worker reads it, or under the same token. Kept ones (run_attempt 0)
-- are over for every attempt, others for their own; what still counts in a later attempt only the dag_spec says. Whoever stalls past the end of a lease and then
-- begins what a later claim has done meanwhile is no violation: nothing can hold such a worker back, and what it stores is refused. A line without a token or an
-- attempt is one only if there is no lease under which it could have been right.
with success as (
  select c.run_id, c.step_id, c.new_run_attempt as run_attempt, c.lease_token, c.seq, c.at
  from chaos.step_changes c
  where c.item = -1
    and c.new_status = 'SUCCEEDED'
    and (c.old_status, c.old_run_attempt) is distinct from ('SUCCEEDED', c.new_run_attempt)
),
candidate as (
  select b.line, l.seq, count(s.seq) > 0 as was_over
  from chaos.ledger b
  join chaos.leases l on l.run_id = b.run_id
    and l.claimed_at <= b.at
    and (b.lease_token is null or l.token = b.lease_token)
    and (b.attempt is null or l.attempt = b.attempt)
  left join success s on s.run_id = b.run_id
    and s.step_id = b.step_id
    and s.run_attempt in (0, l.attempt)
    and (s.seq < l.seq or (s.lease_token = l.token and s.at < b.at))
  where b.kind = 'step_began'
  group by 1, 2
),
verdict as (
  select c.line, bool_and(c.was_over) as was_over from candidate c group by 1
)
select b.run_id,
  case when v.line is null then format('step %s began at %s under no lease', b.step_id, b.at)
       when v.was_over then format('step %s began at %s, though it had SUCCEEDED', b.step_id, b.at) end
from chaos.ledger b
left join verdict v on v.line = b.line
where b.kind = 'step_began'
union all
select c.run_id,
  case when c.new_status is null then format('step %s, item %s, which had SUCCEEDED, was deleted', c.step_id, c.item)
       when c.old_status is distinct from 'SUCCEEDED' then null
       when c.new_run_attempt < c.old_run_attempt
         then format('step %s, item %s, which had SUCCEEDED in attempt %s, was written over by attempt %s', c.step_id, c.item, c.old_run_attempt, c.new_run_attempt)
       -- The outputs of items go into that of their step.
       when c.new_run_attempt = c.old_run_attempt
         and ((c.new_status, c.new_attempts, c.new_finished_at) is distinct from (c.old_status, c.old_attempts, c.old_finished_at)
           or (c.new_output is distinct from c.old_output and (c.item = -1 or c.new_output is not null)))
         then format('step %s, item %s, which had SUCCEEDED in attempt %s, was changed to %s', c.step_id, c.item, c.old_run_attempt, c.new_status) end
from chaos.step_changes c
where 'SUCCEEDED' in (c.old_status, c.new_status)

-- A fact: a line that says that a step's result is stored; `outcome`, if it is there, says which. What has ended within an attempt stays, so an earlier lease may
-- have stored it, but never one that came after this lease's end: nobody ends a lease while something is stored under it.
select t.run_id,
  case when l.token is null then format('step %s: the token %s never was this run''s', t.step_id, t.lease_token)
       when not exists (
         select from chaos.step_changes c
         where c.run_id = t.run_id
           and c.step_id = t.step_id
           and c.new_run_attempt = l.attempt
           and c.new_status = coalesce(t.outcome, c.new_status)
           and c.at <= t.at
           and (l.end_seq is null or c.seq < l.end_seq))
         then format('step %s was told to be stored %sunder claim %s, and was not', t.step_id, coalesce('as ' || t.outcome || ' ', ''), l.claim_count) end
from chaos.ledger t
left join chaos.leases l on l.run_id = t.run_id
  and case when t.lease_token is null then l.claim_count = 1 else l.token = t.lease_token end
where t.kind = 'step_stored'

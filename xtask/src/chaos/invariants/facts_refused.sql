-- A fact: a line that says that a report is refused, with a code of which the history knows when it is true.
--
-- `lease_lost` is wrong only of a lease that was alive all the time: it had not ended when the line was written, nor expired, and no heartbeat came within the
-- last 5 s of it, when another call might still have seen it expire. Nothing follows for a report that was refused after the same one had been accepted and its
-- answer lost.
select t.run_id,
  case when t.code = 'run_cancelled' and not exists (
         select from chaos.run_changes c where c.run_id = t.run_id and c.new_status = 'CANCELLED' and c.at <= t.at)
         then format('%s was told at %s, and the run was not CANCELLED', t.code, t.at)
       when t.code = 'already_finished' and not exists (
         select from chaos.run_changes c where c.run_id = t.run_id and c.new_status in ('SUCCEEDED', 'FAILED') and c.at <= t.at)
         then format('%s was told at %s, and the run had not ended', t.code, t.at)
       when t.code = 'lease_token_required' and not exists (
         select from chaos.leases l where l.run_id = t.run_id and l.claim_count > 1 and l.claimed_at <= t.at)
         then format('%s was told at %s, and the run was claimed once at most', t.code, t.at)
       when t.code in ('lease_lost', 'run_not_running') and exists (
         select from chaos.leases l
         where l.run_id = t.run_id
           and l.token = t.lease_token
           and l.claimed_at <= t.at
           and (l.ended_at is null or l.ended_at > t.at)
           and (select c.new_expires_at from chaos.run_changes c
                where c.run_id = l.run_id and c.new_token = l.token and c.new_status = 'RUNNING' and c.at <= t.at
                order by c.seq desc limit 1) > t.at
           and not exists (
             select from chaos.run_changes c
             where c.run_id = l.run_id and c.old_token = l.token and c.new_token = l.token and c.new_status = 'RUNNING' and c.at <= t.at
               and c.old_expires_at < c.at + interval '5 s'))
         then format('%s was told at %s of a lease that was alive', t.code, t.at) end
from chaos.ledger t
where t.kind = 'refused'
  and t.code in ('run_cancelled', 'already_finished', 'lease_token_required', 'lease_lost', 'run_not_running')

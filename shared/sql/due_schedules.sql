-- Which schedules are due, longest due first: of those that are merely late, or of those that have missed times, as MissedRuns tells them apart. While their
-- tenant or their pipeline is paused they wait.
--
-- $1 tenant, or null: any   $2, $3 next_due_at and id of the last one that was looked at, or null   $4 schedules at most
-- $5 whether those that have missed times
select s.next_due_at as "next_due_at!", s.id
from schedules s
join tenants t on t.id = s.tenant_id
join pipelines p on p.id = s.pipeline_id
where s.next_due_at > case when $5 then '-infinity' else now() - interval '5 min' end
  and s.next_due_at <= case when $5 then now() - interval '5 min' else now() end
  and not t.paused
  and not p.paused
  and ($1::uuid is null or s.tenant_id = $1)
  and ($2::timestamptz is null or (s.next_due_at, s.id) > ($2, $3::uuid))
order by s.next_due_at, s.id
limit $4

-- One page of pipelines, newest first.
--
-- $1 tenant, or null: any   $2 name, or null: any   $3, $4 created_at and id of the last pipeline of the page before, or null
-- $5 rows
select p.id, p.tenant_id, p.name, p.description, p.queue, p.max_running, p.paused, p.created_at
from pipelines p
where ($1::uuid is null or p.tenant_id = $1)
  and ($2::text is null or p.name = $2)
  and ($3::timestamptz is null or (p.created_at, p.id) < ($3, $4::uuid))
order by p.created_at desc, p.id desc
limit $5

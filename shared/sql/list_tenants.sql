-- One page of tenants, newest first.
--
-- $1 tenant, or null: any   $2, $3 created_at and id of the last tenant of the page before, or null   $4 rows
select t.id, t.name, t.max_running, t.paused, t.created_at
from tenants t
where ($1::uuid is null or t.id = $1)
  and ($2::timestamptz is null or (t.created_at, t.id) < ($2, $3::uuid))
order by t.created_at desc, t.id desc
limit $4

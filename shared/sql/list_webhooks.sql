-- One page of webhooks, newest first.
--
-- $1 tenant, or null: any   $2 name, or null: any   $3, $4 created_at and id of the last webhook of the page before, or null   $5 rows
select
  l.id, l.tenant_id as "tenant_id!", l.name, l.url as "url!", l.secret_ref as "secret_ref!", l.event_types as "event_types: Vec<EventType>",
  l.pipeline_id, l.paused, l.created_at
from listeners l
where l.tenant_id is not null
  and ($1::uuid is null or l.tenant_id = $1)
  and ($2::text is null or l.name = $2)
  and ($3::timestamptz is null or (l.created_at, l.id) < ($3, $4::uuid))
order by l.created_at desc, l.id desc
limit $5

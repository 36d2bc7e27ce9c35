-- Inserts a webhook of a tenant. No row: there is no such tenant, it has no such pipeline, or it has a webhook of this name.
--
-- $1 webhook id   $2 tenant   $3 name   $4 url   $5 name of the secret   $6 types of events, or null: all   $7 pipeline, or null: every one   $8 paused
insert into listeners as l (id, tenant_id, name, url, secret_ref, event_types, pipeline_id, paused)
select $1, t.id, $3, $4, $5, $6, $7, $8
from tenants t
where t.id = $2
  and ($7::uuid is null or exists (select from pipelines p where p.tenant_id = t.id and p.id = $7))
on conflict (tenant_id, name) do nothing
returning
  l.id, l.tenant_id as "tenant_id!", l.name, l.url as "url!", l.secret_ref as "secret_ref!", l.event_types as "event_types: Vec<EventType>",
  l.pipeline_id, l.paused, l.created_at

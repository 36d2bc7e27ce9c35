-- Changes a webhook; one that rests is tried again at once. No row: there is none in this scope, or its tenant has no such pipeline.
--
-- $1 tenant, or null: any   $2 webhook   $3 name, or null: as it is   $4 url, or null: as it is   $5 name of the secret, or null: as it is
-- $6 whether the types of events change   $7 to these   $8 whether the pipeline changes   $9 to this   $10 paused, or null: as it is
with changed as (
  update listeners l
  set name = coalesce($3, l.name),
      url = coalesce($4, l.url),
      secret_ref = coalesce($5, l.secret_ref),
      event_types = case when $6 then $7 else l.event_types end,
      pipeline_id = case when $8 then $9 else l.pipeline_id end,
      paused = coalesce($10, l.paused),
      -- An operator has opened private addresses to one URL, and not to whatever somebody else puts in its place.
      allow_private_addresses = l.allow_private_addresses and coalesce($4, l.url) = l.url
  where l.id = $2
    and l.tenant_id is not null
    and ($1::uuid is null or l.tenant_id = $1)
    and (not $8 or $9::uuid is null or exists (select from pipelines p where p.tenant_id = l.tenant_id and p.id = $9))
  returning l.id, l.tenant_id, l.name, l.url, l.secret_ref, l.event_types, l.pipeline_id, l.paused, l.created_at
),
rested as (
  update listener_health h
  set rests_until = null
  from changed
  where h.listener_id = changed.id and h.rests_until is not null
)
select
  c.id as "id!", c.tenant_id as "tenant_id!", c.name as "name!", c.url as "url!", c.secret_ref as "secret_ref!",
  c.event_types as "event_types: Vec<EventType>", c.pipeline_id, c.paused as "paused!", c.created_at as "created_at!"
from changed c

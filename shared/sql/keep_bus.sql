-- Brings the listener that stands for the event bus in step with the settings of whoever delivers. Writes nothing where it is.
--
-- $1 whether there is a bus
with made as (
  insert into listeners (id, name)
  select '00000000-0000-0000-0000-000000000000', 'event bus'
  where $1 and not exists (select from listeners l where l.tenant_id is null)
  on conflict do nothing
)
delete from listeners l where l.tenant_id is null and not $1

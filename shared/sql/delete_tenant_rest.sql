-- Deletes a tenant's webhooks, what anybody was still to be told about its runs, its pipelines, connections, workers and keys, the budgets of the keys with them. Its schedules are gone by then.
--
-- $1 tenant   $2 rows of each kind at most
with webhook as (
  delete from listeners l
  where l.id = any (array(
    select i.id from listeners i where i.tenant_id = $1 limit $2 for update skip locked))
  returning l.id
),
health as (
  delete from listener_health h where h.listener_id = any (array(select webhook.id from webhook))
),
delivery as (
  delete from deliveries d
  where d.id = any (array(
    select i.id from deliveries i where i.tenant_id = $1 limit $2 for update skip locked))
  returning 1
),
pipeline as (
  delete from pipelines p
  where p.id = any (array(
    select i.id from pipelines i
    -- Webhooks of a pipeline's runs would go with it, uncounted.
    where i.tenant_id = $1 and not exists (select from listeners l where l.tenant_id = $1)
    limit $2 for update skip locked))
  returning 1
),
connection as (
  delete from connections c
  where c.id = any (array(
    select i.id from connections i where i.tenant_id = $1 limit $2 for update skip locked))
  returning 1
),
worker as (
  delete from workers w
  where w.id = any (array(
    select i.id from workers i where i.tenant_id = $1 limit $2 for update skip locked))
  returning 1
),
key as (
  delete from api_keys k
  where k.id = any (array(
    select i.id from api_keys i where i.tenant_id = $1 limit $2 for update skip locked))
  returning 1
)
select (select count(*) from webhook) + (select count(*) from delivery) + (select count(*) from pipeline) + (select count(*) from connection) + (select count(*) from worker)
  + (select count(*) from key) as "rows!"

-- Deletes a tenant's pipelines, connections, workers and keys, the budgets of the keys with them. Its schedules are gone by then.
--
-- $1 tenant   $2 rows of each kind at most
with pipeline as (
  delete from pipelines p
  where p.id = any (array(
    select i.id from pipelines i where i.tenant_id = $1 limit $2 for update skip locked))
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
select (select count(*) from pipeline) + (select count(*) from connection) + (select count(*) from worker)
  + (select count(*) from key) as "rows!"

-- Inserts a pipeline of a tenant. No row: there is no such tenant, or it has a pipeline of this name.
--
-- $1 pipeline id   $2 tenant   $3 name   $4 description, or null   $5 queue, or null   $6 max_running, or null   $7 paused
insert into pipelines as p (id, tenant_id, name, description, queue, max_running, paused)
select $1, t.id, $3, $4, $5, $6, $7
from tenants t
where t.id = $2
on conflict (tenant_id, name) do nothing
returning p.id, p.tenant_id, p.name, p.description, p.queue, p.max_running, p.paused, p.created_at

-- Inserts a connection of a tenant. No row: there is no such tenant, or it has a connection of this name.
--
-- $1 connection id   $2 tenant   $3 name   $4 kind   $5 config   $6 name of the secret, or null
insert into connections as c (id, tenant_id, name, kind, config, secret_ref)
select $1, t.id, $3, $4, $5, $6
from tenants t
where t.id = $2
on conflict (tenant_id, name) do nothing
returning c.id, c.tenant_id, c.name, c.kind as "kind: ConnectionKind", c.config, c.secret_ref, c.created_at

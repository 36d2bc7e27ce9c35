-- One page of connections, newest first.
--
-- $1 tenant, or null: any   $2 kind, or null: any   $3, $4 created_at and id of the last connection of the page before, or null
-- $5 rows
select c.id, c.tenant_id, c.name, c.kind as "kind: ConnectionKind", c.config, c.secret_ref, c.created_at
from connections c
where ($1::uuid is null or c.tenant_id = $1)
  and ($2::text is null or c.kind = $2)
  and ($3::timestamptz is null or (c.created_at, c.id) < ($3, $4::uuid))
order by c.created_at desc, c.id desc
limit $5

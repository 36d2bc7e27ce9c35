-- One page of connections, newest first.
--
-- $1 tenant, or null: any   $2 kind, or null: any   $3 name, or null: any
-- $4, $5 created_at and id of the last connection of the page before, or null   $6 rows
select c.id, c.tenant_id, c.name, c.kind as "kind: ConnectionKind", c.config, c.secret_ref, c.created_at
from connections c
where ($1::uuid is null or c.tenant_id = $1)
  and ($2::text is null or c.kind = $2)
  and ($3::text is null or c.name = $3)
  and ($4::timestamptz is null or (c.created_at, c.id) < ($4, $5::uuid))
order by c.created_at desc, c.id desc
limit $6

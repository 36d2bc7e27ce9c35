-- One page of keys, newest first.
--
-- $1 tenant, or null: any, and keys without tenant   $2, $3 created_at and id of the last key of the page before, or null   $4 rows
select k.id, k.tenant_id, k.name, k.roles, k.created_at, k.created_by, k.expires_at, k.revoked_at, k.revoked_by, k.last_used_at, k.requests_per_second
from api_keys k
where ($1::uuid is null or k.tenant_id = $1)
  and ($2::timestamptz is null or (k.created_at, k.id) < ($2, $3::uuid))
order by k.created_at desc, k.id desc
limit $4

-- Revokes a key. No row: there is none in this scope, or it is revoked already.
--
-- $1 tenant, or null: any   $2 key   $3 who does it
update api_keys k
set revoked_at = now(),
    revoked_by = $3
where k.id = $2
  and ($1::uuid is null or k.tenant_id = $1)
  and k.revoked_at is null
returning k.id, k.tenant_id, k.name, k.roles, k.created_at, k.created_by, k.expires_at, k.revoked_at, k.revoked_by, k.last_used_at, k.requests_per_second

-- Inserts a key. No row: there is no such tenant, or the key would have expired, or would live too long.
--
-- $1 key id   $2 tenant, or null: every tenant   $3 name   $4 roles   $5 SHA-256 of the secret   $6 who makes it   $7 when it expires, or null   $8 requests per second, or null
insert into api_keys as k (id, tenant_id, name, roles, secret_sha256, created_by, expires_at, requests_per_second)
select $1, $2::uuid, $3, $4, $5, $6, $7::timestamptz, $8
where ($2::uuid is null or exists (select from tenants t where t.id = $2))
  and ($7::timestamptz is null or ($7 > now() and $7 <= now() + interval '5 years'))
returning k.id, k.tenant_id, k.name, k.roles, k.created_at, k.created_by, k.expires_at, k.revoked_at, k.revoked_by, k.last_used_at, k.requests_per_second

-- Changes a tenant. No row: there is none in this scope.
--
-- $1 tenant, or null: any   $2 the tenant to change   $3 name, or null: as it is   $4 whether max_running changes   $5 to this
-- $6 paused, or null: as it is
update tenants t
set name = coalesce($3, t.name),
    max_running = case when $4 then $5 else t.max_running end,
    paused = coalesce($6, t.paused)
where t.id = $2
  and ($1::uuid is null or t.id = $1)
returning t.id, t.name, t.max_running, t.paused, t.created_at

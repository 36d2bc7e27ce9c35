-- Changes a pipeline. No row: there is none in this scope.
--
-- $1 tenant, or null: any   $2 pipeline   $3 name, or null: as it is   $4 whether the description changes   $5 to this
-- $6 whether the queue changes   $7 to this   $8 whether max_running changes   $9 to this   $10 paused, or null: as it is
update pipelines p
set name = coalesce($3, p.name),
    description = case when $4 then $5 else p.description end,
    queue = case when $6 then $7 else p.queue end,
    max_running = case when $8 then $9 else p.max_running end,
    paused = coalesce($10, p.paused)
where p.id = $2
  and ($1::uuid is null or p.tenant_id = $1)
returning p.id, p.tenant_id, p.name, p.description, p.queue, p.max_running, p.paused, p.created_at

-- Makes the dispatches of parked runs due that may go on: of each tenant and pipeline as many as it has slots, the best first.
--
-- $1 tenant, or null: any   $2 runs at most
with recursive lane (tenant_id, pipeline_id) as (
    -- A loose index scan over the tenants and pipelines that have parked runs.
    (select q.tenant_id, q.pipeline_id
     from pipeline_runs q
     where q.status = 'QUEUED' and q.dispatch = 'push' and q.dispatch_due_at is null and q.redispatch_at is null
       and q.tenant_id >= coalesce($1::uuid, '00000000-0000-0000-0000-000000000000')
     order by q.tenant_id, q.pipeline_id
     limit 1)
  union all
    select next.tenant_id, next.pipeline_id
    from lane
    cross join lateral (
      select q.tenant_id, q.pipeline_id
      from pipeline_runs q
      where q.status = 'QUEUED' and q.dispatch = 'push' and q.dispatch_due_at is null and q.redispatch_at is null
        and (q.tenant_id, q.pipeline_id) > (lane.tenant_id, lane.pipeline_id)
      order by q.tenant_id, q.pipeline_id
      limit 1
    ) next
    where $1 is null or next.tenant_id = $1
),
room as materialized (
  select lane.tenant_id, lane.pipeline_id,
    coalesce(of_tenant.slots, $2::bigint) as of_tenant,
    least(
      coalesce(of_tenant.slots, $2::bigint),
      of_tenant.pipeline_slots[array_position(of_tenant.pipelines, lane.pipeline_id)]) as slots
  from (select distinct l.tenant_id from lane l where $1 is null or l.tenant_id = $1) tenant
  cross join lateral count_slots(tenant.tenant_id) of_tenant
  join lane on lane.tenant_id = tenant.tenant_id
),
parked as materialized (
  select candidate.*, room.of_tenant
  from room
  cross join lateral (
    select q.id, q.tenant_id, q.concurrency_key, q.priority, q.available_at
    from pipeline_runs q
    where q.status = 'QUEUED' and q.dispatch = 'push' and q.dispatch_due_at is null and q.redispatch_at is null
      and q.tenant_id = room.tenant_id and q.pipeline_id = room.pipeline_id
      and not exists (
        select from pipeline_runs k
        where k.tenant_id = q.tenant_id and k.concurrency_key = q.concurrency_key and k.status = 'RUNNING'
          -- Says nothing new, but makes Postgres look for each key, however few it believes there are.
          and k.concurrency_key between q.concurrency_key and q.concurrency_key)
    order by q.priority desc, q.available_at, q.id
    limit least(room.slots, $2)
    for no key update skip locked
  ) candidate
  where room.slots > 0
),
-- Of each concurrency key one, and of each tenant as many as it has slots, whichever of its pipelines they are of.
of_key as (
  select p.*, row_number() over (
    partition by p.tenant_id, coalesce(p.concurrency_key, p.id::text), p.concurrency_key is null
    order by p.priority desc, p.available_at, p.id) as place
  from parked p
),
freed as (
  select k.*, row_number() over (partition by k.tenant_id order by k.priority desc, k.available_at, k.id) as place_in_tenant
  from of_key k
  where k.place = 1
)
update pipeline_runs r
set dispatch_due_at = greatest(r.available_at, now()), updated_at = now()
from (
  select f.id from freed f where f.place_in_tenant <= f.of_tenant order by f.place_in_tenant limit $2
) freed
where r.id = freed.id

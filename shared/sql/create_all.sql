-- create.sql for several runs, whose keys are all different. A run that is not returned was not inserted: a second read
-- says why.
--
-- An array each, with one entry for every run:
-- $1 run ids         $2 tenants          $3 pipeline versions  $4 trigger types    $5 parameters
-- $6 queue, or null: the pipeline's      $7 priorities         $8 labels           $9 dispatch: push or pull
-- $10 not before, or null: at once       $11 max attempts, or null: as the dag_spec's retry says
-- $12 max lost       $13 idempotency key, or null              $14 digest of the request, null without a key
-- $15 to be started by then, or null     $16 concurrency key, or null             $17 secret parameters, or null: none
-- $18 the schedule that makes it, or null                      $19 for this time, or null    $20 traceparent, or null
with version as materialized (
  -- Once for all runs of a version: a spec may have 256 KiB.
  select v.id, v.tenant_id, v.pipeline_id, p.queue,
    case when jsonb_typeof(v.dag_spec #> '{retry,max_attempts}') = 'number'
         then greatest(1, least(20, (v.dag_spec #> '{retry,max_attempts}')::numeric))::integer end as max_attempts,
    coalesce(v.dag_spec ->> 'kind', 'dag_v1') = 'dag_v1' as pushable,
    t.paused or t.max_running is not null or p.paused or p.max_running is not null as bounded
  from pipeline_versions v
  join pipelines p on p.id = v.pipeline_id
  join tenants t on t.id = v.tenant_id
  where v.id = any ($3::uuid[])
    and v.tenant_id = any ($2::uuid[])
    and v.status = 'APPROVED'
),
made as (
  insert into pipeline_runs as r (
    id, root_run_id, tenant_id, pipeline_id, pipeline_version_id, trigger_type, parameters, queue, priority, labels,
    dispatch, dispatch_due_at, available_at, max_attempts, max_lost, idempotency_key, request_sha256, start_by,
    concurrency_key, schedule_id, scheduled_for, traceparent)
  select
    a.id, a.id, v.tenant_id, v.pipeline_id, v.id, a.trigger_type, a.parameters, coalesce(a.queue, v.queue, 'default'),
    a.priority, a.labels, a.dispatch,
    case when a.dispatch = 'pull' then null
         when a.run_after > now() then a.run_after
         when (v.bounded or a.concurrency_key is not null) and obstacle(v.tenant_id, v.pipeline_id, a.concurrency_key) is not null then null
         else now() end,
    greatest(a.run_after, now()), coalesce(a.max_attempts, v.max_attempts, 1), a.max_lost, a.idempotency_key,
    a.request_sha256, a.start_by, a.concurrency_key, a.schedule_id, a.scheduled_for, a.traceparent
  from unnest(
      $1::uuid[], $2::uuid[], $3::uuid[], $4::text[], $5::jsonb[], $6::text[], $7::smallint[], $8::jsonb[], $9::text[],
      $10::timestamptz[], $11::integer[], $12::integer[], $13::text[], $14::bytea[], $15::timestamptz[], $16::text[],
      $18::uuid[], $19::timestamptz[], $20::text[])
    as a (id, tenant_id, version_id, trigger_type, parameters, queue, priority, labels, dispatch, run_after, max_attempts,
      max_lost, idempotency_key, request_sha256, start_by, concurrency_key, schedule_id, scheduled_for, traceparent)
  join version v on v.id = a.version_id and v.tenant_id = a.tenant_id
  where (a.start_by is null or a.start_by > now())
    and (a.dispatch = 'pull' or v.pushable)
  -- Of two requests with one key, the second waits for the first: in one order, so that no two wait for each other.
  order by a.tenant_id, a.idempotency_key, a.id
  on conflict (tenant_id, idempotency_key) where idempotency_key is not null do nothing
  returning
    r.id, r.tenant_id, r.pipeline_version_id, r.status, r.attempt, r.max_attempts, r.available_at,
    r.dispatch_due_at, r.started_at, r.finished_at, r.created_at, r.updated_at
),
secret as (
  insert into run_secrets (run_id, tenant_id, parameters)
  select m.id, m.tenant_id, s.parameters
  from made m
  join unnest($1::uuid[], $17::jsonb[]) as s (id, parameters) on s.id = m.id
  where s.parameters is not null
)
select
  m.id as "id!", m.tenant_id as "tenant_id!", m.pipeline_version_id as "pipeline_version_id!", m.status as "status!: RunStatus",
  m.attempt as "attempt!", m.max_attempts as "max_attempts!", m.available_at as "available_at!", m.dispatch_due_at, m.started_at, m.finished_at,
  m.created_at as "created_at!", m.updated_at as "updated_at!"
from made m

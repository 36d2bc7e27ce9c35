-- Inserts a new run of the lineage of one that FAILED or was CANCELLED, with the results that it keeps. No row: a second read says why.
--
-- $1 new run's id    $2 tenant, or null: any    $3 run to retry    $4 parameters, or null: the same
-- $5 another version of the same pipeline, or null: the same       $6 idempotency key, or null
-- $7 digest of the request, null without a key
-- An array each, with one entry for every step of which something is kept:
-- $8 its id    $9 whether the step as a whole is kept; else those of its items that need not run again
-- $10 rows of an older attempt than this are not
-- $11 secret parameters, or null: those of the run if its parameters are the same, else none
-- $12 traceparent, or null
with made as (
  insert into pipeline_runs as r (
    id, root_run_id, retry_of_run_id, tenant_id, pipeline_id, pipeline_version_id, trigger_type, parameters, queue, priority,
    labels, dispatch, dispatch_due_at, max_attempts, max_lost, idempotency_key, request_sha256,
    concurrency_key, schedule_id, scheduled_for, traceparent)
  select
    $1, o.root_run_id, o.id, o.tenant_id, o.pipeline_id, v.id, 'retry', coalesce($4::jsonb, o.parameters), o.queue, o.priority,
    o.labels, o.dispatch,
    case when o.dispatch = 'push' and obstacle(o.tenant_id, o.pipeline_id, o.concurrency_key) is null then now() end, o.max_attempts, o.max_lost, $6, $7,
    -- It is for the time that the first run of the lineage was for.
    o.concurrency_key, o.schedule_id, o.scheduled_for, $12
  from pipeline_runs o
  join pipeline_versions v on v.id = coalesce($5, o.pipeline_version_id) and v.pipeline_id = o.pipeline_id
  where o.id = $3
    and ($2::uuid is null or o.tenant_id = $2)
    and o.status in ('FAILED', 'CANCELLED')
    and v.status = 'APPROVED'
    -- An opaque spec is read by its own workers only, so there is nothing to push it to.
    and (o.dispatch = 'pull' or coalesce(v.dag_spec ->> 'kind', 'dag_v1') = 'dag_v1')
  -- Of two requests with one key, the second waits for the first and inserts nothing.
  on conflict (tenant_id, idempotency_key) where idempotency_key is not null do nothing
  returning
    r.id, r.tenant_id, r.pipeline_id, r.pipeline_version_id, r.status, r.trigger_type, r.parameters, r.queue, r.priority, r.labels, r.dispatch,
    r.dispatch_due_at, r.available_at, r.attempt, r.max_attempts, r.lost, r.max_lost, r.claim_count, r.claimed_by,
    r.claimed_at, r.lease_seconds, r.lease_expires_at, r.heartbeat_at, r.started_at, r.finished_at, r.output,
    r.error_code, r.error_message, r.retry_of_run_id, r.root_run_id, r.start_by, r.concurrency_key, r.schedule_id, r.scheduled_for, r.traceparent,
    r.created_at, r.updated_at
),
kept as (
  insert into run_steps (run_id, step_id, item, tenant_id, run_attempt, status, reason, attempts, output, output_ref, output_bytes,
    error, error_message, started_at, finished_at)
  select made.id, s.step_id, s.item, made.tenant_id, 0, s.status, s.reason, s.attempts, s.output, s.output_ref, s.output_bytes,
    s.error, s.error_message, s.started_at, s.finished_at
  from made
  cross join unnest($8::text[], $9::boolean[], $10::integer[]) as k (step_id, whole, oldest)
  join run_steps s on s.run_id = $3 and s.step_id = k.step_id
  where s.run_attempt >= k.oldest
    -- Items of a step that SUCCEEDED although some of them failed do not run again, and are not kept either: nobody reads them.
    and s.status in ('SUCCEEDED', 'SKIPPED')
    and (k.whole or s.item >= 0)
),
secret as (
  insert into run_secrets (run_id, tenant_id, parameters)
  select made.id, made.tenant_id, coalesce($11::jsonb, s.parameters)
  from made
  left join run_secrets s on s.run_id = $3 and $4::jsonb is null
  where coalesce($11::jsonb, s.parameters) is not null
)
select
  m.id as "id!", m.tenant_id as "tenant_id!", m.pipeline_id as "pipeline_id!", m.pipeline_version_id as "pipeline_version_id!",
  m.status as "status!: RunStatus", m.trigger_type as "trigger_type!", m.parameters as "parameters!", m.queue as "queue!",
  m.priority as "priority!", m.labels as "labels!: Json<Labels>", m.dispatch as "dispatch!: Dispatch", m.dispatch_due_at,
  m.available_at as "available_at!", m.attempt as "attempt!", m.max_attempts as "max_attempts!", m.lost as "lost!", m.max_lost as "max_lost!",
  m.claim_count as "claim_count!", m.claimed_by, m.claimed_at, m.lease_seconds, m.lease_expires_at, m.heartbeat_at, m.started_at,
  m.finished_at, m.output, m.error_code, m.error_message, m.retry_of_run_id, m.root_run_id as "root_run_id!", m.start_by, m.concurrency_key, m.schedule_id,
  m.scheduled_for, m.traceparent, m.created_at as "created_at!", m.updated_at as "updated_at!"
from made m

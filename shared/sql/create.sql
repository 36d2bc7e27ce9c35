-- Inserts a QUEUED run of an APPROVED version of the tenant's own. No row: a second read says why.
--
-- $1 run id          $2 tenant          $3 pipeline version   $4 trigger type      $5 parameters
-- $6 queue, or null: the pipeline's     $7 priority           $8 labels            $9 dispatch: push or pull
-- $10 not before, or null: at once      $11 max attempts, or null: as the dag_spec's retry says
-- $12 max lost       $13 idempotency key, or null            $14 digest of the request, null without a key
-- $15 to be started by then, or null      $16 concurrency key, or null             $17 secret parameters, or null: none
-- $18 traceparent, or null
with made as (
  insert into pipeline_runs as r (
    id, root_run_id, tenant_id, pipeline_id, pipeline_version_id, trigger_type, parameters, queue, priority, labels,
    dispatch, dispatch_due_at, available_at, max_attempts, max_lost, idempotency_key, request_sha256, start_by,
    concurrency_key, traceparent)
  select
    $1, $1, v.tenant_id, v.pipeline_id, v.id, $4, $5, coalesce($6, p.queue, 'default'), $7, $8,
    $9,
    -- SQS is not told of a run that nobody could claim: the sweep, or whoever frees a slot, finds it when it may go on.
    case when $9 = 'pull' then null
         when $10::timestamptz > now() then $10
         when (t.paused or t.max_running is not null or p.paused or p.max_running is not null or $16::text is not null)
              and obstacle(v.tenant_id, v.pipeline_id, $16) is not null then null
         else now() end,
    greatest($10, now()),
    coalesce(
      $11,
      -- A stranger's JSON: whatever is not a number counts as not given.
      case when jsonb_typeof(v.dag_spec #> '{retry,max_attempts}') = 'number'
           then greatest(1, least(20, (v.dag_spec #> '{retry,max_attempts}')::numeric))::integer end,
      1),
    $12, $13, $14, $15, $16, $18
  from pipeline_versions v
  join pipelines p on p.id = v.pipeline_id
  join tenants t on t.id = v.tenant_id
  where v.id = $3
    and v.tenant_id = $2
    and v.status = 'APPROVED'
    and ($15::timestamptz is null or $15 > now())
    -- An opaque spec is read by its own workers only, so there is nothing to push it to.
    and ($9 = 'pull' or coalesce(v.dag_spec ->> 'kind', 'dag_v1') = 'dag_v1')
  -- Of two requests with one key, the second waits for the first and inserts nothing.
  on conflict (tenant_id, idempotency_key) where idempotency_key is not null do nothing
  returning
    r.id, r.tenant_id, r.pipeline_id, r.pipeline_version_id, r.status, r.trigger_type, r.parameters, r.queue, r.priority, r.labels, r.dispatch,
    r.dispatch_due_at, r.available_at, r.attempt, r.max_attempts, r.lost, r.max_lost, r.claim_count, r.claimed_by,
    r.claimed_at, r.lease_seconds, r.lease_expires_at, r.heartbeat_at, r.started_at, r.finished_at, r.output,
    r.error_code, r.error_message, r.retry_of_run_id, r.root_run_id, r.start_by, r.concurrency_key, r.schedule_id, r.scheduled_for, r.traceparent,
    r.created_at, r.updated_at
),
secret as (
  insert into run_secrets (run_id, tenant_id, parameters)
  select m.id, m.tenant_id, $17
  from made m
  where $17::jsonb is not null
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

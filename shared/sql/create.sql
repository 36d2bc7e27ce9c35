-- Inserts a QUEUED run of an APPROVED version of the tenant's own. No row: a second read says why.
--
-- $1 run id          $2 tenant          $3 pipeline version   $4 trigger type      $5 parameters
-- $6 queue, or null: the pipeline's     $7 priority           $8 labels            $9 dispatch: push or pull
-- $10 not before, or null: at once      $11 max attempts, or null: as the dag_spec's retry says
-- $12 max lost       $13 idempotency key, or null            $14 digest of the request, null without a key
-- $15 to be started by then, or null      $16 concurrency key, or null
insert into pipeline_runs as r (
  id, root_run_id, tenant_id, pipeline_id, pipeline_version_id, trigger_type, parameters, queue, priority, labels,
  dispatch, dispatch_due_at, available_at, max_attempts, max_lost, idempotency_key, request_sha256, start_by,
  concurrency_key)
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
  $12, $13, $14, $15, $16
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
  r.id, r.tenant_id, r.pipeline_id, r.pipeline_version_id, r.status as "status: RunStatus", r.trigger_type,
  r.parameters, r.queue, r.priority, r.labels as "labels: Json<Labels>", r.dispatch as "dispatch: Dispatch",
  r.dispatch_due_at, r.available_at, r.attempt, r.max_attempts, r.lost, r.max_lost, r.claim_count, r.claimed_by,
  r.claimed_at, r.lease_seconds, r.lease_expires_at, r.heartbeat_at, r.started_at, r.finished_at, r.output,
  r.error_code, r.error_message, r.retry_of_run_id, r.root_run_id, r.start_by, r.concurrency_key, r.created_at, r.updated_at

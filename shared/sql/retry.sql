-- Inserts a new run of the lineage of one that FAILED or was CANCELLED. No row: a second read says why.
--
-- $1 new run's id    $2 tenant, or null: any    $3 run to retry    $4 parameters, or null: the same
-- $5 another version of the same pipeline, or null: the same       $6 idempotency key, or null
-- $7 digest of the request, null without a key
insert into pipeline_runs as r (
  id, root_run_id, retry_of_run_id, tenant_id, pipeline_id, pipeline_version_id, trigger_type, parameters, queue, priority,
  labels, dispatch, dispatch_due_at, max_attempts, max_lost, idempotency_key, request_sha256,
  concurrency_key)
select
  $1, o.root_run_id, o.id, o.tenant_id, o.pipeline_id, v.id, 'retry', coalesce($4::jsonb, o.parameters), o.queue, o.priority,
  o.labels, o.dispatch,
  case when o.dispatch = 'push' and obstacle(o.tenant_id, o.pipeline_id, o.concurrency_key) is null then now() end, o.max_attempts, o.max_lost, $6, $7,
  o.concurrency_key
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
  r.id, r.tenant_id, r.pipeline_id, r.pipeline_version_id, r.status as "status: RunStatus", r.trigger_type,
  r.parameters, r.queue, r.priority, r.labels as "labels: Json<Labels>", r.dispatch as "dispatch: Dispatch",
  r.dispatch_due_at, r.available_at, r.attempt, r.max_attempts, r.lost, r.max_lost, r.claim_count, r.claimed_by,
  r.claimed_at, r.lease_seconds, r.lease_expires_at, r.heartbeat_at, r.started_at, r.finished_at, r.output,
  r.error_code, r.error_message, r.retry_of_run_id, r.root_run_id, r.start_by, r.concurrency_key, r.created_at, r.updated_at

-- A run with its version, the attempts that ended badly, what it waits for, and what is stored of its steps, without outputs. Of more than 1000 steps
-- the first 1000 by their ids are shown: a spec has 200 at most.
--
-- $1 tenant, or null: any   $2 run
select
  r.id, r.tenant_id, r.pipeline_id, r.pipeline_version_id, r.status as "status: RunStatus", r.trigger_type,
  r.parameters, r.queue, r.priority, r.labels as "labels: Json<Labels>", r.dispatch as "dispatch: Dispatch",
  r.dispatch_due_at, r.available_at, r.attempt, r.max_attempts, r.lost, r.max_lost, r.claim_count, r.claimed_by,
  r.claimed_at, r.lease_seconds, r.lease_expires_at, r.heartbeat_at, r.started_at, r.finished_at, r.output,
  r.error_code, r.error_message, r.retry_of_run_id, r.root_run_id, r.start_by, r.concurrency_key, r.schedule_id, r.scheduled_for, r.traceparent,
  r.created_at, r.updated_at,
  v.version, v.status as version_status, v.dag_spec,
  (select coalesce(jsonb_agg(jsonb_build_object(
       'attempt', a.attempt, 'outcome', a.outcome, 'claimed_by', a.claimed_by, 'claimed_at', a.claimed_at,
       'ended_at', a.ended_at, 'error_code', a.error_code, 'error_message', a.error_message) order by a.claim_number), '[]')
   from run_attempts a where a.run_id = r.id) as "attempts!: Json<Vec<Attempt>>",
  (select coalesce(jsonb_agg(to_jsonb(step)), '[]')
   from (
     select s.step_id, s.run_attempt, s.status, s.reason, s.attempts, s.error,
       case when length(s.error_message) > 500 then left(s.error_message, 499) || '…' else s.error_message end as error_message,
       s.started_at, s.finished_at, s.resume_at, s.output_bytes, s.output_ref
     from run_steps s
     where s.run_id = r.id and s.item = -1
     order by s.step_id
     limit 1000
   ) step) as "steps!: Json<Vec<StepRow>>",
  (select coalesce(jsonb_agg(to_jsonb(items)), '[]')
   from (
     select i.step_id, i.run_attempt, i.status, count(*) as count
     from run_steps i
     where i.run_id = r.id and i.item >= 0
     group by i.step_id, i.run_attempt, i.status
     order by i.step_id
     limit 10000
   ) items) as "items!: Json<Vec<ItemGroup>>",
  case
    when r.status <> 'QUEUED' then null
    when r.available_at > now() and exists (
      select from run_attempts a where a.run_id = r.id and a.claim_number = r.claim_count and a.outcome = 'FAILED')
      then 'backoff'
    when r.available_at > now() then 'delayed'
    else coalesce(
      obstacle(r.tenant_id, r.pipeline_id, r.concurrency_key),
      case when r.dispatch_due_at is not null then 'dispatch' else 'worker' end)
  end as "waiting_reason: WaitingReason",
  case when r.available_at > now() then r.queued_at else greatest(r.queued_at, r.available_at) end as "waiting_since!",
  r.dispatches, r.redispatch_at
from pipeline_runs r
join pipeline_versions v on v.id = r.pipeline_version_id
where r.id = $2
  and ($1::uuid is null or r.tenant_id = $1)

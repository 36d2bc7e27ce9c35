-- Claims the runs that messages name, each if it is QUEUED and due, or if its lease has expired, and if its tenant, its pipeline
-- and its concurrency_key let it: a row for each that was claimed. The function is in migrations/20261124000003_queue.up.sql.
--
-- $1 of each the tenant it has to belong to, or null: any   $2 runs   $3 worker   $4 lease in seconds
select
  (c.run).id as "id!", (c.run).tenant_id as "tenant_id!", (c.run).pipeline_id as "pipeline_id!",
  (c.run).pipeline_version_id as "pipeline_version_id!", (c.run).status as "status!: RunStatus",
  (c.run).trigger_type as "trigger_type!", (c.run).parameters as "parameters!", (c.run).queue as "queue!",
  (c.run).priority as "priority!", (c.run).labels as "labels!: Json<Labels>", (c.run).dispatch as "dispatch!: Dispatch",
  (c.run).dispatch_due_at as "dispatch_due_at?", (c.run).available_at as "available_at!", (c.run).attempt as "attempt!",
  (c.run).max_attempts as "max_attempts!", (c.run).lost as "lost!", (c.run).max_lost as "max_lost!",
  (c.run).claim_count as "claim_count!", (c.run).claimed_by as "claimed_by?", (c.run).claimed_at as "claimed_at?",
  (c.run).lease_seconds as "lease_seconds?", (c.run).lease_expires_at as "lease_expires_at?",
  (c.run).heartbeat_at as "heartbeat_at?", (c.run).started_at as "started_at?", (c.run).finished_at as "finished_at?",
  (c.run).output as "output?", (c.run).error_code as "error_code?", (c.run).error_message as "error_message?",
  (c.run).retry_of_run_id as "retry_of_run_id?", (c.run).root_run_id as "root_run_id!", (c.run).start_by as "start_by?",
  (c.run).concurrency_key as "concurrency_key?", (c.run).schedule_id as "schedule_id?",
  (c.run).scheduled_for as "scheduled_for?", (c.run).traceparent as "traceparent?", (c.run).created_at as "created_at!",
  (c.run).updated_at as "updated_at!", (c.run).lease_token as "lease_token!",
  c.version_status as "version_status!", c.dag_spec as "dag_spec!", c.bounded as "bounded!"
from claim_runs_by_id($1, $2, $3, $4) c

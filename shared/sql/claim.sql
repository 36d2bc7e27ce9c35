-- Claims runs: a row for each, or one without a run. The last row says how the next claim goes on. The search is a function, in
-- migrations/20261124000003_queue.up.sql, as each of its steps has to see what was committed a moment ago.
--
-- $1 tenant, or null: any         $2 queues, or null: all      $3 only runs that are pushed   $4 worker      $5 lease in seconds
-- $6 the caller's claim_id, or null                            $7 runs at most                $8 tenants to look at, at most
-- $9 tenant that had the last turn                             $10 where a search that was broken off has begun, or null
-- $11 tenants with marks          $12, $13 available_at and id of their ten marks each         $14 whether it may start over
-- $15 up to when expired leases were looked at, or null        $16 whether to note that the worker is alive
select
  (c.run).id as "id?", (c.run).tenant_id as "tenant_id?", (c.run).pipeline_id as "pipeline_id?",
  (c.run).pipeline_version_id as "pipeline_version_id?", (c.run).status as "status?: RunStatus",
  (c.run).trigger_type as "trigger_type?", (c.run).parameters as "parameters?", (c.run).queue as "queue?",
  (c.run).priority as "priority?", (c.run).labels as "labels?: Json<Labels>", (c.run).dispatch as "dispatch?: Dispatch",
  (c.run).dispatch_due_at as "dispatch_due_at?", (c.run).available_at as "available_at?", (c.run).attempt as "attempt?",
  (c.run).max_attempts as "max_attempts?", (c.run).lost as "lost?", (c.run).max_lost as "max_lost?",
  (c.run).claim_count as "claim_count?", (c.run).claimed_by as "claimed_by?", (c.run).claimed_at as "claimed_at?",
  (c.run).lease_seconds as "lease_seconds?", (c.run).lease_expires_at as "lease_expires_at?",
  (c.run).heartbeat_at as "heartbeat_at?", (c.run).started_at as "started_at?", (c.run).finished_at as "finished_at?",
  (c.run).output as "output?", (c.run).error_code as "error_code?", (c.run).error_message as "error_message?",
  (c.run).retry_of_run_id as "retry_of_run_id?", (c.run).root_run_id as "root_run_id?", (c.run).start_by as "start_by?",
  (c.run).concurrency_key as "concurrency_key?", (c.run).schedule_id as "schedule_id?",
  (c.run).scheduled_for as "scheduled_for?", (c.run).traceparent as "traceparent?", (c.run).created_at as "created_at?",
  (c.run).updated_at as "updated_at?", (c.run).lease_token as "lease_token?",
  c.version_status as "version_status?", c.dag_spec as "dag_spec?", c.bounded as "bounded?",
  c.in_use as "in_use!", c.more as "more!", c.last_turn, c.started_over as "started_over!", c.search_seconds as "search_seconds!",
  c.emptied, c.new_tenants, c.new_priorities, c.new_times, c.new_runs, c.new_leases_seen
from claim_runs($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, $15, $16) c

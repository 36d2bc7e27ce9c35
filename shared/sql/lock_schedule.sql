-- A schedule before it is changed: nobody else changes it, or creates its runs, until the transaction ends. No row: there is none in
-- this scope.
--
-- $1 tenant, or null: any   $2 schedule
select
  s.id, s.tenant_id, s.name, s.pipeline_id, s.pipeline_version_id, s.cron, s.time_zone,
  s.missed_runs as "missed_runs: MissedRuns", s.starts_at, s.ends_at, s.paused, s.parameters as "parameters: Json<Map<String, Value>>",
  s.queue, s.priority, s.labels as "labels: Json<Labels>", s.dispatch as "dispatch: Dispatch", s.max_attempts, s.max_lost,
  s.concurrency_key, s.next_due_at, s.last_due_at, s.last_run_id, s.last_error, s.last_error_at, s.created_at, s.updated_at,
  now() as "now!", t.paused or p.paused as "held!"
from schedules s
join tenants t on t.id = s.tenant_id
join pipelines p on p.id = s.pipeline_id
where s.id = $2
  and ($1::uuid is null or s.tenant_id = $1)
for no key update of s

-- One page of schedules, newest first.
--
-- $1 tenant, or null: any   $2 pipeline, or null: any   $3 name, or null: any   $4 whether they are paused, or null: either
-- $5, $6 created_at and id of the last schedule of the page before, or null   $7 rows
select
  s.id, s.tenant_id, s.name, s.pipeline_id, s.pipeline_version_id, s.cron, s.time_zone,
  s.missed_runs as "missed_runs: MissedRuns", s.starts_at, s.ends_at, s.paused, s.parameters as "parameters: Json<Map<String, Value>>",
  s.queue, s.priority, s.labels as "labels: Json<Labels>", s.dispatch as "dispatch: Dispatch", s.max_attempts, s.max_lost,
  s.concurrency_key, s.next_due_at, s.last_due_at, s.last_run_id, s.last_error, s.last_error_at, s.created_at, s.updated_at
from schedules s
where ($1::uuid is null or s.tenant_id = $1)
  and ($2::uuid is null or s.pipeline_id = $2)
  and ($3::text is null or s.name = $3)
  and ($4::boolean is null or s.paused = $4)
  and ($5::timestamptz is null or (s.created_at, s.id) < ($5, $6::uuid))
order by s.created_at desc, s.id desc
limit $7

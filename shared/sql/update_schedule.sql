-- Writes what a schedule is about, as it is from now on. The caller has locked it.
--
-- $1 schedule   $2 name   $3 pipeline version, or null: the one that was approved last   $4 cron   $5 time zone   $6 missed runs
-- $7 not before, or null   $8 not after, or null   $9 paused   $10 parameters   $11 queue, or null   $12 priority   $13 labels
-- $14 dispatch   $15 max attempts, or null   $16 max lost   $17 concurrency key, or null
-- $18 whether it is due next at another time   $19 at this one, or null: never
update schedules s
set name = $2, pipeline_version_id = $3, cron = $4, time_zone = $5, missed_runs = $6, starts_at = $7, ends_at = $8, paused = $9,
    parameters = $10, queue = $11, priority = $12, labels = $13, dispatch = $14, max_attempts = $15, max_lost = $16,
    concurrency_key = $17, next_due_at = case when $18 then $19 else s.next_due_at end, updated_at = now()
where s.id = $1
returning
  s.id, s.tenant_id, s.name, s.pipeline_id, s.pipeline_version_id, s.cron, s.time_zone,
  s.missed_runs as "missed_runs: MissedRuns", s.starts_at, s.ends_at, s.paused, s.parameters as "parameters: Json<Map<String, Value>>",
  s.queue, s.priority, s.labels as "labels: Json<Labels>", s.dispatch as "dispatch: Dispatch", s.max_attempts, s.max_lost,
  s.concurrency_key, s.next_due_at, s.last_due_at, s.last_run_id, s.last_error, s.last_error_at, s.created_at, s.updated_at

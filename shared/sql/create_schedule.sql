-- Inserts a schedule of a pipeline of the tenant's own. No row: the tenant has a schedule of this name.
--
-- $1 schedule id   $2 tenant   $3 name   $4 pipeline   $5 pipeline version, or null: the one that was approved last
-- $6 cron   $7 time zone   $8 missed runs   $9 not before, or null   $10 not after, or null   $11 paused
-- What its runs get, as create.sql has it:
-- $12 parameters   $13 queue, or null   $14 priority   $15 labels   $16 dispatch   $17 max attempts, or null   $18 max lost
-- $19 concurrency key, or null
-- $20 when it is due first, or null: never
insert into schedules as s (
  id, tenant_id, name, pipeline_id, pipeline_version_id, cron, time_zone, missed_runs, starts_at, ends_at, paused, parameters,
  queue, priority, labels, dispatch, max_attempts, max_lost, concurrency_key, next_due_at)
values ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, $15, $16, $17, $18, $19, $20)
on conflict (tenant_id, name) do nothing
returning
  s.id, s.tenant_id, s.name, s.pipeline_id, s.pipeline_version_id, s.cron, s.time_zone,
  s.missed_runs as "missed_runs: MissedRuns", s.starts_at, s.ends_at, s.paused, s.parameters as "parameters: Json<Map<String, Value>>",
  s.queue, s.priority, s.labels as "labels: Json<Labels>", s.dispatch as "dispatch: Dispatch", s.max_attempts, s.max_lost,
  s.concurrency_key, s.next_due_at, s.last_due_at, s.last_run_id, s.last_error, s.last_error_at, s.created_at, s.updated_at

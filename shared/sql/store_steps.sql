-- Stores results of steps and items of one run, each given once, and tells the run's log about what has changed. No row: holder.sql says why.
--
-- What has ended within this attempt of the run stays as it is; what is of an older attempt is written over. So storing twice is storing once.
--
-- $1 tenant, or null: any   $2 run   $3 lease token   $4 how long this attempt of the run has been worked on, in milliseconds
-- An array each, with one entry for every step or item, null where there is nothing:
-- $5 step id      $6 item, or -1: the step as a whole   $7 status        $8 reason     $9 attempts of it
-- $10 output      $11 where the output is               $12 bytes of it  $13 error     $14 error message
-- $15 started at  $16 finished at; now, if it has ended and null stands here           $17 to be resumed at
-- $18 id of the line of the log                         $19 its level    $20 its message; null: no line
-- $21 id of the line that it has begun, for a step whose beginning was not stored before
with held as materialized (
  select h.id, h.tenant_id, h.attempt
  from pipeline_runs h
  where h.id = $2
    and h.lease_token = $3
    -- Only RUNNING rows have one (see the constraints), so the status needs no literal. A lease that has expired is as good as one that
    -- lives: nobody else has the run.
    and h.lease_expires_at is not null
    and ($1::uuid is null or h.tenant_id = $1)
  -- Nobody takes it over, cancels or completes it before this is stored.
  for share
),
given as materialized (
  select held.id as run_id, held.tenant_id, held.attempt as run_attempt, g.step_id, g.item, g.status, g.reason, g.attempts, g.output,
    g.output_ref, g.output_bytes, g.error, g.error_message, g.started_at,
    coalesce(g.finished_at, case when g.status in ('SUCCEEDED', 'FAILED', 'SKIPPED', 'CANCELLED') then now() end) as finished_at,
    g.resume_at, g.log_id, g.log_level, g.log_message, g.start_id,
    -- The outputs of its items are in that of the step.
    bool_or(g.item = -1 and g.status = 'SUCCEEDED') over (partition by g.step_id) as within_its_step,
    (was.run_attempt, was.status, was.attempts, was.resume_at)
      is distinct from (held.attempt, g.status, g.attempts, g.resume_at) as is_news,
    -- Nothing of it is known, and its own line does not say that it has begun.
    was.run_attempt is distinct from held.attempt and g.item = -1 and g.started_at is not null
      and (g.status <> 'RUNNING' or g.resume_at is not null) as has_begun_unseen
  from held
  cross join unnest(
    $5::text[], $6::integer[], $7::text[], $8::text[], $9::integer[], $10::jsonb[], $11::text[], $12::bigint[], $13::text[], $14::text[],
    $15::timestamptz[], $16::timestamptz[], $17::timestamptz[], $18::uuid[], $19::text[], $20::text[], $21::uuid[])
    as g (step_id, item, status, reason, attempts, output, output_ref, output_bytes, error, error_message, started_at, finished_at,
          resume_at, log_id, log_level, log_message, start_id)
  -- One by one, so that they are looked up by key however few Postgres expects in the table.
  left join lateral (
    select w.run_attempt, w.status, w.attempts, w.resume_at
    from run_steps w
    where w.run_id = held.id and w.step_id = g.step_id and w.item = g.item
    limit 1
  ) was on true
),
stored as (
  insert into run_steps as s (run_id, step_id, item, tenant_id, run_attempt, status, reason, attempts, output, output_ref, output_bytes,
    error, error_message, started_at, finished_at, resume_at, worked_ms)
  select g.run_id, g.step_id, g.item, g.tenant_id, g.run_attempt, g.status, g.reason, g.attempts,
    case when g.item = -1 or not g.within_its_step then g.output end, g.output_ref, g.output_bytes,
    g.error, g.error_message, g.started_at, g.finished_at, g.resume_at, $4
  from given g
  -- Of two who store the same, one waits for the other, and never each for the other.
  order by g.step_id, g.item
  on conflict (run_id, step_id, item) do update
  set run_attempt = excluded.run_attempt,
      status = excluded.status,
      reason = excluded.reason,
      attempts = excluded.attempts,
      output = excluded.output,
      output_ref = excluded.output_ref,
      output_bytes = excluded.output_bytes,
      error = excluded.error,
      error_message = excluded.error_message,
      started_at = excluded.started_at,
      finished_at = excluded.finished_at,
      resume_at = excluded.resume_at,
      worked_ms = excluded.worked_ms,
      updated_at = now()
  where s.run_attempt <> excluded.run_attempt
     or (s.finished_at is null
         and (s.status, s.attempts, s.error, s.error_message, s.started_at, s.resume_at, s.worked_ms)
           is distinct from (excluded.status, excluded.attempts, excluded.error, excluded.error_message, excluded.started_at,
                             excluded.resume_at, excluded.worked_ms))
  returning s.step_id, s.item, s.status
),
emptied as (
  update run_steps i
  set output = null
  where i.run_id = $2
    -- As an array, for the same reason; mostly an empty one.
    and i.step_id = any (array(select w.step_id from stored w where w.item = -1 and w.status = 'SUCCEEDED'))
    and i.item >= 0
    and i.output is not null
    -- Those are written above.
    and not exists (select from given g where g.step_id = i.step_id and g.item = i.item)
),
told as (
  insert into run_logs (run_id, id, tenant_id, level, message, source, meta)
  select g.run_id, g.log_id, g.tenant_id, g.log_level, g.log_message, 'executor',
    jsonb_build_object('step_id', g.step_id, 'item', nullif(g.item, -1), 'status', g.status, 'attempts', g.attempts,
                       'run_attempt', g.run_attempt)
  from given g
  where g.log_message is not null
    and g.is_news
    and (g.step_id, g.item) in (select w.step_id, w.item from stored w)
  union all
  select g.run_id, g.start_id, g.tenant_id, 'info', format('step %s started', g.step_id), 'executor',
    jsonb_build_object('step_id', g.step_id, 'item', null, 'status', 'RUNNING', 'attempts', 1, 'run_attempt', g.run_attempt)
  from given g
  where g.has_begun_unseen
    and (g.step_id, g.item) in (select w.step_id, w.item from stored w)
)
select held.tenant_id, held.attempt, (select count(*) from stored) as "changed!"
from held

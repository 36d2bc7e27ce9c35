-- One page of what is stored of a run's steps and items, by step id and item, with how long the run's present attempt has been worked on. A row
-- without a step: there is none, or none after that place. No row: there is no such run.
--
-- A page ends before it is larger than it may be; one row is on it in any case. `follows` in its last row: there are more.
--
-- $1 tenant, or null: any   $2 run   $3, $4 step id and item of the last row of the page before, or null
-- $5 rows at most           $6 bytes at most              $7 how long it has been worked on, as the page before said, or null
with run as materialized (
  select r.tenant_id,
    -- That reads all rows of the run: once.
    coalesce($7::bigint, (select max(w.worked_ms) from run_steps w where w.run_id = r.id and w.run_attempt = r.attempt), 0) as worked_ms
  from pipeline_runs r
  where r.id = $2
    and ($1::uuid is null or r.tenant_id = $1)
),
page as materialized (
  select s.step_id, s.item, s.run_attempt, s.status, s.reason, s.attempts, s.output, s.output_ref, s.output_bytes, s.error, s.error_message,
    s.started_at, s.finished_at, s.resume_at
  from run_steps s
  where s.run_id = $2
    and exists (select from run)
    and (s.step_id, s.item) > (coalesce($3::text, ''), coalesce($4::integer, -2))
  order by s.step_id, s.item
  limit $5::bigint + 1
),
place as (
  select p.step_id, p.item,
    row_number() over places as number,
    -- The output, the message with what is escaped in it, and what stands around them.
    sum(case when p.output is null then 0 else coalesce(p.output_bytes, 0) end + 2 * coalesce(octet_length(p.error_message), 0) + 700)
      over places as bytes,
    lead(p.item) over places is not null as follows
  from page p
  window places as (order by p.step_id, p.item)
)
select
  run.tenant_id, run.worked_ms as "worked_ms!",
  p.step_id as "step_id?", p.item as "item?", p.run_attempt as "run_attempt?", p.status as "status?: StepStatus",
  p.reason as "reason?: SkipReason", p.attempts as "attempts?", p.output as "output?", p.output_ref as "output_ref?",
  p.output_bytes as "output_bytes?", p.error as "error?", p.error_message as "error_message?", p.started_at as "started_at?",
  p.finished_at as "finished_at?", p.resume_at as "resume_at?", place.follows as "follows?"
from run
left join (place join page p on p.step_id = place.step_id and p.item = place.item)
  on place.number <= $5 and (place.bytes <= $6 or place.number = 1)
order by place.number

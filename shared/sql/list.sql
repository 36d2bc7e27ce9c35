-- One page of runs, newest first: walks the index of run_list that fits the filters, and fetches the runs by their ids. Planned anew
-- for every call (db::Plans::Custom), so that a filter that is null vanishes and the index of the ones that remain is used.
-- Statuses alone have a statement of their own (list_by_status.sql).
--
-- $1 tenant              $2 statuses           $3 queue              $4 pipeline          $5 pipeline version
-- $6 labels it must have                       $7 created after      $8 created before
-- $9, $10 created_at and id of the last run of the page before       $11 rows             $12 rows to skip
-- ($1 to $10: null = does not matter)
select
  r.id, r.tenant_id, r.pipeline_id, r.pipeline_version_id, r.status as "status: RunStatus", r.trigger_type,
  r.parameters, r.queue, r.priority, r.labels as "labels: Json<Labels>", r.dispatch as "dispatch: Dispatch",
  r.dispatch_due_at, r.available_at, r.attempt, r.max_attempts, r.lost, r.max_lost, r.claim_count, r.claimed_by,
  r.claimed_at, r.lease_seconds, r.lease_expires_at, r.heartbeat_at, r.started_at, r.finished_at, r.output,
  r.error_code, r.error_message, r.retry_of_run_id, r.root_run_id, r.start_by, r.concurrency_key, r.schedule_id, r.scheduled_for, r.traceparent,
  r.created_at, r.updated_at
from pipeline_runs r
-- All ids of the page at once: runs that were created one after the other are neighbours in their index, which is then gone down once, and
-- not once for each of them.
where r.id = any (array(
  select l.id
  from run_list l
  -- Falls away where no status is asked for.
  left join pipeline_runs s on s.id = l.id
  where ($1::uuid is null or l.tenant_id = $1)
    -- The second half is for a status so rare that its runs are found first, and their places in the list afterwards.
    and ($2::text[] is null or (s.status = any ($2) and ($1 is null or s.tenant_id = $1)))
    and ($3::text is null or l.queue = $3)
    and ($4::uuid is null or l.pipeline_id = $4)
    and ($5::uuid is null or l.pipeline_version_id = $5)
    and ($6::jsonb is null or l.labels @> $6)
    and ($7::timestamptz is null or l.created_at > $7)
    and ($8::timestamptz is null or l.created_at < $8)
    and ($9::timestamptz is null or (l.created_at, l.id) < ($9, $10::uuid))
  order by l.created_at desc, l.id desc
  limit $11
  offset $12
))
order by r.created_at desc, r.id desc

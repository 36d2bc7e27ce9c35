-- One page of runs, newest first. Planned anew for every call (db::Plans::Custom), so that a filter that is null vanishes
-- and the index of the ones that remain is used.
--
-- $1 tenant              $2 status             $3 statuses, when more than one is asked for
-- $4 queue               $5 pipeline           $6 pipeline version      $7 labels it must have
-- $8 created after       $9 created before     $10, $11 created_at and id of the last run of the page before
-- $12 rows               $13 rows to skip      ($1 to $11: null = does not matter)
select
  r.id, r.tenant_id, r.pipeline_id, r.pipeline_version_id, r.status as "status: RunStatus", r.trigger_type,
  r.parameters, r.queue, r.priority, r.labels as "labels: Json<Labels>", r.dispatch as "dispatch: Dispatch",
  r.dispatch_due_at, r.available_at, r.attempt, r.max_attempts, r.lost, r.max_lost, r.claim_count, r.claimed_by,
  r.claimed_at, r.lease_seconds, r.lease_expires_at, r.heartbeat_at, r.started_at, r.finished_at, r.output,
  r.error_code, r.error_message, r.retry_of_run_id, r.root_run_id, r.start_by, r.concurrency_key, r.created_at, r.updated_at
from pipeline_runs r
where ($1::uuid is null or r.tenant_id = $1)
  and ($2::text is null or r.status = $2)
  and ($3::text[] is null or r.status = any ($3))
  and ($4::text is null or r.queue = $4)
  and ($5::uuid is null or r.pipeline_id = $5)
  and ($6::uuid is null or r.pipeline_version_id = $6)
  -- The second half says what the index of labels is about.
  and ($7::jsonb is null or (r.labels @> $7 and r.labels <> '{}'))
  and ($8::timestamptz is null or r.created_at > $8)
  and ($9::timestamptz is null or r.created_at < $9)
  and ($10::timestamptz is null or (r.created_at, r.id) < ($10, $11::uuid))
order by r.created_at desc, r.id desc
limit $12
offset $13

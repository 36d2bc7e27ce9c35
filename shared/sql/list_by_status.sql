-- One page of runs of some statuses, newest first. A status changes, so its index is on the runs, and starts with the tenant: each
-- tenant and status has an order of its own, of which no more is read than the page may need, however rare or common it is.
--
-- $1 tenant, or null: any                      $2 statuses           $3 queue
-- $4 created after       $5 created before     $6, $7 created_at and id of the last run of the page before
-- $8 rows                $9 rows to skip       ($3 to $7: null = does not matter)
select
  r.id, r.tenant_id, r.pipeline_id, r.pipeline_version_id, r.status as "status: RunStatus", r.trigger_type,
  r.parameters, r.queue, r.priority, r.labels as "labels: Json<Labels>", r.dispatch as "dispatch: Dispatch",
  r.dispatch_due_at, r.available_at, r.attempt, r.max_attempts, r.lost, r.max_lost, r.claim_count, r.claimed_by,
  r.claimed_at, r.lease_seconds, r.lease_expires_at, r.heartbeat_at, r.started_at, r.finished_at, r.output,
  r.error_code, r.error_message, r.retry_of_run_id, r.root_run_id, r.start_by, r.concurrency_key, r.schedule_id, r.scheduled_for, r.traceparent,
  r.created_at, r.updated_at
from pipeline_runs r
-- All at once, as in list.sql.
where r.id = any (array(
  select place.id
  from tenants t
  cross join unnest($2::text[]) as wanted (status)
  cross join lateral (
    select s.id, s.created_at
    from pipeline_runs s
    where s.tenant_id = t.id
      and s.status = wanted.status
      and ($3::text is null or s.queue = $3)
      and ($4::timestamptz is null or s.created_at > $4)
      and ($5::timestamptz is null or s.created_at < $5)
      and ($6::timestamptz is null or (s.created_at, s.id) < ($6, $7::uuid))
    order by s.created_at desc, s.id desc
    limit $8::bigint + $9::bigint
  ) place
  where $1::uuid is null or t.id = $1
  order by place.created_at desc, place.id desc
  limit $8
  offset $9
))
order by r.created_at desc, r.id desc

-- What was before knows no parked runs, and one run for each claim_id.
update pipeline_runs set dispatch_due_at = greatest(available_at, now())
where status = 'QUEUED' and dispatch = 'push' and dispatch_due_at is null and redispatch_at is null;
update pipeline_runs r set claim_id = null
where r.status = 'RUNNING' and exists (
  select from pipeline_runs o where o.status = 'RUNNING' and o.claim_id = r.claim_id and o.id < r.id);
drop function obstacle, claim_runs_by_id, claim_runs, lock_expired, claimed_before, has_slot, count_slots, move_mark, lock_waiting, octets, next_in_turn, lease_runs, has_limit,
  is_claimable, concurrency_key_is_free, lease_is_alive, tenant_lock_key;
drop index pipelines_bounded, pipeline_runs_claim_id, pipeline_runs_parked, pipeline_runs_queue_by_pipeline,
  pipeline_runs_queue_by_queue, pipeline_runs_concurrency_key;
create unique index pipeline_runs_claim_id on pipeline_runs (claim_id)
  where status = 'RUNNING' and claim_id is not null;
drop trigger check_new_run on pipeline_runs;
drop trigger check_changed_run on pipeline_runs;
drop function check_run;
alter table pipeline_runs
  drop column concurrency_key,
  drop constraint attempt_within_max,
  drop constraint counts_and_words,
  add check (trigger_type <> '' and length(trigger_type) <= 30),
  add check (jsonb_typeof(parameters) = 'object'),
  add check (queue <> '' and length(queue) <= 100),
  add check (priority between 0 and 9),
  add check (jsonb_typeof(labels) = 'object'),
  add check (dispatch in ('push', 'pull')),
  add check (max_attempts between 1 and 20),
  add check (max_lost between 0 and 20),
  add check (idempotency_key <> '' and length(idempotency_key) <= 255),
  add check (length(request_sha256) = 32),
  add constraint idempotency_key_with_digest check ((idempotency_key is null) = (request_sha256 is null)),
  add check (attempt >= 1),
  add check (lost >= 0),
  add check (claim_count >= 0),
  add check (claimed_by <> '' and length(claimed_by) <= 200),
  add check (lease_seconds between 5 and 43200),
  add check (length(error_code) <= 100),
  add check (dispatches >= 0),
  add constraint attempt_within_max check (attempt <= max_attempts);

drop function obstacle, claim_runs_by_id, claim_runs, lock_expired, claimed_before, has_slot, count_slots, move_mark, lock_waiting, octets, next_in_turn, lease_runs,
  is_claimable, concurrency_key_is_free, lease_is_alive, tenant_lock_key;
drop index pipelines_bounded, pipeline_runs_claim_id, pipeline_runs_parked, pipeline_runs_queue_by_pipeline,
  pipeline_runs_queue_by_queue, pipeline_runs_concurrency_key;
create unique index pipeline_runs_claim_id on pipeline_runs (claim_id)
  where status = 'RUNNING' and claim_id is not null;
alter table pipeline_runs drop column concurrency_key;

drop function retry_delay;
drop function lease_expired_message;
drop index pipeline_runs_redispatch, pipeline_runs_start_by;
alter table pipeline_runs
  drop constraint redispatch_only_while_queued,
  drop column start_by,
  drop column queued_at,
  drop column dispatches,
  drop column redispatch_at;

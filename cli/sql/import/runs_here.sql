-- Runs of the replaced service that are here.
--
-- $1 their ids
select
  r.id, r.tenant_id, r.pipeline_id, r.pipeline_version_id, r.status, r.trigger_type,
  r.parameters::text as "parameters!: JsonText", r.claim_count, r.claimed_by, r.claimed_at, r.heartbeat_at, r.started_at,
  r.finished_at, r.output::text as "output: JsonText", r.error_code, r.error_message, r.retry_of_run_id, r.root_run_id,
  r.created_at, r.updated_at
from pipeline_runs r
where r.id = any ($1)

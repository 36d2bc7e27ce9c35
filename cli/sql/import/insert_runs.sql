-- Inserts runs of the replaced service: those that have ended, and QUEUED ones that are taken over. SQS is told of none: they wait for a
-- claim, in the order in which they were created.
--
-- $1 the rows, a list of objects with a field for each column; parameters and output are text, which keeps every digit of a number
insert into pipeline_runs (
  id, tenant_id, pipeline_id, pipeline_version_id, status, trigger_type, parameters, queue, dispatch, available_at, queued_at,
  claim_count, claimed_by, claimed_at, heartbeat_at, started_at, finished_at, output, error_code, error_message,
  retry_of_run_id, root_run_id, created_at, updated_at)
select
  s.id, s.tenant_id, s.pipeline_id, s.pipeline_version_id, s.status, s.trigger_type, s.parameters::jsonb,
  coalesce(p.queue, 'default'), 'pull', s.created_at, s.created_at,
  s.claim_count, s.claimed_by, s.claimed_at, s.heartbeat_at, s.started_at, s.finished_at, s.output::jsonb, s.error_code,
  s.error_message, s.retry_of_run_id, s.root_run_id, s.created_at, s.updated_at
from json_to_recordset($1::json) as s (
  id uuid, tenant_id uuid, pipeline_id uuid, pipeline_version_id uuid, status text, trigger_type text, parameters text,
  claim_count integer, claimed_by text, claimed_at timestamptz, heartbeat_at timestamptz, started_at timestamptz,
  finished_at timestamptz, output text, error_code text, error_message text, retry_of_run_id uuid, root_run_id uuid,
  created_at timestamptz, updated_at timestamptz)
left join pipelines p on p.id = s.pipeline_id

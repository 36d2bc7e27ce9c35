-- find_by_idempotency_key.sql for several keys.
--
-- $1 tenant of each key   $2 idempotency keys
select
  r.id, r.tenant_id, r.pipeline_version_id, r.status as "status: RunStatus", r.attempt, r.max_attempts, r.available_at,
  r.dispatch_due_at, r.started_at, r.finished_at, r.created_at, r.updated_at,
  r.idempotency_key as "idempotency_key!", r.request_sha256 as "request_sha256!"
from unnest($1::uuid[], $2::text[]) as a (tenant_id, idempotency_key)
join pipeline_runs r on r.tenant_id = a.tenant_id and r.idempotency_key = a.idempotency_key

-- holder.sql for several runs, each named once. No row: there is no such run.
--
-- An array each, with one entry for every run: $1 tenant, or null: any   $2 runs   $3 lease token, or null
select
  r.id, r.tenant_id, r.pipeline_version_id, r.status as "status: RunStatus", r.attempt, r.max_attempts, r.available_at,
  r.dispatch_due_at, r.started_at, r.finished_at, r.created_at, r.updated_at,
  r.claim_count, a.lease_token is not null as "token_given!", coalesce(r.lease_token = a.lease_token, false) as "holds_token!",
  -- Of the latest attempt only: an older one's token was lost to the attempt after it.
  (select b.outcome from run_attempts b
   where b.run_id = r.id and b.lease_token = a.lease_token and b.claim_number = r.claim_count) as token_outcome
from unnest($1::uuid[], $2::uuid[], $3::uuid[]) as a (tenant_id, id, lease_token)
join pipeline_runs r on r.id = a.id
where a.tenant_id is null or r.tenant_id = a.tenant_id

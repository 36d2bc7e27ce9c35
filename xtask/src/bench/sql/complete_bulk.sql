-- What complete.sql does, for many runs at once.
--
-- $1 tenant   $2 runs   $3 their lease tokens
update pipeline_runs r
set status = 'SUCCEEDED',
    finished_at = now(),
    lease_expires_at = null,
    updated_at = now()
from unnest($2::uuid[], $3::uuid[]) as given (id, lease_token)
where r.id = given.id
  and r.lease_token = given.lease_token
  and r.lease_expires_at is not null
  and r.tenant_id = $1

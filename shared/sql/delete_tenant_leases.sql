-- Ends runs of a tenant that are RUNNING: their workers are told so with the next heartbeat, as after any other cancellation. Those that somebody has locked
-- at this moment are passed by.
--
-- $1 tenant   $2 runs at most
with running as materialized (
  select r.id
  from pipeline_runs r
  where r.tenant_id = $1
    and r.status = 'RUNNING'
  -- In the order of the index that has a tenant's runs by status.
  order by r.created_at desc, r.id desc
  limit $2
  for no key update skip locked
)
update pipeline_runs r
set status = 'CANCELLED',
    finished_at = now(),
    lease_expires_at = null,
    error_code = 'cancelled',
    error_message = 'the tenant is being deleted',
    updated_at = now()
where r.id = any (array(select running.id from running))

-- The secret parameters of a run, for who holds its lease; null: it has none. No row: holder.sql says why.
--
-- $1 tenant, or null: any   $2 run   $3 lease token
select s.parameters as "parameters?: Json<Map<String, Value>>"
from pipeline_runs r
left join run_secrets s on s.run_id = r.id
where r.id = $2
  and r.lease_token = $3
  -- Only RUNNING rows have a lease_expires_at.
  and r.lease_expires_at > clock_timestamp()
  and ($1::uuid is null or r.tenant_id = $1)

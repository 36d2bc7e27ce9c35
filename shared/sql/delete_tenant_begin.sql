-- Begins a batch: nothing of the tenant is claimed any more, and its keys let nobody in. Until the end of the transaction its versions may be deleted
-- (migration 20261124000008), and statements are planned as those of the sweep are, so that none reads a table from end to end.
--
-- $1 tenant   $2 who does it
with paused as (
  update tenants t set paused = true where t.id = $1 and not t.paused
),
revoked as (
  update api_keys k set revoked_at = now(), revoked_by = $2 where k.tenant_id = $1 and k.revoked_at is null
),
begun as (
  insert into tenant_deletions (tenant_id) values ($1) on conflict (tenant_id) do nothing
)
select
  set_config('runplane.deletes_tenant', $1::text, true) as "deletes_tenant!",
  set_config('plan_cache_mode', 'force_generic_plan', true) as "plan_cache_mode!",
  set_config('enable_seqscan', 'off', true) as "enable_seqscan!",
  -- A bitmap scan leaves what is dead in an index as it found it, and the check of a foreign key would go over all deleted runs again each time.
  set_config('enable_bitmapscan', 'off', true) as "enable_bitmapscan!",
  -- What stood there before this statement.
  d.tenant_id is null as "first!",
  coalesce(d.started_at, now()) as "started_at!",
  coalesce(d.runs, 0) as "runs!",
  coalesce(d.rows, 0) as "rows!",
  d.after_created_at as "after_created_at?",
  d.after_id as "after_id?"
from (values (true)) one
left join tenant_deletions d on d.tenant_id = $1

-- How many webhooks and schedules a tenant may have: what one tenant has of them, the sweep does for everybody (docs/decisions/0031 and 0032).
set local lock_timeout = '10s';

-- When the rows are there, so that a name that is taken is no row too many. Whoever adds one holds the tenant's row until that is committed: the next one
-- counts it. Runs are created meanwhile; a claim passes by a tenant with a limit for as long.
create function limit_webhooks() returns trigger language plpgsql as $$
declare
  full_tenant uuid;
begin
  perform from tenants t where t.id in (select a.tenant_id from added a) order by t.id for no key update;
  select a.tenant_id into full_tenant
  from (select distinct tenant_id from added) a
  where (select count(*) from (select from listeners l where l.tenant_id = a.tenant_id limit 21) counted) > 20
  limit 1;
  if found then
    raise exception 'tenant % has 20 webhooks, and may have no more', full_tenant
      using errcode = 'check_violation', table = 'listeners', constraint = 'webhooks_per_tenant';
  end if;
  return null;
end $$;

create trigger limit_webhooks after insert on listeners referencing new table as added for each statement
  execute function limit_webhooks();

create function limit_schedules() returns trigger language plpgsql as $$
declare
  full_tenant uuid;
begin
  perform from tenants t where t.id in (select a.tenant_id from added a) order by t.id for no key update;
  select a.tenant_id into full_tenant
  from (select distinct tenant_id from added) a
  where (select count(*) from (select from schedules s where s.tenant_id = a.tenant_id limit 1001) counted) > 1000
  limit 1;
  if found then
    raise exception 'tenant % has 1000 schedules, and may have no more', full_tenant
      using errcode = 'check_violation', table = 'schedules', constraint = 'schedules_per_tenant';
  end if;
  return null;
end $$;

create trigger limit_schedules after insert on schedules referencing new table as added for each statement
  execute function limit_schedules();

-- As 20261124000005 has it.
create or replace function see_worker(worker text, tenant uuid, queues text[]) returns void language plpgsql volatile as $$
declare
  served constant text[] := case when queues is not null then array(select distinct q from unnest(queues) q order by q) end;
  noted record;
begin
  select w.id, w.last_seen_at > now() - interval '30 s' and w.queues is not distinct from served as lately
  into noted
  from workers w
  where w.worker_id = worker
    and (w.tenant_id = tenant or (tenant is null and w.tenant_id is null));
  if not found then
    insert into workers (worker_id, tenant_id, queues)
    select worker, tenant, served
    where tenant is null or exists (select from tenants t where t.id = tenant)
    on conflict (worker_id, tenant_id) do nothing;
  elsif not noted.lately then
    update workers w
    set queues = served, last_seen_at = now()
    from (select free.id from workers free where free.id = noted.id for no key update skip locked) free
    where w.id = free.id;
  end if;
end $$;

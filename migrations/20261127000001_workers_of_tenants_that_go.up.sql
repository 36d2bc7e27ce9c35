-- A worker's first claim for a tenant that is being deleted at this moment: the foreign key waited for the deletion, and then failed the claim (docs/decisions/0019).

-- As 20261124000005 has it, but that such a tenant is none any more.
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
    -- The lock that the foreign key takes, and before it: it waits for a deletion just the same, and then finds no tenant. `skip locked` would wait too, where the
    -- transaction that deletes the row has changed it before.
    if tenant is not null then
      perform from tenants t where t.id = tenant for key share;
      if not found then return; end if;
    end if;
    insert into workers (worker_id, tenant_id, queues)
    values (worker, tenant, served)
    on conflict (worker_id, tenant_id) do nothing;
  elsif not noted.lately then
    update workers w
    set queues = served, last_seen_at = now()
    from (select free.id from workers free where free.id = noted.id for no key update skip locked) free
    where w.id = free.id;
  end if;
end $$;

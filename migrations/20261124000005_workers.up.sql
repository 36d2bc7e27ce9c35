-- Which workers there are (docs/decisions/0019).

-- Who claims. A heartbeat writes nothing here: it stands on the run, whose lease tells that its worker is alive.
create table workers (
  id             uuid primary key default gen_random_uuid(),
  -- As its claims say.
  worker_id      text not null check (worker_id <> '' and length(worker_id) <= 200),
  -- Its claims name this tenant. null = none: it serves every tenant.
  tenant_id      uuid references tenants (id) on delete cascade,
  -- Its claims name these queues, in order, each once. null = none: it serves every queue.
  queues         text[],
  first_seen_at  timestamptz not null default now(),
  -- Of the last claim that was noted: up to 30 s behind the last one.
  last_seen_at   timestamptz not null default now(),
  unique nulls not distinct (worker_id, tenant_id)
);

-- The list, newest first.
create index workers_list on workers (first_seen_at desc, id desc);
-- Those that are gone, the longest gone first.
create index workers_seen on workers (last_seen_at);

-- Notes that a worker claims: at most once in 30 seconds, so that most claims read one row and write none. Other queues are noted at
-- once. Nobody waits for another claim that notes the same worker, unless it is the worker's very first. A tenant that does not exist has no workers.
create function see_worker(worker text, tenant uuid, queues text[]) returns void language plpgsql volatile as $$
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

-- The witness of the chaos: what became of runs, steps and limits, change by change. It is no part of the product. The functions' role owns nothing here
-- and has no right on this schema; the triggers write as their owner. All tables are logged, since Postgres is killed while they are written.
--
-- A change and what the witness says of it are one transaction: both are there, or neither.

drop schema if exists chaos cascade;
create schema chaos;

-- One order for all changes. Of one run it is the order in which they happened, as each holds the row's lock until it commits. Who has seen that a change is
-- committed has a higher number.
create sequence chaos.seq;

create table chaos.run_changes (
  seq              bigint primary key default nextval('chaos.seq'),
  at               timestamptz not null default clock_timestamp(),
  xact             xid8 not null default pg_current_xact_id(),
  run_id           uuid not null,
  tenant_id        uuid not null,
  pipeline_id      uuid not null,
  concurrency_key  text,
  max_attempts     integer not null,
  max_lost         integer not null,
  -- What was is null of an insert, what is now null of a delete.
  old_status       text,        new_status       text,
  old_token        uuid,        new_token        uuid,
  old_expires_at   timestamptz, new_expires_at   timestamptz,
  old_attempt      integer,     new_attempt      integer,
  old_lost         integer,     new_lost         integer,
  old_claim_count  integer,     new_claim_count  integer,
  -- An end that is written twice is seen by this alone.
  old_finished_at  timestamptz, new_finished_at  timestamptz
);

create table chaos.step_changes (
  seq              bigint primary key default nextval('chaos.seq'),
  at               timestamptz not null default clock_timestamp(),
  xact             xid8 not null default pg_current_xact_id(),
  run_id           uuid not null,
  tenant_id        uuid not null,
  step_id          text not null,
  item             integer not null,
  -- Of the run, at that moment: under which lease it was stored.
  lease_token      uuid,
  old_run_attempt  integer,     new_run_attempt  integer,
  old_status       text,        new_status       text,
  old_attempts     integer,     new_attempts     integer,
  -- A digest of the output.
  old_output       text,        new_output       text,
  old_finished_at  timestamptz, new_finished_at  timestamptz
);

create table chaos.limit_changes (
  seq          bigint primary key default nextval('chaos.seq'),
  at           timestamptz not null default clock_timestamp(),
  xact         xid8 not null default pg_current_xact_id(),
  tenant_id    uuid not null,
  -- null: the limit of the tenant itself.
  pipeline_id  uuid,
  -- Leases that may live at once from now on: 0 while it is paused, null without a limit.
  slots        integer
);

-- The driver's own log (ledger.rs), filled when the chaos is over.
create table chaos.ledger (
  line           bigint generated always as identity primary key,
  at             timestamptz not null,
  kind           text not null,
  tenant_id      uuid not null,
  run_id         uuid not null,
  run_tenant_id  uuid,
  lease_token    uuid,
  key            text,
  worker         text,
  outcome        text,
  status         text,
  claim_count    integer,
  attempt        integer,
  step_id        text,
  code           text
);

create function chaos.see_run() returns trigger language plpgsql security definer set search_path = pg_catalog, pg_temp as $$
begin
  insert into chaos.run_changes (run_id, tenant_id, pipeline_id, concurrency_key, max_attempts, max_lost, old_status, new_status, old_token, new_token,
    old_expires_at, new_expires_at, old_attempt, new_attempt, old_lost, new_lost, old_claim_count, new_claim_count, old_finished_at, new_finished_at)
  values (coalesce(new.id, old.id), coalesce(new.tenant_id, old.tenant_id), coalesce(new.pipeline_id, old.pipeline_id),
    coalesce(new.concurrency_key, old.concurrency_key), coalesce(new.max_attempts, old.max_attempts), coalesce(new.max_lost, old.max_lost),
    old.status, new.status, old.lease_token, new.lease_token, old.lease_expires_at, new.lease_expires_at, old.attempt, new.attempt,
    old.lost, new.lost, old.claim_count, new.claim_count, old.finished_at, new.finished_at);
  return null;
end $$;

create trigger chaos_sees_a_run after insert or delete on public.pipeline_runs
  for each row execute function chaos.see_run();
create trigger chaos_sees_a_changed_run after update on public.pipeline_runs
  for each row
  when ((old.tenant_id, old.status, old.lease_token, old.lease_expires_at, old.attempt, old.lost, old.claim_count, old.finished_at)
    is distinct from (new.tenant_id, new.status, new.lease_token, new.lease_expires_at, new.attempt, new.lost, new.claim_count, new.finished_at))
  execute function chaos.see_run();

create function chaos.see_step() returns trigger language plpgsql security definer set search_path = pg_catalog, pg_temp as $$
begin
  insert into chaos.step_changes (run_id, tenant_id, step_id, item, lease_token, old_run_attempt, new_run_attempt, old_status, new_status,
    old_attempts, new_attempts, old_output, new_output, old_finished_at, new_finished_at)
  values (coalesce(new.run_id, old.run_id), coalesce(new.tenant_id, old.tenant_id), coalesce(new.step_id, old.step_id), coalesce(new.item, old.item),
    (select r.lease_token from public.pipeline_runs r where r.id = coalesce(new.run_id, old.run_id)),
    old.run_attempt, new.run_attempt, old.status, new.status, old.attempts, new.attempts, md5(old.output::text), md5(new.output::text),
    old.finished_at, new.finished_at);
  return null;
end $$;

create trigger chaos_sees_a_step after insert or update or delete on public.run_steps
  for each row execute function chaos.see_step();

create function chaos.see_limit() returns trigger language plpgsql security definer set search_path = pg_catalog, pg_temp as $$
begin
  if tg_table_name = 'tenants' then
    insert into chaos.limit_changes (tenant_id, slots) values (new.id, case when new.paused then 0 else new.max_running end);
  else
    insert into chaos.limit_changes (tenant_id, pipeline_id, slots)
    values (new.tenant_id, new.id, case when new.paused then 0 else new.max_running end);
  end if;
  return null;
end $$;

create trigger chaos_sees_a_limit after insert or update of max_running, paused on public.tenants
  for each row execute function chaos.see_limit();
create trigger chaos_sees_a_limit after insert or update of max_running, paused on public.pipelines
  for each row execute function chaos.see_limit();

-- What was in force before anybody looked.
insert into chaos.limit_changes (at, tenant_id, slots)
select '-infinity', t.id, case when t.paused then 0 else t.max_running end from public.tenants t;
insert into chaos.limit_changes (at, tenant_id, pipeline_id, slots)
select '-infinity', p.tenant_id, p.id, case when p.paused then 0 else p.max_running end from public.pipelines p;

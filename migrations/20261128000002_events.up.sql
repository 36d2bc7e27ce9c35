-- Events: every change of a run's state, for whoever listens (docs/decisions/0031).

-- Whoever waits for a table keeps everybody out who comes after: rather give up, and be run again when it is quiet.
set local lock_timeout = '10s';

-- Who is told: webhooks of tenants, and at most one event bus, which is told about everybody's runs. The trigger below reads this table for every change of
-- every run. So it is changed when somebody changes a webhook, and never by a delivery.
create table listeners (
  id            uuid primary key,
  -- null: the bus.
  tenant_id     uuid references tenants (id),
  name          text not null check (name <> '' and length(name) <= 100),
  -- A webhook's. That of the bus is in the settings of the function that sends.
  url           text check (url <> '' and length(url) <= 2048),
  -- The name of the secret that it is signed with. Never a secret.
  secret_ref    text check (secret_ref <> '' and length(secret_ref) <= 256),
  -- Which types of events. null: all.
  event_types   text[] check (cardinality(event_types) > 0),
  -- Of whose runs. null: of every pipeline of the tenant.
  pipeline_id   uuid,
  -- Nothing is sent. What happens meanwhile is kept as long as anything else that waits.
  paused        boolean not null default false,
  -- Set by an operator, in SQL alone: private and loopback addresses, and http.
  allow_private_addresses  boolean not null default false,
  created_at    timestamptz not null default now(),
  unique (tenant_id, name),
  foreign key (tenant_id, pipeline_id) references pipelines (tenant_id, id) on delete cascade,
  constraint webhook_iff_of_a_tenant check (
    (tenant_id is null) = (url is null) and (tenant_id is null) = (secret_ref is null)),
  constraint bus_is_told_everything check (tenant_id is not null or (event_types is null and pipeline_id is null))
);

comment on table listeners is 'Who is told about changes of runs: webhooks, and the event bus. No row has a secret, only the name of one.';

create unique index listeners_bus on listeners ((true)) where tenant_id is null;
-- The lists, newest first.
create index listeners_list on listeners (created_at desc, id desc);
create index listeners_list_tenant on listeners (tenant_id, created_at desc, id desc);

-- How deliveries to a listener went of late. Apart from the listener, which would have a new version for every one otherwise, and a change of a run would
-- have to walk past those of them that an old snapshot keeps. No row: none was tried yet. Without a foreign key: whoever delivers may be late.
create table listener_health (
  listener_id        uuid primary key,
  -- Since one went well.
  failures           integer not null default 0 check (failures >= 0),
  failing_since      timestamptz,
  -- It is left alone until then.
  rests_until        timestamptz,
  -- A word: http_503, connect, timeout. Never what a receiver said.
  last_error         text,
  last_failed_at     timestamptz,
  -- Up to 30 s behind.
  last_delivered_at  timestamptz,
  constraint failing_iff_since check ((failures > 0) = (failing_since is not null))
) with (fillfactor = 50);

-- What a listener has to be told: one row for each listener that an event is for, until it has been told. What an event says stands here, as the run may
-- have changed, or be gone, when it is told.
create table deliveries (
  -- Rises in the order in which the states of a run changed: whoever changes one holds the run's row until the change is seen by others.
  id           bigint generated always as identity primary key,
  -- No foreign key, which would lock the listener's row for every change of a run. What belongs to no listener any more is deleted by whoever delivers.
  listener_id  uuid not null,
  tenant_id    uuid not null,
  run_id       uuid not null,
  -- The same for every listener, and for every time that it is sent.
  event_id     uuid not null,
  event_type   text not null,
  -- Without parameters, outputs, messages and whatever else may be a secret.
  data         jsonb not null,
  -- When it happened.
  happened_at  timestamptz not null default now(),
  -- Sent no sooner. While it is under way: when it is sent again, should nobody say what became of it.
  due_at       timestamptz not null default now(),
  attempts     integer not null default 0 check (attempts >= 0),
  last_error   text,
  given_up     boolean not null default false,
  -- When it is given up; once it was: when it is deleted.
  until        timestamptz not null default now() + interval '3 days'
);

comment on table deliveries is 'Events that somebody has still to be told, and those that were given up.';

-- What is due, listener by listener.
create index deliveries_due on deliveries (listener_id, due_at, id) where not given_up;
-- What of the same run comes before, and after.
create index deliveries_of_run on deliveries (run_id, listener_id, id) where not given_up;
-- What has waited for too long, and what was given up.
create index deliveries_until on deliveries (listener_id, given_up, until);
create index deliveries_of_tenant on deliveries (tenant_id);

-- Each is deleted within minutes, as a rule.
alter table deliveries set (autovacuum_vacuum_scale_factor = 0.05, autovacuum_vacuum_threshold = 1000, autovacuum_vacuum_cost_limit = 1000);

-- What an event says about a run. Times are written in UTC, whoever changes the run.
create function event_data(run pipeline_runs, reason text) returns jsonb language plpgsql stable
set timezone = 'UTC' as $$
begin
  return (select jsonb_strip_nulls(jsonb_build_object(
    'run_id', run.id,
    'tenant_id', run.tenant_id,
    'pipeline_id', run.pipeline_id,
    'pipeline', p.name,
    'pipeline_version_id', run.pipeline_version_id,
    'version', v.version,
    'status', run.status,
    'reason', reason,
    'trigger_type', run.trigger_type,
    'queue', run.queue,
    'attempt', run.attempt,
    'max_attempts', run.max_attempts,
    'lost', run.lost,
    'claim_count', run.claim_count,
    'error_code', run.error_code,
    'retry_of_run_id', run.retry_of_run_id,
    'root_run_id', run.root_run_id,
    'created_at', run.created_at,
    'available_at', run.available_at,
    'started_at', run.started_at,
    'finished_at', run.finished_at))
    || jsonb_build_object('labels', run.labels)
  from pipelines p, pipeline_versions v
  where p.id = run.pipeline_id and v.id = run.pipeline_version_id);
end $$;

-- Notes a change of a run's state for whoever listens, in the statement that makes it, whoever makes it. Where nobody listens, which is the rule, it is one
-- look into an index.
create function note_event() returns trigger language plpgsql as $$
declare
  kind text;
  event uuid;
begin
  if not exists (select from listeners l where l.tenant_id = new.tenant_id or l.tenant_id is null) then
    return null;
  end if;
  kind := 'run.' || lower(new.status);
  event := gen_random_uuid();
  insert into deliveries (listener_id, tenant_id, run_id, event_id, event_type, data)
  select l.id, new.tenant_id, new.id, event, kind, said.data
  from (
    select event_data(new, case
      when new.status = 'QUEUED' and tg_op = 'INSERT' then case when new.retry_of_run_id is null then 'created' else 'retried' end
      when new.status = 'QUEUED' and new.attempt > old.attempt then 'attempt_failed'
      when new.status = 'QUEUED' and new.lost > old.lost then 'lease_expired'
      when new.status = 'QUEUED' then 'handed_back'
      when new.status = 'RUNNING' and old.status = 'RUNNING' then 'taken_over'
      when new.status = 'RUNNING' then 'claimed'
    end) as data
    offset 0
  ) said
  cross join listeners l
  where (l.tenant_id = new.tenant_id or l.tenant_id is null)
    and (l.pipeline_id is null or l.pipeline_id = new.pipeline_id)
    and (l.event_types is null or kind = any (l.event_types))
  order by l.id;
  return null;
end $$;

-- A run that comes into the table in another state (an import brings such) has not changed its state here.
create trigger note_new_run after insert on pipeline_runs
  for each row when (new.status = 'QUEUED')
  execute function note_event();
-- A claim takes over what is RUNNING already. Heartbeats set neither column, and do not come here.
create trigger note_changed_run after update of status, claim_count on pipeline_runs
  for each row when (new.status <> old.status or new.claim_count > old.claim_count)
  execute function note_event();

grant select, insert, update, delete on listeners, listener_health, deliveries to runplane_functions;

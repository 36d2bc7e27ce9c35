-- Schedules: runs at the times that a cron expression names (docs/decisions/0032).

-- Whoever waits for a table keeps everybody out who comes after: rather give up, and be run again when it is quiet.
set local lock_timeout = '10s';

create table schedules (
  id                   uuid primary key,
  tenant_id            uuid not null references tenants (id),
  name                 text not null check (name <> '' and length(name) <= 200),
  pipeline_id          uuid not null,
  -- null = of the versions that are APPROVED when a run is due, the one that was approved last.
  pipeline_version_id  uuid,

  -- Five fields, and the name of a time zone. Rust knows what they mean; the row has what came of it, in next_due_at.
  cron                 text not null check (cron <> '' and length(cron) <= 200),
  time_zone            text not null check (time_zone <> '' and length(time_zone) <= 100),
  -- What becomes of times that have passed without a run.
  missed_runs          text not null check (missed_runs in ('skip', 'latest', 'all')),
  -- Neither before the one nor after the other.
  starts_at            timestamptz,
  ends_at              timestamptz,
  paused               boolean not null default false,

  -- What its runs get, as whoever creates one by hand says it; null = as there.
  parameters           jsonb not null default '{}' check (jsonb_typeof(parameters) = 'object'),
  queue                text check (queue <> '' and length(queue) <= 100),
  priority             smallint not null default 5 check (priority between 0 and 9),
  labels               jsonb not null default '{}' check (jsonb_typeof(labels) = 'object'),
  dispatch             text not null default 'push' check (dispatch in ('push', 'pull')),
  max_attempts         integer check (max_attempts between 1 and 20),
  max_lost             integer not null default 3 check (max_lost between 0 and 20),
  concurrency_key      text check (concurrency_key <> '' and length(concurrency_key) <= 200),

  -- The first of its times that was not dealt with. null = there is none, or it is paused.
  next_due_at          timestamptz,
  -- The last time that has a run, and that run, which may be deleted by now.
  last_due_at          timestamptz,
  last_run_id          uuid,
  -- Why the last time has no run. null = it has one.
  last_error           text,
  last_error_at        timestamptz,
  created_at           timestamptz not null default now(),
  updated_at           timestamptz not null default now(),

  unique (tenant_id, name),
  foreign key (tenant_id, pipeline_id) references pipelines (tenant_id, id),
  foreign key (tenant_id, pipeline_id, pipeline_version_id) references pipeline_versions (tenant_id, pipeline_id, id),
  constraint paused_is_not_due check (not paused or next_due_at is null),
  constraint ends_after_it_starts check (ends_at > starts_at),
  constraint run_with_its_time check ((last_due_at is null) = (last_run_id is null)),
  constraint error_with_its_time check ((last_error is null) = (last_error_at is null))
);

comment on table schedules is
  'SELECT name, cron, time_zone, next_due_at, last_due_at, last_error FROM schedules ORDER BY next_due_at LIMIT 20;';

-- What is due, longest due first: the sweep looks every minute.
create index schedules_due on schedules (next_due_at, id) where next_due_at is not null;
-- The lists, newest first. The last one is also for the end of a tenant, whose pipelines and versions are looked for here.
create index schedules_list on schedules (created_at desc, id desc);
create index schedules_list_tenant on schedules (tenant_id, created_at desc, id desc);
create index schedules_list_pipeline on schedules (tenant_id, pipeline_id, created_at desc, id desc);

-- Which schedule made a run, and for what time; both or neither. There is no index: a run is not looked for by them, and that a time has
-- one run at most is kept by its idempotency key, schedule/<id>/<time>. No foreign key: a run outlives its schedule.
alter table pipeline_runs
  add column schedule_id uuid,
  add column scheduled_for timestamptz;

grant select, insert, update, delete on schedules to runplane_functions;

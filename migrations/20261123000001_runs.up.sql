-- The tables of a run's whole life. docs/architecture.md names the columns that others rely on.
--
-- Ids are UUIDv7 made in Rust, times come from now() here and nowhere else. Every key starts with the tenant where a query
-- knows it, so that the schema can be distributed by tenant one day.

create table tenants (
  id           uuid primary key,
  name         text not null check (name <> '' and length(name) <= 200),
  -- Live leases this tenant may hold at once. null = no limit.
  max_running  integer check (max_running >= 0),
  -- Nothing of a paused tenant is claimed.
  paused       boolean not null default false,
  created_at   timestamptz not null default now()
);

create table pipelines (
  id           uuid primary key,
  tenant_id    uuid not null references tenants (id),
  name         text not null check (name <> '' and length(name) <= 200),
  description  text,
  -- The queue of runs whose creator names none. null = 'default'.
  queue        text check (queue <> '' and length(queue) <= 100),
  max_running  integer check (max_running >= 0),
  paused       boolean not null default false,
  created_at   timestamptz not null default now(),
  unique (tenant_id, name),
  -- What pipeline_versions refers to: a version cannot belong to another tenant than its pipeline.
  unique (tenant_id, id)
);

create table pipeline_versions (
  id           uuid primary key,
  tenant_id    uuid not null,
  pipeline_id  uuid not null,
  version      text not null check (version <> '' and length(version) <= 50),
  status       text not null default 'DRAFT' check (status in ('DRAFT', 'APPROVED', 'DEPRECATED')),
  dag_spec     jsonb not null check (jsonb_typeof(dag_spec) = 'object'),
  -- Over the canonical form, written at approval.
  dag_sha256   bytea check (length(dag_sha256) = 32),
  created_at   timestamptz not null default now(),
  approved_at  timestamptz,
  approved_by  text,
  unique (pipeline_id, version),
  -- What pipeline_runs refers to: a run, its version and its pipeline are of one tenant.
  unique (tenant_id, pipeline_id, id),
  foreign key (tenant_id, pipeline_id) references pipelines (tenant_id, id)
);

create table pipeline_runs (
  id                   uuid primary key,
  tenant_id            uuid not null,
  pipeline_id          uuid not null,
  pipeline_version_id  uuid not null,
  status               text not null default 'QUEUED'
                       check (status in ('QUEUED', 'RUNNING', 'SUCCEEDED', 'FAILED', 'CANCELLED')),
  trigger_type         text not null default 'manual' check (trigger_type <> '' and length(trigger_type) <= 30),
  parameters           jsonb not null default '{}' check (jsonb_typeof(parameters) = 'object'),
  queue                text not null default 'default' check (queue <> '' and length(queue) <= 100),
  -- 9 is claimed first.
  priority             smallint not null default 5 check (priority between 0 and 9),
  labels               jsonb not null default '{}' check (jsonb_typeof(labels) = 'object'),

  -- 'push': SQS wakes the Lambda worker. 'pull': the run waits for a claim. Either may be claimed by anyone.
  dispatch             text not null default 'push' check (dispatch in ('push', 'pull')),
  -- The row is its own outbox: when SQS has to be told that this run waits. null = nothing to tell.
  dispatch_due_at      timestamptz,
  -- A QUEUED run whose available_at lies ahead is delayed.
  available_at         timestamptz not null default now(),

  -- 1-based; rises when an attempt that failed is followed by another.
  attempt              integer not null default 1 check (attempt >= 1),
  max_attempts         integer not null default 1 check (max_attempts between 1 and 20),
  -- Leases that expired; does not count as an attempt.
  lost                 integer not null default 0 check (lost >= 0),
  max_lost             integer not null default 3 check (max_lost between 0 and 20),

  -- Every claim of this run, whoever made it. While it is 1, no other worker can ever have held the run.
  claim_count          integer not null default 0 check (claim_count >= 0),
  -- The caller's own id of its claim: the same one again gets the same claim.
  claim_id             uuid,
  claimed_by           text check (claimed_by <> '' and length(claimed_by) <= 200),
  claimed_at           timestamptz,
  -- The fence. It stays when the run ends, so that a repeated completion is recognised.
  lease_token          uuid,
  lease_seconds        integer check (lease_seconds between 5 and 43200),
  lease_expires_at     timestamptz,
  heartbeat_at         timestamptz,

  started_at           timestamptz,
  finished_at          timestamptz,
  output               jsonb,
  error_code           text check (length(error_code) <= 100),
  error_message        text,

  retry_of_run_id      uuid,
  -- The first run of the lineage; a run that retries nothing is its own root.
  root_run_id          uuid not null,
  idempotency_key      text check (idempotency_key <> '' and length(idempotency_key) <= 255),
  -- Of the create request, to tell a repeated request from another one under the same key.
  request_sha256       bytea check (length(request_sha256) = 32),
  created_at           timestamptz not null default now(),
  updated_at           timestamptz not null default now(),

  foreign key (tenant_id, pipeline_id, pipeline_version_id)
    references pipeline_versions (tenant_id, pipeline_id, id),

  constraint running_has_lease check (
    (status = 'RUNNING') = (lease_expires_at is not null)
    and (status <> 'RUNNING' or (lease_token is not null and claimed_by is not null and claimed_at is not null
                                 and lease_seconds is not null and started_at is not null and claim_count >= 1))),
  constraint queued_has_no_claim check (
    status <> 'QUEUED' or (lease_token is null and claimed_by is null and claimed_at is null and claim_id is null
                           and lease_seconds is null and heartbeat_at is null)),
  constraint terminal_iff_finished check ((status in ('SUCCEEDED', 'FAILED', 'CANCELLED')) = (finished_at is not null)),
  constraint succeeded_without_error check (status <> 'SUCCEEDED' or (error_code is null and error_message is null)),
  constraint dispatch_due_only_while_queued check (
    dispatch_due_at is null or (status = 'QUEUED' and dispatch = 'push')),
  constraint attempt_within_max check (attempt <= max_attempts),
  constraint idempotency_key_with_digest check ((idempotency_key is null) = (request_sha256 is null))
);

comment on table pipeline_runs is
  'SELECT id, status, claimed_by, started_at, finished_at, error_message FROM pipeline_runs ORDER BY created_at DESC LIMIT 5;';

-- The queue: a tenant's best run is the first entry that is due.
create index pipeline_runs_queue on pipeline_runs (tenant_id, priority desc, available_at, id) where status = 'QUEUED';
-- The leases: what expired, oldest first.
create index pipeline_runs_leases on pipeline_runs (lease_expires_at, id) where status = 'RUNNING';
-- A claim that is asked for twice; unique, so that of two askers at once one waits and then finds the other's claim.
create unique index pipeline_runs_claim_id on pipeline_runs (claim_id)
  where status = 'RUNNING' and claim_id is not null;
-- The outbox: what SQS has to be told, longest due first.
create index pipeline_runs_dispatch on pipeline_runs (dispatch_due_at, id) where dispatch_due_at is not null;

-- The lists, newest first: without a tenant, with one, and with one of the filters that are worth an index.
create index pipeline_runs_list on pipeline_runs (created_at desc, id desc);
create index pipeline_runs_list_tenant on pipeline_runs (tenant_id, created_at desc, id desc);
create index pipeline_runs_list_status on pipeline_runs (tenant_id, status, created_at desc, id desc);
create index pipeline_runs_list_pipeline on pipeline_runs (tenant_id, pipeline_id, created_at desc, id desc);
create index pipeline_runs_list_version on pipeline_runs (tenant_id, pipeline_version_id, created_at desc, id desc);
-- Runs without labels pay nothing for this one.
create index pipeline_runs_list_labels on pipeline_runs using gin (labels jsonb_path_ops) where labels <> '{}';

create unique index pipeline_runs_idempotency on pipeline_runs (tenant_id, idempotency_key)
  where idempotency_key is not null;

-- An attempt that ended badly, with the token it was fenced by: what tells its worker, later, that it lost the run.
create table run_attempts (
  run_id         uuid not null references pipeline_runs (id) on delete cascade,
  -- claim_count of the run when this attempt was claimed.
  claim_number   integer not null check (claim_number >= 1),
  tenant_id      uuid not null,
  attempt        integer not null check (attempt >= 1),
  -- FAILED: completed so. LOST: its lease expired.
  outcome        text not null check (outcome in ('FAILED', 'LOST')),
  lease_token    uuid not null,
  claimed_by     text not null,
  claimed_at     timestamptz not null,
  ended_at       timestamptz not null default now(),
  error_code     text,
  error_message  text,
  primary key (run_id, claim_number)
);

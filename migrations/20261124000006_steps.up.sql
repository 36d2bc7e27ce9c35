-- What a run's steps have led to, and what its workers tell about it. All of it goes with the run: every key begins with run_id, so that deleting a
-- run finds its rows by it.

-- A row for each step that has begun, was skipped or waits for its next attempt, and for each item of a step with `for_each`.
create table run_steps (
  run_id         uuid not null references pipeline_runs (id) on delete cascade,
  -- Its id in the dag_spec; of a spec of another kind whatever its worker says.
  step_id        text not null check (step_id <> '' and length(step_id) <= 63),
  -- -1: the step as a whole.
  item           integer not null default -1 check (item >= -1),
  tenant_id      uuid not null,
  -- Of the run. 0: kept from the run that this one retries.
  run_attempt    integer not null check (run_attempt >= 0),
  status         text not null
                 check (status in ('PENDING', 'RUNNING', 'SUCCEEDED', 'FAILED', 'SKIPPED', 'CANCELLED')),
  reason         text check (reason in ('condition', 'upstream_failed', 'upstream_skipped', 'not_needed')),
  -- Of the step, within this attempt of the run.
  attempts       integer not null default 0 check (attempts >= 0),
  -- At most 256 KiB as compact JSON, which may be some times as much as Postgres keeps it.
  output         jsonb check (pg_column_size(output) <= 2097152),
  -- Where the output is when it was too large: the key of an object in the deployment's bucket.
  output_ref     text check (output_ref <> '' and length(output_ref) <= 1024),
  -- As compact JSON, wherever it is.
  output_bytes   bigint check (output_bytes >= 0),
  error          text check (error <> '' and length(error) <= 100),
  error_message  text check (octet_length(error_message) <= 8192),
  started_at     timestamptz,
  finished_at    timestamptz,
  -- PENDING: when its next attempt is due. RUNNING: when the wait is over.
  resume_at      timestamptz,
  -- How long the run had been worked on in this attempt when this was stored, in milliseconds.
  worked_ms      bigint not null default 0 check (worked_ms >= 0),
  updated_at     timestamptz not null default now(),
  primary key (run_id, step_id, item),

  constraint skipped_iff_reason check ((status = 'SKIPPED') = (reason is not null)),
  constraint terminal_iff_finished check (
    (status in ('SUCCEEDED', 'FAILED', 'SKIPPED', 'CANCELLED')) = (finished_at is not null)),
  constraint error_with_message check ((error is null) = (error_message is null)),
  constraint failed_with_error check (status <> 'FAILED' or error is not null),
  constraint succeeded_without_error check (status <> 'SUCCEEDED' or error is null),
  constraint output_only_of_success check (
    status = 'SUCCEEDED' or (output is null and output_ref is null and output_bytes is null)),
  constraint output_in_one_place check (output is null or output_ref is null),
  constraint resumed_only_before_its_end check (resume_at is null or finished_at is null),
  constraint kept_only_when_ended check (run_attempt > 0 or status in ('SUCCEEDED', 'SKIPPED'))
);

-- What a run's workers tell. Only added to.
create table run_logs (
  run_id      uuid not null references pipeline_runs (id) on delete cascade,
  -- UUIDv7: the order of lines that were stored at once.
  id          uuid not null,
  tenant_id   uuid not null,
  level       text not null check (level in ('debug', 'info', 'warning', 'error', 'critical')),
  message     text not null check (octet_length(message) <= 16384),
  -- Who tells it. What is told of steps when they are stored is the executor's.
  source      text check (source <> '' and length(source) <= 200),
  meta        jsonb,
  created_at  timestamptz not null default now(),
  -- The order of the list; no other key finds a line.
  primary key (run_id, created_at, id)
);

-- What a run has made, for people and for other programs. Only added to.
create table run_artifacts (
  run_id         uuid not null references pipeline_runs (id) on delete cascade,
  -- The caller's or ours.
  id             uuid not null,
  tenant_id      uuid not null,
  artifact_type  text not null check (artifact_type <> '' and length(artifact_type) <= 100),
  payload        jsonb not null check (jsonb_typeof(payload) = 'object'),
  source         text check (source <> '' and length(source) <= 200),
  meta           jsonb,
  -- Payload and meta as compact JSON: a page is measured without reading them.
  bytes          integer not null check (bytes >= 0),
  created_at     timestamptz not null default now(),
  primary key (run_id, id)
);

-- The list, oldest first: ids may be the callers', and have no order.
create index run_artifacts_list on run_artifacts (run_id, created_at, id);

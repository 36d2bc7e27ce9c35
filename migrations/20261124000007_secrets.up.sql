-- Parameters of runs that are secret (`"x-secret": true` in the version's `params`), apart from the others: `pipeline_runs.parameters` has `***` in
-- their place, so that whatever shows a run shows none of them. Only who works on the run reads this table.
create table run_secrets (
  run_id      uuid primary key references pipeline_runs (id) on delete cascade,
  tenant_id   uuid not null,
  -- An object with the secret fields alone, each at its place: {"db": {"password": "…"}}.
  parameters  jsonb not null check (jsonb_typeof(parameters) = 'object')
);

comment on table run_secrets is 'Secret parameters of runs. Nothing reads them but what hands them to the worker that holds the run''s lease.';

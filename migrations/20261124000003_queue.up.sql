-- The queue at full speed.

-- At most one run of a tenant with this key is RUNNING at a time.
alter table pipeline_runs
  add column concurrency_key text check (concurrency_key <> '' and length(concurrency_key) <= 200);
create unique index pipeline_runs_concurrency_key on pipeline_runs (tenant_id, concurrency_key)
  where status = 'RUNNING' and concurrency_key is not null;

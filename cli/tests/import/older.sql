-- The tables of an older version of the replaced service: without the columns that came later, and with times without a zone. Its
-- texts have no limits.
create table tenants (id text primary key, name text, created_at timestamp default now());
create table pipelines (id text primary key, tenant_id text, name text, description text, created_at timestamp default now());
create table pipeline_versions (
  id text primary key, tenant_id text, pipeline_id text, version text, status text, dag_spec json,
  created_at timestamp default now());
create table pipeline_runs (
  id text primary key, tenant_id text, pipeline_version_id text, status text, created_at timestamp default now(),
  started_at timestamp, claimed_at timestamp, claimed_by text, finished_at timestamp, error_message text, updated_at timestamp);

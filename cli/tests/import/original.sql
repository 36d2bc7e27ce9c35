-- The tables of the replaced service.
create table tenants (id varchar(36) primary key, name varchar(200), created_at timestamptz default now());
create table pipelines (
  id varchar(36) primary key, tenant_id varchar(36), name varchar(200), description text, created_at timestamptz default now());
create table pipeline_versions (
  id varchar(36) primary key, tenant_id varchar(36), pipeline_id varchar(36), version varchar(50), status varchar(20),
  dag_spec json, created_at timestamptz default now());
create table pipeline_runs (
  id varchar(36) primary key, tenant_id varchar(36), pipeline_version_id varchar(36), status varchar(20), trigger_type varchar(30),
  parameters json, retry_of_run_id varchar(36), root_run_id varchar(36), created_at timestamptz default now(),
  started_at timestamptz, claimed_at timestamptz, claimed_by varchar(200), heartbeat_at timestamptz, finished_at timestamptz,
  error_message text, updated_at timestamptz);
create table pipeline_run_logs (
  id varchar(36) primary key, run_id varchar(36), tenant_id varchar(36), ts timestamptz, level varchar(20), message text,
  source varchar(100), meta json);
create table pipeline_run_artifacts (
  id varchar(36) primary key, run_id varchar(36), tenant_id varchar(36), created_at timestamptz, artifact_type varchar(100),
  payload json, source varchar(100), meta json);

-- The lists beside the runs (docs/decisions/0018).
--
-- A claim and a completion write a new version of the run's row, and with it an entry in every index of the table. What never
-- changes about a run's place in the lists therefore stands in a table of its own: one row a run, written when the run is
-- created and deleted with it, and left alone in between.

-- Whoever waits for a table keeps everybody out who comes after: rather give up, and be run again when it is quiet.
set local lock_timeout = '10s';
-- No run may come in between those that are copied and the triggers.
lock table pipeline_runs in share row exclusive mode;

create table run_list (
  -- That of the run. No foreign key: the triggers below do what it would do, for a whole statement at once.
  id                   uuid not null,
  tenant_id            uuid not null,
  created_at           timestamptz not null,
  pipeline_id          uuid not null,
  pipeline_version_id  uuid not null,
  queue                text not null,
  -- null: none.
  labels               jsonb
);

insert into run_list (id, tenant_id, created_at, pipeline_id, pipeline_version_id, queue, labels)
select r.id, r.tenant_id, r.created_at, r.pipeline_id, r.pipeline_version_id, r.queue, nullif(r.labels, '{}')
from pipeline_runs r
order by r.created_at, r.id;

alter table run_list add primary key (id);
-- The lists, newest first: without a tenant, with one, and with one of the filters that are worth an index.
create index run_list_all on run_list (created_at desc, id desc);
create index run_list_tenant on run_list (tenant_id, created_at desc, id desc);
create index run_list_pipeline on run_list (tenant_id, pipeline_id, created_at desc, id desc);
create index run_list_version on run_list (tenant_id, pipeline_version_id, created_at desc, id desc);
-- Runs without labels pay nothing for this one.
create index run_list_labels on run_list using gin (labels jsonb_path_ops) where labels is not null;

create function list_new_runs() returns trigger language plpgsql as $$
begin
  insert into run_list (id, tenant_id, created_at, pipeline_id, pipeline_version_id, queue, labels)
  select r.id, r.tenant_id, r.created_at, r.pipeline_id, r.pipeline_version_id, r.queue, nullif(r.labels, '{}')
  from new_runs r;
  return null;
end $$;

create trigger list_new_runs after insert on pipeline_runs
  referencing new table as new_runs
  for each statement execute function list_new_runs();

-- By hand only: no verb changes any of these.
create function list_changed_run() returns trigger language plpgsql as $$
begin
  update run_list l
  set id = new.id, tenant_id = new.tenant_id, created_at = new.created_at, pipeline_id = new.pipeline_id,
      pipeline_version_id = new.pipeline_version_id, queue = new.queue, labels = nullif(new.labels, '{}')
  where l.id = old.id;
  return null;
end $$;

create trigger list_changed_run
  after update of id, tenant_id, created_at, pipeline_id, pipeline_version_id, queue, labels on pipeline_runs
  for each row execute function list_changed_run();

create function unlist_deleted_runs() returns trigger language plpgsql as $$
begin
  -- As an array, so that they are looked up by id however large Postgres believes either table to be.
  delete from run_list l where l.id = any (array(select d.id from deleted_runs d));
  return null;
end $$;

create trigger unlist_deleted_runs after delete on pipeline_runs
  referencing old table as deleted_runs
  for each statement execute function unlist_deleted_runs();

create function unlist_all_runs() returns trigger language plpgsql as $$
begin
  truncate run_list;
  return null;
end $$;

create trigger unlist_all_runs after truncate on pipeline_runs
  for each statement execute function unlist_all_runs();

-- For whoever reads the table by hand, newest first (the statement in its comment). No statement of ours uses it.
create index pipeline_runs_created on pipeline_runs (created_at);
drop index pipeline_runs_list, pipeline_runs_list_tenant, pipeline_runs_list_pipeline, pipeline_runs_list_version,
  pipeline_runs_list_labels;

-- Dead versions are cleared away when they are a twentieth of the table, not a fifth: each claim and each completion leaves one behind,
-- also in the index of the queue. With a higher limit per round, so that a round is over before the next one is due.
alter table pipeline_runs set (
  autovacuum_vacuum_scale_factor = 0.05, autovacuum_vacuum_threshold = 1000, autovacuum_vacuum_cost_limit = 1000,
  autovacuum_analyze_scale_factor = 0.05);
